"""An encoder with all that it takes to embed arrays of raw levels.

What the job `embed` makes of a prepared screen's images it makes of the same images in
memory, by the same code; neither TensorFlow nor a prepared screen is needed.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gandl_jax import parallel, plain_config
from gandl_jax.methods.source import Source
from gandl_jax.raw.reduction import Reduction
from gandl_jax.reading import tiling
from gandl_jax.reading.padding import Padding
from gandl_jax.reading.stretching import Levels
from gandl_jax.training import given_images, named_method, pooling


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayEncoder:
    """An encoder, and how images are brought to it.

    Attributes:
      name: of its profiles, "gan@500".
      settings: of its network and its tiles, a part of a config, flat.
      source: that it learnt from; its channels are those that it takes.
      bit_depth: 8 or 16, of the raw levels that it takes.
      plates: whose levels there are; () where all images are stretched alike.
      levels: of those plates, in order; of one that stands for all.
      weights: what the method's `embed` takes.
      provenance: where it is from, plain data.
    """

    name: str
    settings: Mapping[str, Any]
    source: Source
    bit_depth: int
    plates: tuple[str, ...]
    levels: Levels
    weights: Any
    provenance: Mapping[str, Any]

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that it takes, in order."""
        return self.source.channels

    @functools.cached_property
    def config(self) -> plain_config.Group:
        """Its settings, with the defaults of what they do not say.

        Raises:
          InputError: they are a later version's.
        """
        return plain_config.read(self.settings, of=self.name)

    @functools.cached_property
    def method(self) -> Any:
        """Its method, as of `methods/contract.py`."""
        return named_method.make_method(self.config, self.source)

    def widths(self) -> dict[str, int]:
        """Set name to its number of features; nothing is computed."""
        sets = jax.eval_shape(self.of_site, self.weights, self.tiles(1))
        return {name: x.shape[-1] for name, x in sets.items()}

    def of_site(self, weights: Any, tiles: jax.Array) -> dict[str, jax.Array]:
        """{set: [D]}, or of each tile, of the tiles of a site, for one device."""
        sets = self.method.embed(weights, tiles)
        pool = getattr(self.method, "pool", lambda _, sets: sets)
        return pool(weights, sets)

    def tiles(self, count: int) -> jax.ShapeDtypeStruct:
        """The shape of so many tiles."""
        side = self.config.data.crop_px
        shape = (count, side, side, len(self.channels))
        return jax.ShapeDtypeStruct(shape, np.float32)

    def embed(
        self, images: Any, channels: Sequence[str] = (), plates: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Embeds images.

        Args:
          images: [N, H, W, C] uint8 or uint16, raw levels as files hold them.
          channels: [C], names of the images' channels, of which the encoder's are
            taken; () says that they are the encoder's, in its order.
          plates: [N], the plate of each, where the encoder was trained with levels or
            illumination of each plate.

        Returns:
          {set: [N, D] float32}.

        Raises:
          InputError: they are not what the encoder takes.
        """
        pixels = given_images.pixels(images, self.bit_depth)
        chosen = given_images.order(pixels.shape[-1], channels, self.channels)
        rows = given_images.rows(plates, len(pixels), self.plates)
        batches = self._batches(pixels, chosen, self._levels(rows))
        _, sets = pooling.pooled(self._encode, self._pool, batches)
        return sets

    def _batches(
        self, pixels: np.ndarray, chosen: list[int] | slice, levels: Levels
    ) -> Iterator[dict[str, np.ndarray]]:
        data = self.config.data
        reduction, padding = self._reduction, Padding(data.pad_px, data.padding)
        size = tuple(side // reduction.downscale for side in pixels.shape[1:3])
        whole = levels.rows is not None and (len(levels.rows), len(levels.columns))
        given_images.check_size(size, padding.px, padding.kind, data.crop_px, whole)
        images = (
            (i, padding.around(np, reduction.reduce_all(image[..., chosen])))
            for i, image in enumerate(pixels)
        )
        corners = tiling.offsets(*padding.size(*size), data.crop_px)
        return tiling.batches(images, levels, corners, self.tiles(self._batch).shape)

    def _levels(self, rows: np.ndarray) -> Levels:
        """The levels of each image."""
        plate = self.levels.plate
        return dataclasses.replace(
            self.levels,
            ranges=self.levels.ranges[rows],
            plate=None if plate is None else plate[rows],
        )

    @property
    def _reduction(self) -> Reduction:
        return Reduction(self.config.data.downscale, self.config.data.white_level)

    @functools.cached_property
    def _devices(self) -> list[jax.Device]:
        return parallel.devices(0)

    @property
    def _batch(self) -> int:
        """Tiles of a batch, as many for each device."""
        count = len(self._devices)
        return -(-self.config.embed.batch // count) * count

    @functools.cached_property
    def _encode(self) -> Callable:
        """Images [B, H, W, C] to {set: [B, D]}."""
        embed = parallel.map_batch(self.method.embed, self._devices)
        encode = functools.partial(embed, self.weights)
        return pooling.over_orientations(encode, self.config.embed.orientations)

    @functools.cached_property
    def _pool(self) -> Callable:
        return pooling.of_method(self.method, self.weights)
