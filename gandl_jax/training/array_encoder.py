"""An encoder that embeds arrays of raw levels.

Images in memory get the same features as the job `embed` gives the same images of a
prepared screen, by the same code; neither TensorFlow nor a prepared screen is needed.
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
    """An encoder and the preprocessing of its images.

    Attributes:
      name: of its profiles, "gan@500".
      settings: of its network and its tiles: a part of a config, flat.
      source: of the training records; its channels are the encoder's.
      bit_depth: 8 or 16, of the raw levels that it takes.
      plates: names of the plates with levels of their own; () where all images are
        stretched alike.
      levels: of those plates, in order; one row where all are stretched alike.
      weights: the first argument of the method's `embed`.
      provenance: origin of the encoder, plain data.
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
        """Settings of the encoder, with defaults for the keys that they lack.

        Raises:
          InputError: a later version wrote them.
        """
        return plain_config.read(self.settings, origin=self.name)

    @functools.cached_property
    def method(self) -> Any:
        """The encoder's method, as in `methods/contract.py`."""
        return named_method.make_method(self.config, self.source)

    def widths(self) -> dict[str, int]:
        """Returns {set: number of features}; nothing is computed."""
        sets = jax.eval_shape(self.embed_site, self.weights, self.tiles(1))
        return {name: array.shape[-1] for name, array in sets.items()}

    def embed_site(self, weights: Any, tiles: jax.Array) -> dict[str, jax.Array]:
        """Embeds the tiles of a site on one device: {set: [D]}, or a row per tile."""
        sets = self.method.embed(weights, tiles)
        pool = getattr(self.method, "pool", lambda _, sets: sets)
        return pool(weights, sets)

    def tiles(self, count: int) -> jax.ShapeDtypeStruct:
        """Returns the shape and dtype of `count` tiles."""
        side = self.config.data.crop_px
        shape = (count, side, side, len(self.channels))
        return jax.ShapeDtypeStruct(shape, np.float32)

    def embed(
        self, images: Any, channels: Sequence[str] = (), plates: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Embeds images.

        Args:
          images: [N, H, W, C] uint8 or uint16, raw levels as files hold them.
          channels: [C], names of the images' channels, which include the encoder's;
            () if they are the encoder's, in its order.
          plates: [N], the plate of each image, if the encoder was trained with levels
            or illumination of each plate.

        Returns:
          {set: [N, D] float32}.

        Raises:
          InputError: the images do not fit the encoder.
        """
        pixels = given_images.pixels(images, self.bit_depth)
        channel_order = given_images.order(pixels.shape[-1], channels, self.channels)
        rows = given_images.rows(plates, len(pixels), self.plates)
        batches = self._batches(pixels, channel_order, self._levels(rows))
        _, sets = pooling.pooled(self._encode, self._pool, batches)
        return sets

    def _batches(
        self, pixels: np.ndarray, channel_order: list[int] | slice, levels: Levels
    ) -> Iterator[dict[str, np.ndarray]]:
        data = self.config.data
        reduction, padding = self._reduction, Padding(data.pad_px, data.padding)
        size = tuple(side // reduction.downscale for side in pixels.shape[1:3])
        field_size = levels.rows is not None and (len(levels.rows), len(levels.columns))
        given_images.check_size(
            size, padding.px, padding.mode, data.crop_px, field_size
        )
        images = (
            (index, padding.around(np, reduction.reduce_all(image[..., channel_order])))
            for index, image in enumerate(pixels)
        )
        corners = tiling.offsets(*padding.size(*size), data.crop_px)
        return tiling.batches(images, levels, corners, self.tiles(self._batch).shape)

    def _levels(self, rows: np.ndarray) -> Levels:
        """Returns the levels of each image.

        Args:
          rows: [N] int, rows of `self.levels`.
        """
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
        """Number of tiles in a batch: a multiple of the number of devices."""
        count = len(self._devices)
        return -(-self.config.embed.batch // count) * count

    @functools.cached_property
    def _encode(self) -> Callable:
        """Function of images [B, H, W, C] to {set: [B, D]}."""
        embed = parallel.map_batch(self.method.embed, self._devices)
        encode = functools.partial(embed, self.weights)
        return pooling.over_orientations(encode, self.config.embed.orientations)

    @functools.cached_property
    def _pool(self) -> Callable:
        return pooling.pool_function(self.method, self.weights)
