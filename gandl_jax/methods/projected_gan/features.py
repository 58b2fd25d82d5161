"""The frozen network of a projected GAN, and the maps of it that are projected."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.projected_gan import options
from gandl_jax.methods.scaled import scaled
from gandl_jax.methods.trunk import Statistics, Trunk

PARAMS, STATISTICS = "params", "statistics"
# What follows the last stage: a layer for ImageNet's classes, and means over space.
PASSED_OVER = ("head", "pooled")


class FeatureNetwork:
    """A trunk that is never trained, with fixed statistics.

    Its variables are {"params": ..., "statistics": ... of a published network}.

    Args:
      config: of the experiment.
      channels: number of channels of the images.

    Attributes:
      is_apart: whether every channel goes through the network alone.
    """

    def __init__(self, config, channels: int):
        self._channels, self._side = channels, options.features_px(config)
        self._depths = options.depths(config)
        self._trunk = Trunk(options.frozen(config), channels, side=self._side)
        self.is_apart = self._trunk.is_apart

    def init(self, key: Array) -> dict[str, Any]:
        """Makes random variables, those of the floor."""
        return _variables(*self._trunk.init(key))

    def published(self) -> dict[str, Any]:
        """Reads the variables of `config.model.weights`, without the mixing's.

        Raises:
          InputError: no such file, damaged, or of another architecture.
        """
        return _variables(*self._trunk.pretrained())

    def maps(self, variables: dict[str, Any], images: Array) -> dict[str, Array]:
        """Computes the maps that are projected, of images [B, N, N, C] in [-1, 1].

        Returns:
          {"b<S>": [B, S, S, D] float32}, at each depth the last map of the side S;
          shallowest first. Maps of channels that go apart lie side by side.
        """
        params, statistics = variables[PARAMS], variables.get(STATISTICS)
        images = scaled(images, self._side)
        maps, _ = self._trunk.maps(params, statistics, images, train=False)
        last = {x.shape[1]: x for name, x in maps.items() if name not in PASSED_OVER}
        sides = [self._side // depth for depth in self._depths]
        return {f"b{side}": self._joined(last[side]) for side in sides if side in last}

    def with_channels(
        self, variables: dict[str, Any], sources: Sequence[int | None]
    ) -> dict[str, Any]:
        """Returns the variables for images of other channels, as of `Trunk`."""
        params = self._trunk.with_channels(variables[PARAMS], sources)
        return variables | {PARAMS: params}

    def _joined(self, x: Array) -> Array:
        """Joins maps [B C, S, S, D] of channels to [B, S, S, C D], if they go apart."""
        if not self.is_apart:
            return x
        side, width = x.shape[2:]
        apart = x.reshape(-1, self._channels, side, side, width)
        return jnp.moveaxis(apart, 1, 3).reshape(-1, side, side, self._channels * width)


def _variables(params: dict, statistics: Statistics) -> dict[str, Any]:
    return {PARAMS: params} | ({STATISTICS: statistics} if statistics else {})
