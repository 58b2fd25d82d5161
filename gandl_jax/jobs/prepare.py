"""The job `prepare`: converts a raw screen to TFRecord shards with their statistics."""

import contextlib
import functools
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import files, job_needs
from gandl_jax.errors import InputError, Skip
from gandl_jax.prepared import prepared, remarks, work_folder
from gandl_jax.profiles import groups
from gandl_jax.profiles.table import mixed_wells
from gandl_jax.raw import confined, raw_images, screen
from gandl_jax.reading import labelling
from gandl_jax.training import opening

WORKDIR = "untouched"  # its outputs are in config.data.dir
KNOWS_NEXT = True


def run(
    config: ml_collections.ConfigDict, workdir: str, after: Sequence[str] = ()
) -> None:
    """Prepares the screen `config.data.name` in `config.data.dir`.

    Run again, it writes what is missing: shards with their final name are kept. If only
    a complete prepared screen was copied to this machine, without the raw one, there is
    nothing to do.

    Args:
      config: the whole config; `data` and, for a screen that draws itself, `simulate`
        are read.
      workdir: not used; a prepared screen is shared by experiments.
      after: jobs that run next; a crop that is impossible for them is refused before
        shards are written.

    Raises:
      InputError: the config or the screen is unusable (files of this run are removed),
        or another process prepares in that folder.
      RunError: the raw screen went away, or the folder cannot be written; the same
        command goes on.
    """
    del workdir
    data = config.data
    spec = screen.load(config)
    _check_options(spec, data)
    settings = plan_settings(spec, config)
    if _only_shards(config, settings):
        return
    _check_source(data)
    with work_folder.claimed(epath.Path(data.dir)):
        _convert(spec, config, settings, with_crops=job_needs.any_crops(after))


def _convert(
    spec: screen.Screen,
    config: ml_collections.ConfigDict,
    settings: Mapping[str, Any],
    *,
    with_crops: bool,
) -> None:
    data = config.data
    if spec.generate:  # returns at once if the same screen was drawn before
        spec.generate(data.source_dir, config.simulate)
    confined.check_links(data.source_dir, data.outside)
    metadata = screen.read_metadata(spec, data.source_dir)
    table = screen.table(spec, metadata)
    screen.check_filters(spec, metadata)
    _check_reserved(metadata, data.source_dir)
    _check_splits(config, table)
    notes = [*screen.cell_remarks(spec, metadata)]
    notes += [*screen.filter_remarks(spec, metadata)]
    notes += remarks.remarks(spec, table, data.dose_unit)
    notes += [*filter(None, [mixed_wells(table)])]
    kept, source = raw_images.open_present(config, spec, metadata)
    if len(kept) < len(metadata):
        notes += remarks.left_out(table, screen.table(spec, kept))
    notes += raw_images.spelled_otherwise(spec, source)
    for note in notes:
        print(f"note: {note}")
    from gandl_jax.prepared import write_shards  # slow, so only after all checks

    skipped = len(metadata) - len(kept)
    check_size = functools.partial(opening.check_crop, config, spec.name)
    write_shards.convert(
        spec,
        kept,
        source,
        data,
        settings,
        skipped=skipped,
        notes=notes,
        check_size=check_size if with_crops else None,
    )


def _check_options(spec: screen.Screen, data: ml_collections.ConfigDict) -> None:
    prepared.check_channels(spec.name, spec.channels, data.channels)
    if not data.dir:
        raise InputError("config.data.dir is not set; give --config.data.dir=")
    if data.beam and importlib.util.find_spec("apache_beam") is None:
        raise InputError(
            f"config.data.beam={data.beam!r} needs Apache Beam: pip install -c "
            "launch/constraints.txt -e '.[beam]', or leave it empty to prepare on this "
            "machine"
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


def plan_settings(
    spec: screen.Screen, config: ml_collections.ConfigDict
) -> dict[str, Any]:
    """Returns the settings that decide a prepared screen's bytes and statistics."""
    keys = "records_per_shard", "low_percentile", "high_percentile"
    settings = {"screen": spec.name, "channels": list(spec.channels)}
    settings |= {key: config.data[key] for key in keys}
    for key, unchanged in prepared.REDUCED.items():  # former plans lack both
        if config.data[key] != unchanged:
            settings[key] = config.data[key]
    # config.screen may change, unlike the program's own screens.
    if config.data.name == "own":
        plain = configs.plain(config)
        settings |= {key: plain[key] for key in configs.SCREEN_IMAGES}
        settings |= {k: plain[k] for k, v in prepared.OME.items() if plain[k] != v}
        settings[prepared.LABELS] = configs.screen_description(config)
    drawn_by = [f"simulate.{key}" for key in spec.options]
    return settings | {key: configs.plain(config)[key] for key in drawn_by}


def _check_splits(config: ml_collections.ConfigDict, table: pd.DataFrame) -> None:
    """Refuses a config that holds apart by columns that no record has.

    Known columns that only this screen lacks are left to the tasks, which skip them.
    """
    held_apart = [("evaluate.bootstrap_unit", config.evaluate.bootstrap_unit)]
    for key, texts in configs.splits(config).items():
        held_apart += [(key, text) for text in texts]
    for key, text in held_apart:
        unit = groups.parse(text, key=f"config.{key}").unit
        if unit not in ("record", "row", *groups.NO_GROUPS):
            with contextlib.suppress(Skip):
                groups.groups(table.iloc[:0], unit, key=f"config.{key}")


def _only_shards(
    config: ml_collections.ConfigDict, settings: Mapping[str, Any]
) -> bool:
    """Tells whether a prepared screen was copied here without the raw one."""
    data = config.data
    if data.source_dir and epath.Path(data.source_dir).exists():
        return False
    if not prepared.is_complete(data.dir):
        return False
    opened = prepared.open_prepared(data.dir)
    prepared.check_plan(data.dir, opened.description["plan"], settings)
    opened = labelling.label(config, opened)
    _check_splits(config, opened.table)
    print(
        f"{data.dir}: already prepared, {opened.records} records; the raw screen "
        f"{data.source_dir!r} is not here"
    )
    return True


def _check_source(data: ml_collections.ConfigDict) -> None:
    if not data.source_dir:
        raise InputError(
            "config.data.source_dir is not set; give --config.data.source_dir="
        )
    if files.absolute(data.dir) == files.absolute(data.source_dir):
        raise InputError(
            f"config.data.dir and config.data.source_dir are both {data.dir}; choose "
            "another data.dir"
        )


def _check_reserved(metadata: pd.DataFrame, source_dir: str) -> None:
    """Refuses a column with a name that the shards use."""
    reserved = [name for name in metadata if name == "images" or "/" in name]
    if reserved:  # a record's images are named images/<channel>
        raise InputError(
            f"the column {reserved[0]!r} of the table in {source_dir} has a name that "
            "the shards use; rename it"
        )
