"""The trunk of a network: a mixing of channels and a backbone, to pooled features.

Parameters are {"encoder": of the backbone, "mixing": of the layer before it, if it has
any}; statistics are {"encoder": ...} for a published network, None for our own.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.methods import (
    backbone,
    plain_backbone,
    plain_backbone_options,
    trunk_options,
)
from gandl_jax.methods.contract import IMPORTANCE
from gandl_jax.models import label_heads, small_cnn
from gandl_jax.models.conv_norm import stage_of
from gandl_jax.models.weights import channels as first_layers

Statistics = dict | None
MIXING = "mixing"  # among the parameters, like the next
ENCODER = "encoder"
_INIT_PX = 8  # of images that initialise a mixing; any size will do


class Trunk:
    """The mixing and the backbone of a config.

    Args:
      config: of the experiment; its model has `trunk_options.MODEL`. If its backbone
        may be a published one its method has `trunk_options.OPTIONS`.
      channels: number of channels of the images.
      side: of the images that it sees, in pixels; None for that of whole images.

    Attributes:
      is_apart: whether every channel goes through the backbone alone.
      pass_width: width of the pooled features of a pass through the backbone.
      width: width of an image's features: of all channels, if they go apart.
    """

    def __init__(self, config, channels: int, *, side: int | None = None):
        self._config, self._channels = config, channels
        self._side = side or configs.network_px(config)
        name = config.model.channels_in
        self._mixing = modules.load(trunk_options.MIXING, name)
        options = config.model[name] if name in trunk_options.CHOICES else {}
        self._mix = self._mixing.Mixing(**options)
        self.is_apart = self._mixing.APART
        self._colours = self._mixing.COLOURS or channels
        self._plain = None  # for a published network
        if config.model.backbone in plain_backbone_options.names(config):
            self._plain = plain_backbone.make(config, self._side)
        self._net = self._plain.net if self._plain else self._published()
        self.pass_width = (
            self._plain.width if self._plain else backbone.module(config).WIDTH
        )
        self.width = self.pass_width * (channels if self.is_apart else 1)

    def _published(self) -> Any:
        frozen = self._config.method.freeze
        known = trunk_options.stages(self._config, self._side)
        fixed = known if trunk_options.ALL in frozen else frozen
        return backbone.network(self._config, fixed=fixed)

    def init(self, key: Array) -> tuple[dict, Statistics]:
        """Makes random parameters, and initial statistics."""
        if self._plain:
            images = jnp.zeros((1, self._side, self._side, self._colours))
            params = dict(small_cnn.UnderItsName(self._net).init(key, images)["params"])
            statistics = None
        else:
            encoder_key = jax.random.fold_in(key, 1)
            encoder, encoder_statistics = backbone.init(
                self._net, encoder_key, self._colours
            )
            params, statistics = {ENCODER: encoder}, {ENCODER: encoder_statistics}
        images = jnp.zeros((1, _INIT_PX, _INIT_PX, self._channels))
        mixing = self._mix.init(key, images).get("params")
        return params | ({MIXING: mixing} if mixing else {}), statistics

    def pretrained(self) -> tuple[dict, Statistics]:
        """Reads parameters and statistics of `config.model.weights`: the backbone's.

        Raises:
          InputError: no such file, damaged, or of another architecture.
        """
        sources = None
        if self._colours != backbone.COLOURS:
            sources = [None] * self._colours
        encoder, statistics = backbone.pretrained(self._config, self._net, sources)
        return {ENCODER: encoder}, {ENCODER: statistics}

    def maps(
        self, params: dict, statistics: Statistics, images: Array, *, train: bool
    ) -> tuple[dict[str, Array], Statistics]:
        """Applies mixing and backbone to images; returns statistics too.

        Args:
          params: of mixing and backbone; others are ignored.
          statistics: before.
          images: [B, H, W, C] in [-1, 1].
          train: whether to use the batch's statistics, and move the kept ones.

        Returns:
          ({stage: [B', H', W', D] float32, "pooled": [B, width] float32}, statistics);
          B' = B or, if channels go apart, B C.
        """
        mixed = self._mix.apply({"params": params.get(MIXING, {})}, images)
        if self._plain:
            maps = self._net.apply({"params": params[ENCODER]}, mixed)
            maps["pooled"] = self._plain.pooled(maps)
        elif train:
            maps, moved = backbone.maps_in_training(
                self._net, params[ENCODER], statistics[ENCODER], mixed
            )
            statistics = {ENCODER: moved}
        else:
            maps = backbone.maps(self._net, params[ENCODER], statistics[ENCODER], mixed)
        return maps | {"pooled": self.joined(maps["pooled"])}, statistics

    def joined(self, features: Array) -> Array:
        """Joins features [B C, D] of channels to [B, C D], if they go apart."""
        if not self.is_apart:
            return features
        return features.reshape(-1, self._channels * features.shape[-1])

    def sets(self, maps: dict[str, Array]) -> dict[str, Array]:
        """Returns the feature sets of `maps`, [B, D] each.

        For `small_cnn` "b<r>" of every block and "blocks", for `morphology_cnn` "code",
        for `vit` "tokens" and "blocks"; for published networks "pooled".
        """
        if not self._plain:
            return {"pooled": maps["pooled"]}
        stages = {name: array for name, array in maps.items() if name != "pooled"}
        sets = self._plain.sets(stages)
        return {name: self.joined(array) for name, array in sets.items()}

    def frozen(self, network: str) -> tuple[str, ...]:
        """Returns the layers of `config.method.freeze`, by `frozen`'s names.

        Args:
          network: name of the state's field with the parameters.
        """
        names = self._config.method.freeze
        if trunk_options.ALL in names:
            return (f"{network}/{ENCODER}",)
        known = trunk_options.stages(self._config, self._side)
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        layers = [name for name in params[ENCODER] if stage_of(name, known) in names]
        return tuple(f"{network}/{ENCODER}/{layer}" for layer in layers)

    def summary(self, params: dict, channels: Sequence[str]) -> dict[str, list[dict]]:
        """Returns the table IMPORTANCE; {} for a mixing without fixed weights.

        Args:
          params: of mixing and backbone.
          channels: names of the channels.
        """
        if not hasattr(self._mixing, "importance"):
            return {}
        shares = self._mixing.importance(params[MIXING]).tolist()
        rows = zip(channels, shares, strict=True)
        return {
            IMPORTANCE: [
                {"channel": channel, "importance": share} for channel, share in rows
            ]
        }

    def with_channels(
        self,
        params: dict,
        sources: Sequence[int | None],
        of_head: Callable[[Any, Sequence[int | None], int], Any] | None = None,
    ) -> dict:
        """Returns parameters for images of other channels.

        Args:
          params: of mixing and backbone, and of a layer "dense" or the heads of
            `LabelHeads` on their features.
          sources: the old channel for each new one; None is the mean of all.
          of_head: `with_channels` of those heads, if they are on the features.
        """
        if self.is_apart:
            params = label_heads.with_channels(
                params, sources, self.pass_width, of_head
            )
        if MIXING in params:
            mixing = self._mixing.with_channels(params[MIXING], sources)
            params = params | {MIXING: mixing}
        if self._mixing.COLOURS:
            return params
        with_channels = (self._plain or first_layers).with_channels
        return params | {ENCODER: with_channels(params[ENCODER], sources)}
