"""The encoder of a workdir, with the levels of its prepared screen, for arrays."""

from typing import Any

import numpy as np
from etils import epath

import gandl_jax
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.prepared.prepared import Prepared, plates
from gandl_jax.reading import levels
from gandl_jax.reading.padding import Padding
from gandl_jax.reading.stretching import Levels
from gandl_jax.training.array_encoder import ArrayEncoder
from gandl_jax.training.encoders import Encoder
from gandl_jax.training.opened_encoders import Opened, open_encoders

OF_NETWORK = ("method.", "model.")  # settings that an encoder keeps, whole groups
OF_TRAINING = ("data.crop_px", "data.label", "data.label_values")
OF_IMAGES = (
    "data.pad_px",
    "data.padding",
    "data.downscale",
    "data.white_level",
    "data.scaling",
    "data.illumination",
    "embed.batch",
    "embed.orientations",
    "embed.weights",
)


def open_workdir(folder: epath.PathLike, step: str = "last") -> ArrayEncoder:
    """The encoder of an experiment, as --job=embed would use it.

    Args:
      folder: its workdir; its prepared screen is where its config says.
      step: of the checkpoint: "last", "first" or a number.

    Raises:
      InputError: no such experiment, checkpoint or prepared screen.
    """
    folder = epath.Path(folder)
    return open_config(workdirs.read_config(folder), folder, step)


def open_config(config, workdir: epath.Path, step: str) -> ArrayEncoder:
    """As `open_workdir`, of the config that a job runs with."""
    config = config.copy_and_resolve_references()
    config.embed.steps = (step,)
    opened = open_encoders(config, workdir)
    *_, encoder = opened.encoders  # beside a network given there is an untrained one
    names, network = _levels(config, opened.dataset, opened.channels)
    return ArrayEncoder(
        name=encoder.name,
        settings=_settings(opened.theirs, config),
        source=opened.source,
        bit_depth=16 if config.data.white_level else opened.dataset.bit_depth,
        plates=names,
        levels=network,
        weights=encoder.weights(),
        provenance=_provenance(config, opened, encoder),
    )


def _settings(theirs, config) -> dict[str, Any]:
    """What the encoder is made from, and how this config brings images to it."""
    trained, ours = configs.plain(theirs), configs.plain(config)
    kept = [k for k in trained if k.startswith(OF_NETWORK) or k in OF_TRAINING]
    return {k: trained[k] for k in kept} | {k: ours[k] for k in OF_IMAGES}


def _levels(
    config, dataset: Prepared, channels: tuple[str, ...]
) -> tuple[tuple[str, ...], Levels]:
    """The names of the plates, () where one stands for all, and their levels."""
    data = config.data
    padding = Padding(data.pad_px, data.padding)
    every = levels.grey_levels(
        dataset, channels, data.scaling, data.illumination, padding
    )
    of_record = plates(dataset.table)
    by_plate = "plate" in (data.scaling, data.illumination) and of_record is not None
    names, first = (), np.zeros(1, int)
    if by_plate:
        found, first = np.unique(of_record, return_index=True)
        names = tuple(found.tolist())
    if every.plate is None:
        return names, Levels(every.ranges[first])
    fields = every.fields[every.plate[first]]
    plate = np.arange(len(first))
    return names, Levels(every.ranges[first], plate, fields, every.rows, every.columns)


def _provenance(config, opened: Opened, encoder: Encoder) -> dict[str, Any]:
    """Where the encoder is from, plain data."""
    dataset = opened.dataset
    return {
        "experiment": config.name,
        "screen": dataset.name,
        "prepared": dataset.fingerprint,
        "metadata_sha256": dataset.metadata_sha256,
        "version": gandl_jax.__version__,
        **encoder.note,
    }
