"""Convolutions and batch normalisations, as in each source of weights.

Batch normalisation (Ioffe & Szegedy 2015) uses the statistics of the batch on all
devices in training, and fixed ones otherwise.
"""

import dataclasses
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class NormSettings:
    """Settings of batch normalisation that differ between sources of weights.

    Attributes:
      epsilon: added to the variance.
      momentum: share of the running statistics kept in a step; the rest is the batch's
        mean and its (biased) variance.
    """

    epsilon: float
    momentum: float


TORCH = NormSettings(epsilon=1e-5, momentum=0.9)
KERAS = NormSettings(epsilon=1.001e-5, momentum=0.99)  # of keras.applications
TENSORFLOW = NormSettings(epsilon=1e-3, momentum=0.99)  # of EfficientNet's authors


@dataclasses.dataclass(frozen=True)
class Layers:
    """Maker of the layers of one network, with common settings.

    Attributes:
      norm: the source's batch normalisation.
      train: whether the statistics are the batch's; else the running ones.
      fixed: frozen stages, which always take the running ones.
      axis: of the devices that share statistics; None for this device alone.
      dtype: of the computation; parameters are float32, statistics at least that.
      conv_bias: whether convolutions have biases.
    """

    norm: NormSettings
    train: bool
    axis: str | None = None
    dtype: jnp.dtype = jnp.float32
    conv_bias: bool = False
    fixed: Sequence[str] = ()

    def for_stage(self, stage: str) -> "Layers":
        """Returns the maker for a stage, such as "block1"."""
        return dataclasses.replace(self, train=self.train and stage not in self.fixed)

    def batch_norm(self, name: str) -> nn.BatchNorm:
        """Makes a batch normalisation over [B, H, W]."""
        return nn.BatchNorm(
            use_running_average=not self.train,
            momentum=self.norm.momentum,
            epsilon=self.norm.epsilon,
            axis_name=self.axis,
            dtype=self.dtype,
            use_fast_variance=False,  # E[x^2] - E[x]^2 would cancel in float32
            name=name,
        )

    def conv(
        self, features: int, side: int, name: str, *, stride: int = 1, **options
    ) -> nn.Conv:
        """Makes a convolution of side x side, padded by (side - 1) / 2 at each edge.

        Args:
          features: channels of the result.
          side: odd.
          name: of the layer.
          stride: 2 halves height and width, rounded up.
          **options: of `nn.Conv`, such as another padding.
        """
        edge = side // 2
        settings = {"padding": [(edge, edge)] * 2, "use_bias": self.conv_bias}
        return nn.Conv(
            features,
            (side, side),
            (stride, stride),
            kernel_init=nn.initializers.he_normal(),
            dtype=self.dtype,
            name=name,
            **settings | options,
        )

    def conv_norm(
        self,
        features: int,
        side: int,
        name: str,
        activation: Callable = nn.relu,
        **options,
    ) -> Callable:
        """Makes a function of [B, H, W, C]: convolution, normalisation, activation.

        Its layers are "<name>_conv" and "<name>_norm".
        """
        conv = self.conv(features, side, f"{name}_conv", **options)
        norm = self.batch_norm(f"{name}_norm")
        return lambda x: activation(norm(conv(x)))


def stage_of(layer: str, stages: Sequence[str]) -> str:
    """Returns the stage that a layer belongs to.

    Args:
      layer: a name among a network's parameters: "stem_conv", "block1_2"; a
        "transition1" ends a block, and "final_norm" the last of them.
      stages: of the network, in order.
    """
    first = layer.partition("_")[0]
    if first == "final":
        return stages[-1]
    return first.replace("transition", "block")


def unchanged(x: Array) -> Array:
    """Returns x: the activation of layers without one."""
    return x


def halve_by_maximum(x: Array) -> Array:
    """Halves [B, H, W, C] to the maxima of 3 x 3 around every other pixel."""
    return nn.max_pool(x, (3, 3), (2, 2), [(1, 1), (1, 1)])


def halve_by_mean(x: Array) -> Array:
    """Halves [B, H, W, C] to the means of squares of 2 x 2, without an odd edge."""
    return nn.avg_pool(x, (2, 2), (2, 2))


def with_pooled(maps: dict[str, Array], last: Array, classes: int) -> dict[str, Array]:
    """Adds "pooled", means over space of a map, and logits; all in float32.

    Args:
      maps: {name: [B, H, W, D]}.
      last: [B, H, W, D], to be averaged.
      classes: number of logits; 0 is none.
    """
    single = jnp.promote_types(last.dtype, jnp.float32)
    pooled = last.astype(single).mean((1, 2))
    outputs = {
        name: feature_map.astype(single) for name, feature_map in maps.items()
    } | {"pooled": pooled}
    if classes:
        outputs["logits"] = nn.Dense(classes, dtype=single, name="logits")(pooled)
    return outputs
