"""From images of any channels to pooled features: a mixing and a backbone.

Parameters are {"encoder": of the backbone, "mixing": of the layer before it, where it
has any}; statistics {"encoder": ...} of a published network, None of our own.
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
MIXING = "mixing"  # among the parameters, as the next
ENCODER = "encoder"
_INIT_PX = 8  # of images that tell a mixing the number of channels


class Trunk:
    """The mixing and the backbone of a config.

    Args:
      config: of the experiment; its model has `trunk_options.MODEL`. Where its backbone
        may be a published one its method has `trunk_options.OPTIONS`.
      channels: of the images.
      side: of what it sees, in pixels; None is that of whole images.

    Attributes:
      is_apart: whether every channel goes through the backbone alone.
      each: width of a pass's pooled features.
      width: of an image's: those of all channels, where they go apart.
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
        self._plain = None  # of a published network
        if config.model.backbone in plain_backbone_options.names(config):
            self._plain = plain_backbone.make(config, self._side)
        self._net = self._plain.net if self._plain else self._published()
        self.each = self._plain.width if self._plain else backbone.module(config).WIDTH
        self.width = self.each * (channels if self.is_apart else 1)

    def _published(self) -> Any:
        frozen = self._config.method.freeze
        known = trunk_options.stages(self._config, self._side)
        fixed = known if trunk_options.ALL in frozen else frozen
        return backbone.network(self._config, fixed=fixed)

    def init(self, key: Array) -> tuple[dict, Statistics]:
        """Random parameters, and statistics that no batch has moved."""
        if self._plain:
            like = jnp.zeros((1, self._side, self._side, self._colours))
            params = dict(small_cnn.UnderItsName(self._net).init(key, like)["params"])
            statistics = None
        else:
            drawn = jax.random.fold_in(key, 1)
            encoder, moved = backbone.init(self._net, drawn, self._colours)
            params, statistics = {ENCODER: encoder}, {ENCODER: moved}
        like = jnp.zeros((1, _INIT_PX, _INIT_PX, self._channels))
        mixing = self._mix.init(key, like).get("params")
        return params | ({MIXING: mixing} if mixing else {}), statistics

    def pretrained(self) -> tuple[dict, Statistics]:
        """Those of `config.model.weights`; what no file has is not among them.

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
        """What the backbone makes of images, and its statistics after.

        Args:
          params: of mixing and backbone; what else there is is not looked at.
          statistics: before.
          images: [B, H, W, C] in [-1, 1].
          train: by the batch's statistics, which move those that are kept.

        Returns:
          {stage: [B', H', W', D] float32}, B' = B or, where channels go apart, B C;
          "pooled": [B, width] float32.
        """
        mixed = self._mix.apply({"params": params.get(MIXING, {})}, images)
        if self._plain:
            found = self._net.apply({"params": params[ENCODER]}, mixed)
            found["pooled"] = self._plain.pooled(found)
        elif train:
            found, moved = backbone.maps_in_training(
                self._net, params[ENCODER], statistics[ENCODER], mixed
            )
            statistics = {ENCODER: moved}
        else:
            found = backbone.maps(
                self._net, params[ENCODER], statistics[ENCODER], mixed
            )
        return found | {"pooled": self.joined(found["pooled"])}, statistics

    def joined(self, features: Array) -> Array:
        """[B, C D] of [B C, D] features of channels apart; of others as they are."""
        if not self.is_apart:
            return features
        return features.reshape(-1, self._channels * features.shape[-1])

    def sets(self, maps: dict[str, Array]) -> dict[str, Array]:
        """Feature sets of `maps`, [B, D] each.

        Of `small_cnn` "b<r>" of every block and "blocks", of `morphology_cnn` "code",
        of `vit` "tokens" and "blocks"; of published networks "pooled".
        """
        if not self._plain:
            return {"pooled": maps["pooled"]}
        stages = {name: x for name, x in maps.items() if name != "pooled"}
        sets = self._plain.sets(stages)
        return {name: self.joined(x) for name, x in sets.items()}

    def frozen(self, network: str) -> tuple[str, ...]:
        """Layers of `config.method.freeze`, as `frozen` names them.

        Args:
          network: the name under which a state has the parameters.
        """
        names = self._config.method.freeze
        if trunk_options.ALL in names:
            return (f"{network}/{ENCODER}",)
        known = trunk_options.stages(self._config, self._side)
        like, _ = jax.eval_shape(self.init, jax.random.key(0))
        layers = [x for x in like[ENCODER] if stage_of(x, known) in names]
        return tuple(f"{network}/{ENCODER}/{layer}" for layer in layers)

    def summary(self, params: dict, channels: Sequence[str]) -> dict[str, list[dict]]:
        """The table IMPORTANCE; {} of a mixing without fixed weights.

        Args:
          params: of mixing and backbone.
          channels: their names.
        """
        if not hasattr(self._mixing, "importance"):
            return {}
        shares = self._mixing.importance(params[MIXING]).tolist()
        rows = zip(channels, shares, strict=True)
        return {IMPORTANCE: [{"channel": c, "importance": x} for c, x in rows]}

    def with_channels(
        self,
        params: dict,
        sources: Sequence[int | None],
        of_head: Callable[[Any, Sequence[int | None], int], Any] | None = None,
    ) -> dict:
        """Parameters for images of other channels.

        Args:
          params: of mixing and backbone, and of a layer "dense", or else the heads of
            `LabelHeads`, on their features.
          sources: for each new channel one of the old ones; None is their mean.
          of_head: `with_channels` of those heads, where they stand on the features.
        """
        if self.is_apart:
            params = label_heads.with_channels(params, sources, self.each, of_head)
        if MIXING in params:
            mixing = self._mixing.with_channels(params[MIXING], sources)
            params = params | {MIXING: mixing}
        if self._mixing.COLOURS:
            return params
        with_channels = (self._plain or first_layers).with_channels
        return params | {ENCODER: with_channels(params[ENCODER], sources)}
