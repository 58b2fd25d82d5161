"""The network of a tile: a published backbone, or the small convolutional one.

Both are asked alike, with two trees: parameters, and the statistics of batch
normalisations, None where the network has none.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import parallel
from gandl_jax.methods import backbone
from gandl_jax.methods.deemd import options
from gandl_jax.models import small_cnn
from gandl_jax.models.weights import channels as of_backbone


def make(config, channels: int):
    """The network that `config.model.backbone` names, for so many channels."""
    kind = SmallCnn if config.model.backbone == options.SMALL_CNN else Backbone
    return kind(config, channels)


class Backbone:
    """A network of `models/backbones`; what its last map has on average."""

    def __init__(self, config, channels: int):
        self._config, self._channels = config, channels
        self._net = backbone.network(config)
        self.width = backbone.module(config).WIDTH
        self.with_channels = of_backbone.with_channels

    def init(self, key: Array) -> tuple[dict, dict]:
        """(parameters, statistics), random."""
        return backbone.init(self._net, key, self._channels)

    def published(self) -> tuple[dict, dict]:
        """(parameters, statistics) of `config.model.weights`."""
        sources = None if self._channels == backbone.COLOURS else self._spread()
        return backbone.pretrained(self._config, self._net, sources)

    def _spread(self) -> Sequence[None]:
        return [None] * self._channels

    def features(self, params: dict, statistics: dict, images: Array) -> Array:
        """[N, width] of [N, t, t, C], with fixed statistics."""
        return backbone.maps(self._net, params, statistics, images)["pooled"]

    def in_training(
        self, params: dict, statistics: dict, images: Array
    ) -> tuple[Array, dict]:
        """As `features`, with this batch's statistics; and the new ones."""
        maps, moved = backbone.maps_in_training(self._net, params, statistics, images)
        return maps["pooled"], moved


class SmallCnn:
    """The network of `models/small_cnn.py`: its layer before an answer."""

    def __init__(self, config, channels: int):
        model = config.model
        self._shape = (1, *2 * (options.tile_px(config),), channels)
        self._net = small_cnn.Classifier(
            widths=small_cnn.widths(model.width, model.width_max, model.blocks),
            penultimate=model.penultimate_dim,
            classes={},
            dtype=parallel.compute_dtype(model.dtype),
        )
        self.width, self.with_channels = model.penultimate_dim, small_cnn.with_channels

    def init(self, key: Array) -> tuple[dict, None]:
        """(parameters, no statistics), random."""
        images = jnp.zeros(self._shape)
        return self._net.init(key, images, method="encode")["params"], None

    def features(self, params: dict, statistics: None, images: Array) -> Array:
        """[N, width] of [N, t, t, C]."""
        del statistics
        found = self._net.apply({"params": params}, images, method="encode")
        return found["penultimate"]

    def in_training(
        self, params: dict, statistics: None, images: Array
    ) -> tuple[Array, None]:
        """As `features`, and no statistics."""
        return self.features(params, statistics, images), None


def head(key: Array, width: int) -> dict[str, Array]:
    """Parameters of one logit on features of a width: LeCun's normal, bias 0."""
    kernel = jax.nn.initializers.lecun_normal()(key, (width, 1))
    return {"kernel": kernel, "bias": jnp.zeros(1)}
