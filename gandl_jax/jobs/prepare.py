"""The job `prepare`: a raw screen becomes TFRecord shards with their statistics."""

import os

import ml_collections
import pandas as pd

from gandl_jax.datasets import raw_images, screen
from gandl_jax.datasets.prepared import check_channels
from gandl_jax.errors import InputError


def run(config: ml_collections.ConfigDict, workdir: str) -> None:
    """Prepares the screen `config.data.name` in `config.data.dir`.

    Run again, it finishes what is missing: shards with their final name are kept.

    Args:
      config: the whole config; `data` and, for a screen that draws itself, `simulate`
        are read.
      workdir: not used; a prepared screen is shared by experiments.

    Raises:
      InputError: the config or the screen is unusable; nothing was written, or what
        this run wrote was removed.
    """
    del workdir
    data = config.data
    spec = screen.load(data.name)
    _check_options(spec, data)
    if spec.generate:  # returns at once where the same screen is drawn already
        spec.generate(data.source_dir, config.simulate)
    metadata = _read_metadata(spec, data.source_dir)
    kept = raw_images.present(spec, data.source_dir, metadata, missing=data.missing)
    from gandl_jax.jobs import prepare_shards  # slow: only when all so far is well

    prepare_shards.convert(spec, kept, data, skipped=len(metadata) - len(kept))


def _check_options(spec: screen.Screen, data: ml_collections.ConfigDict) -> None:
    check_channels(spec.name, spec.channels, data.channels)
    for key in ("source_dir", "dir"):
        if not data[key]:
            raise InputError(f"config.data.{key} is not set; give --config.data.{key}=")
    if os.path.abspath(data.dir) == os.path.abspath(data.source_dir):
        raise InputError(
            f"config.data.dir and config.data.source_dir are both {data.dir}; choose "
            "another data.dir"
        )
    if data.records_per_shard < 1:
        raise InputError(
            f"config.data.records_per_shard is {data.records_per_shard}; it must be at "
            "least 1"
        )
    if not 0 <= data.low_percentile < data.high_percentile <= 100:
        raise InputError(
            f"config.data.low_percentile and high_percentile are {data.low_percentile} "
            f"and {data.high_percentile}; they must ascend within 0 to 100"
        )


def _read_metadata(spec: screen.Screen, source_dir: str) -> pd.DataFrame:
    """Reads the metadata, and the concentrations in it while nothing is written."""
    metadata = screen.read_metadata(spec, source_dir)
    screen.table(spec, metadata)
    reserved = [name for name in metadata if name == "images" or "/" in name]
    if reserved:  # a record's images are named images/<channel>
        raise InputError(
            f"the column {reserved[0]!r} of metadata.csv in {source_dir} has a name "
            "that the shards use; rename it"
        )
    return metadata
