"""Networks that a GAN may start from: in a file, or of another training.

Imports nothing slow: files that do not fit are refused before JAX is loaded.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.models.stylegan2 import image_channels, npz_file, npz_weights
from gandl_jax.models.stylegan2.npz_weights import Architecture

BOTH = ("generator", "discriminator")


@dataclasses.dataclass(frozen=True)
class Networks:
    """The networks that a training starts from.

    Attributes:
      g, d: parameters of generator and discriminator.
      g_average, d_average: their moving averages.
      w_average: [Z] float32, mean style.
    """

    g: dict
    d: dict
    g_average: dict
    d_average: dict
    w_average: np.ndarray

    def for_channels(self, sources: Sequence[image_channels.Source]) -> "Networks":
        """Returns the same for images of other channels, see `image_channels`."""

        def drawing(g: dict) -> dict:
            return g | {"synthesis": image_channels.synthesis(g["synthesis"], sources)}

        return dataclasses.replace(
            self,
            g=drawing(self.g),
            g_average=drawing(self.g_average),
            d=image_channels.discriminator(self.d, sources),
            d_average=image_channels.discriminator(self.d_average, sources),
        )


def read(file: BinaryIO, name: str) -> tuple[Networks, Architecture]:
    """Reads both networks, each its own average, and their sizes.

    Args:
      file: an open .npz file.
      name: of the file, for messages.

    Raises:
      InputError: the file is damaged, no StyleGAN2, or lacks two networks of one size.
    """
    saved = npz_file.read(file, name, BOTH)
    generator, discriminator = (saved[network] for network in BOTH)
    _refuse_pair(name, generator.sizes, discriminator.sizes)
    label_layers = discriminator.sizes.label_layers
    sizes = dataclasses.replace(generator.sizes, label_layers=label_layers)
    g = npz_weights.generator_params(generator.arrays)
    d = npz_weights.discriminator_params(discriminator.arrays)
    w_average = np.asarray(generator.arrays["mapping.w_avg"], np.float32)
    return Networks(g, d, g, d, w_average), sizes


def read_encoder(file: BinaryIO, name: str) -> tuple[dict, Architecture]:
    """Reads the discriminator alone, whether or not there is a generator.

    Args:
      file: an open .npz file.
      name: of the file, for messages.

    Returns:
      Its parameters, its sizes.

    Raises:
      InputError: the file is damaged, or holds no discriminator of a StyleGAN2.
    """
    saved = npz_file.read(file, name, ["discriminator"])["discriminator"]
    return npz_weights.discriminator_params(saved.arrays), saved.sizes


def encoder(discriminator: dict, sources: Sequence[image_channels.Source]) -> dict:
    """Returns the checkpoint item "encoder", for images of other channels.

    Args:
      discriminator: as from `read_encoder`.
      sources: for each channel, as in `image_channels`.
    """
    params = image_channels.discriminator(discriminator, sources)
    return {"average": params, "raw": params}


def configure(config, sizes: Architecture) -> None:
    """Sets in a config the sizes of a discriminator that was read."""
    config.model.update(channel_base=sizes.base, channel_max=sizes.widest)


def sizes(config, channels: Sequence[str], classes: int) -> Architecture:
    """Returns the sizes of a config's networks, for these channels and classes."""
    model = config.model
    return Architecture(
        size=configs.network_px(config),
        channels=len(channels),
        base=model.channel_base,
        widest=model.channel_max,
        dim=model.latent_dim,
        mapping_layers=model.mapping_layers,
        classes=classes,
        label_layers=(model.label_layers or model.mapping_layers) if classes else None,
    )


def refuse_other_sizes(name: str, ours: Architecture, theirs: Architecture) -> None:
    """Refuses networks of other sizes; the number of channels may differ.

    Args:
      name: file or workdir of the networks.
      ours: sizes of the config's networks.
      theirs: sizes of the other networks.

    Raises:
      InputError: names the first array that differs, and all settings that would fit.
    """
    difference = npz_file.first_difference(ours, theirs, BOTH)
    if difference is None:
        return
    array, their_shape, our_shape = difference
    raise InputError(
        f"{name} has {array} {_shape_text(their_shape)}, the config "
        f"{_shape_text(our_shape)}: set {' '.join(_settings(ours, theirs))}"
    )


def _shape_text(shape: tuple[int, ...] | None) -> str:
    return "not at all" if shape is None else f"of shape {list(shape)}"


def _settings(ours: Architecture, theirs: Architecture) -> Iterable[str]:
    keys = {
        "data.crop_px": "size",
        "model.channel_base": "base",
        "model.channel_max": "widest",
        "model.latent_dim": "dim",
        "model.mapping_layers": "mapping_layers",
        "model.label_layers": "label_layers",
    }
    for key, field in keys.items():
        value = getattr(theirs, field)
        if value is not None and value != getattr(ours, field):
            yield f"--config.{key}={value}"
    if theirs.classes != ours.classes:
        column = f"COLUMN (one of {theirs.classes} values)" if theirs.classes else ""
        yield f"--config.data.label={column}"


def _refuse_pair(name: str, generator: Architecture, other: Architecture) -> None:
    alone = dataclasses.replace(generator, dim=None, mapping_layers=None)
    if alone != dataclasses.replace(other, label_layers=None):
        raise InputError(
            f"{name} holds a generator for {_images(generator)} and a discriminator "
            f"for {_images(other)}: take two that were trained together"
        )


def _images(sizes: Architecture) -> str:
    classes = f", {sizes.classes} classes" if sizes.classes else ""
    return (
        f"{sizes.channels} channels of {sizes.size} px (channel base {sizes.base}, at "
        f"most {sizes.widest}{classes})"
    )
