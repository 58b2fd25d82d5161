"""Grids of images that a method makes while it trains: samples and image pairs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from etils import epath

from gandl_jax import parallel, pictures
from gandl_jax.methods.contract import FIXED, Pair
from gandl_jax.methods.phase import sample_keys


class Grids:
    """Writer of `images/<step>_*.png`; it writes nothing if the method has no images.

    Args:
      folder: of the PNG files.
      method: with `samples`, `show`, both or neither.
      channels: names of the images' channels.
      classes: {column: names of its classes}; samples take the classes in turn.
      fixed: returns the fixed training records that are shown.
      key: of the random numbers, the same for every grid.
    """

    def __init__(
        self,
        folder: epath.Path,
        method: Any,
        *,
        channels: Sequence[str],
        classes: Mapping[str, Sequence[str]],
        fixed: Callable[[], Mapping[str, Any]],
        key: jax.Array,
    ):
        self._folder, self._channels = folder, channels
        self._fixed, self._key = fixed, key
        makers = []
        if hasattr(method, "samples"):
            makers.append(_beside_real(method, classes))
        if hasattr(method, "show"):
            makers.append(method.show)
        self._makers = [parallel.on_one(make) for make in makers]

    def write(self, step: int, state: Any) -> None:
        """Writes the grids of the state after `step` steps."""
        pairs: list[Pair] = []
        for make in self._makers:
            pairs += make(state, self._fixed(), self._key)
        for number, pair in enumerate(pairs):
            pictures.write_grids(self._folder, step, self._channels, pair, number)


def _beside_real(method: Any, classes: Mapping[str, Sequence[str]]) -> Callable:
    """Makes a `show` hook of `samples`: real images beside as many generated ones."""

    def show(state: Any, batch: Mapping[str, Any], key: jax.Array) -> list[Pair]:
        index = jnp.arange(FIXED)
        labels = {column: index % len(names) for column, names in classes.items()}
        drawn = method.samples(state, sample_keys(key, index), labels)
        return [Pair("real", batch["images"], "generated", drawn)]

    return show
