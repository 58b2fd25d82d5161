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

NETWORK_GROUPS = ("method.", "model.")  # groups of settings that an encoder keeps
TRAINING_KEYS = ("data.crop_px", "data.label", "data.label_values")
IMAGE_KEYS = (
    "data.pad_px",
    "data.padding",
    "data.downscale",
    "data.white_level",
    "data.scaling",
    "data.illumination",
    "embed.batch",
    "embed.more_sets",
    "embed.orientations",
    "embed.weights",
)


def open_workdir(folder: epath.PathLike, step: str = "last") -> ArrayEncoder:
    """Opens the encoder of an experiment, as --job=embed would use it.

    Args:
      folder: its workdir, whose config names the prepared screen.
      step: of the checkpoint: "last", "first" or a number.

    Raises:
      InputError: no such experiment, checkpoint or prepared screen.
    """
    folder = epath.Path(folder)
    return open_config(workdirs.read_config(folder), folder, step)


def open_config(config, workdir: epath.Path, step: str) -> ArrayEncoder:
    """Opens the encoder as `open_workdir` does, for the config that a job runs with."""
    config = config.copy_and_resolve_references()
    config.embed.steps = (step,)
    opened = open_encoders(config, workdir)
    *_, encoder = opened.encoders  # an untrained one may come first
    names, plate_levels = _levels(config, opened.dataset, opened.channels)
    return ArrayEncoder(
        name=encoder.name,
        settings=_settings(opened.trained_config, config),
        source=opened.source,
        bit_depth=16 if config.data.white_level else opened.dataset.bit_depth,
        plates=names,
        levels=plate_levels,
        weights=encoder.weights(),
        provenance=_provenance(config, opened, encoder),
    )


def _settings(trained_config, config) -> dict[str, Any]:
    """Settings of the encoder's network, and of this config's preprocessing."""
    trained, images = configs.plain(trained_config), configs.plain(config)
    kept = [
        key for key in trained if key.startswith(NETWORK_GROUPS) or key in TRAINING_KEYS
    ]
    return {key: trained[key] for key in kept} | {
        key: images[key] for key in IMAGE_KEYS
    }


def _levels(
    config, dataset: Prepared, channels: tuple[str, ...]
) -> tuple[tuple[str, ...], Levels]:
    """Returns the names of the plates, () if all are stretched alike, and levels."""
    data = config.data
    padding = Padding(data.pad_px, data.padding)
    all_levels = levels.grey_levels(
        dataset, channels, data.scaling, data.illumination, padding
    )
    record_plates = plates(dataset.table)
    by_plate = (
        "plate" in (data.scaling, data.illumination) and record_plates is not None
    )
    names, first_rows = (), np.zeros(1, int)
    if by_plate:
        plate_names, first_rows = np.unique(record_plates, return_index=True)
        names = tuple(plate_names.tolist())
    if all_levels.plate is None:
        return names, Levels(all_levels.ranges[first_rows])
    fields = all_levels.fields[all_levels.plate[first_rows]]
    plate = np.arange(len(first_rows))
    return names, Levels(
        all_levels.ranges[first_rows],
        plate,
        fields,
        all_levels.rows,
        all_levels.columns,
    )


def _provenance(config, opened: Opened, encoder: Encoder) -> dict[str, Any]:
    """Provenance of the encoder, plain data."""
    dataset = opened.dataset
    return {
        "experiment": config.name,
        "screen": dataset.name,
        "prepared": dataset.fingerprint,
        "metadata_sha256": dataset.metadata_sha256,
        "version": gandl_jax.__version__,
        **encoder.note,
    }
