"""Convolutions and batch normalisations as each source of weights has them.

Batch normalisation (Ioffe & Szegedy 2015) knows its batch: statistics are those of all
devices in training, and fixed ones otherwise.
"""

import dataclasses
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class NormSettings:
    """What batch normalisations differ in from one source of weights to another.

    Attributes:
      epsilon: added to the variance.
      momentum: what the running statistics keep of themselves in a step; the rest is
        the batch's mean and its (biased) variance.
    """

    epsilon: float
    momentum: float


TORCH = NormSettings(epsilon=1e-5, momentum=0.9)
KERAS = NormSettings(epsilon=1.001e-5, momentum=0.99)  # of keras.applications
TENSORFLOW = NormSettings(epsilon=1e-3, momentum=0.99)  # of EfficientNet's authors


@dataclasses.dataclass(frozen=True)
class Layers:
    """Makes the layers of one network, all of one kind.

    Attributes:
      norm: the source's batch normalisation.
      train: whether the statistics are the batch's; else the running ones.
      fixed: stages that take the running ones all the same (frozen ones).
      axis: of the devices whose statistics are one; None is this device's alone.
      dtype: of the computation; parameters are float32, statistics at least that.
      conv_bias: whether convolutions have biases.
    """

    norm: NormSettings
    train: bool
    axis: str | None = None
    dtype: jnp.dtype = jnp.float32
    conv_bias: bool = False
    fixed: Sequence[str] = ()

    def of(self, stage: str) -> "Layers":
        """Those of a stage, such as "block1"."""
        return dataclasses.replace(self, train=self.train and stage not in self.fixed)

    def batch_norm(self, name: str) -> nn.BatchNorm:
        """A batch normalisation over [B, H, W]."""
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
        """A convolution of side x side, padded by (side - 1) / 2 at each edge.

        Args:
          features: channels of the result.
          side: odd.
          name: of the layer.
          stride: 2 halves height and width, upwards.
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
        """A function of [B, H, W, C]: "<name>_conv", "<name>_norm", the activation."""
        conv = self.conv(features, side, f"{name}_conv", **options)
        norm = self.batch_norm(f"{name}_norm")
        return lambda x: activation(norm(conv(x)))


def stage_of(layer: str, stages: Sequence[str]) -> str:
    """The stage that a layer belongs to.

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
    """What an activation is called where there is none."""
    return x


def halve_by_maximum(x: Array) -> Array:
    """[B, H, W, C]: the maximum of 3 x 3 around every other pixel."""
    return nn.max_pool(x, (3, 3), (2, 2), [(1, 1), (1, 1)])


def halve_by_mean(x: Array) -> Array:
    """[B, H, W, C]: the means of squares of 2 x 2; an odd edge is left out."""
    return nn.avg_pool(x, (2, 2), (2, 2))


def with_pooled(maps: dict[str, Array], last: Array, classes: int) -> dict[str, Array]:
    """Maps in float32, means over space of the last, and a layer of logits on them.

    Args:
      maps: name to [B, H, W, D].
      last: [B, H, W, D] that is averaged.
      classes: of the logits; 0 is without.
    """
    single = jnp.promote_types(last.dtype, jnp.float32)
    pooled = last.astype(single).mean((1, 2))
    found = {name: x.astype(single) for name, x in maps.items()} | {"pooled": pooled}
    if classes:
        found["logits"] = nn.Dense(classes, dtype=single, name="logits")(pooled)
    return found
