"""A prepared screen: what `jobs/prepare.py` left. Imports nothing slow."""

import contextlib
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from etils import epath

from gandl_jax import csv_files, files, sealed_json
from gandl_jax.config_defaults import DEFAULTS
from gandl_jax.errors import InputError, nearest
from gandl_jax.prepared.description import (
    CHANGED_TABLE,
    COUNTED,
    LABELS,
    MANIFEST,
    PLATES,
    SOURCE_TABLE,
    checked,
)

DESCRIPTION = "screen.json"  # written last: its presence says that all is there
PLAN = "plan.json"  # written first: what a later run must agree with to go on
RECORDS = "records.parquet"
DIGEST = "digest"  # in that table: of each serialized example
SOURCE = "source_dir"  # in a plan for information: a moved screen is the same screen
IMAGES = "images"  # in a plan: the format of the raw ones when the shards were begun
ODD_IMAGES = "odd_images.csv"  # those that stand out by simple measures
ILLUMINATION = "illumination.npz"  # the fields of each plate
FEWEST_RECORDS = 50  # of a plate, to estimate its illumination from (ours)
# In a plan where they are not these.
REDUCED = {"downscale": 1, "white_level": 0}
OME = {f"screen.ome.{k}": value for k, value in DEFAULTS["screen"]["ome"].items()}
LATER = {"screen.ignored_files": ["*_thumb*"]}  # which former plans lack
WORK = ".work"  # a folder: what a running preparation keeps beside the shards
MOST_RECORD_BYTES = 2**31  # TFRecord's readers hold one whole
FREE = (SOURCE, LABELS, COUNTED, IMAGES)  # of a plan: what the shards do not depend on


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A prepared screen; shards and rows count from 0, in stored order.

    Attributes:
      directory: where it is.
      name: of the screen.
      channels: names, in the screen's order.
      height_px: of every image.
      width_px: of every image.
      bit_depth: 8 or 16.
      statistics: channel to low, high, mean, sd, min, max over all its pixels, in
        grey levels.
      table: N rows of the `Metadata_*` columns.
      shard: [N] int64, the shard of each record.
      offset: [N] int64, where its TFRecord frame starts, in bytes.
      length: [N] int64, of its serialized example, in bytes.
      files: file name of each shard.
      description: all of `screen.json`, but its own digest.
      digest: [N] int64, of its serialized example, by `records.digest`; None where a
        former version wrote none.
      key: the columns that name a record, in its example too; () is not known.
      ids: [N] str objects, those columns joined by "_" as the examples hold them;
        None where the key is not known.
      fields: plates, and their illumination, where an experiment joins those of
        `illumination.npz`; as from `illumination.read`.
    """

    directory: str
    name: str
    channels: tuple[str, ...]
    height_px: int
    width_px: int
    bit_depth: int
    statistics: Mapping[str, Mapping[str, float]]
    table: pd.DataFrame
    shard: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    files: tuple[str, ...]
    description: Mapping[str, Any]
    digest: np.ndarray | None = None
    key: tuple[str, ...] = ()
    ids: np.ndarray | None = None
    fields: tuple[list[str], np.ndarray] | None = None

    @property
    def records(self) -> int:
        """Number of records N."""
        return len(self.table)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of what determines the shards: the plan but for FREE.

        Copies of a prepared screen share it, as do conversions of a raw screen that
        was moved, or whose records were labelled anew.
        """
        plan = {k: v for k, v in self.description["plan"].items() if k not in FREE}
        return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()

    @property
    def metadata_sha256(self) -> str:
        """SHA-256, in hex, of the raw metadata: the same sites however prepared."""
        return self.description["plan"]["metadata_sha256"]

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len(self.files)

    def path(self, shard: int) -> str:
        """A shard's path."""
        return str(epath.Path(self.directory) / self.files[shard])

    def rows(self, shard: int) -> np.ndarray:
        """[n] int64, the table's rows that lie in a shard."""
        return np.flatnonzero(self.shard == shard)

    def part(self, rows: np.ndarray) -> "Prepared":
        """These rows of the table alone, [n] int64; then `place` is not known."""
        index = {key: getattr(self, key)[rows] for key in ("shard", "offset", "length")}
        known = {key: getattr(self, key) for key in ("digest", "ids")}
        index |= {key: x if x is None else x[rows] for key, x in known.items()}
        return dataclasses.replace(self, table=self.table.iloc[rows], **index)

    def written(self, name: str) -> Mapping[str, Any] | None:
        """What a file but the shards must be: `written` of its description."""
        return written(self.description, name)

    def place(self, record: int) -> tuple[int, int]:
        """A record's shard, and its place in that, both from 0."""
        shard = int(self.shard[record])
        return shard, record - int(self.rows(shard)[0])

    def ranges(self, channels: Sequence[str], scaling: str) -> np.ndarray:
        """The grey levels that become -1 and +1, of each record and channel.

        Args:
          channels: C names.
          scaling: whose percentiles: those of the "dataset", or of the "plate".

        Returns:
          [N, 2, C] float64, low and high. Where the percentiles are less than one grey
          level apart, high is one level above low.

        Raises:
          InputError: the screen has no plates, or a former version counted none.
        """
        if scaling == "dataset":
            ends = _ends(self.statistics, channels)
            return np.broadcast_to(ends, (self.records, *ends.shape))
        self.check_scaling(scaling)
        names, plate = np.unique(plates(self.table), return_inverse=True)
        every = [_ends(self.description[PLATES][name], channels) for name in names]
        return np.stack(every)[plate]

    def check_scaling(self, scaling: str) -> None:
        """Raises InputError where `config.data.scaling` is not possible."""
        if scaling == "dataset":
            return
        if plates(self.table) is None:
            raise InputError(
                f"config.data.scaling is 'plate', but the screen {self.name!r} has no "
                "plates: set --config.data.scaling=dataset"
            )
        if PLATES not in self.description:
            raise InputError(
                f"{self.directory} was prepared by a former version, which counted no "
                "plates: set --config.data.scaling=dataset or prepare it again in "
                "another config.data.dir"
            )
        lacking = set(plates(self.table).tolist()) - self.description[PLATES].keys()
        if lacking:
            raise InputError(
                f"{self.directory} holds no statistics of {len(lacking)} plates, the "
                f"first {min(lacking)!r}: delete {DESCRIPTION} in it and run "
                "--job=prepare again, or set --config.data.scaling=dataset"
            )

    def check_illumination(self, correction: str) -> None:
        """Raises InputError where `config.data.illumination` is not possible."""
        if correction == "none":
            return
        if not (epath.Path(self.directory) / ILLUMINATION).exists():
            raise InputError(
                f"{self.directory} has no {ILLUMINATION}: run --job=prepare again; "
                "where a former version prepared it, which kept no illumination, in "
                "another config.data.dir, or set --config.data.illumination=none"
            )
        names = plates(self.table)
        names = ["the screen"] * self.records if names is None else names
        counts = pd.Series(names).value_counts()
        few = [f"{name} ({n})" for name, n in counts.items() if n < FEWEST_RECORDS]
        if few:
            raise InputError(
                f"config.data.illumination is 'plate', but {len(few)} of {len(counts)} "
                f"plates have fewer than {FEWEST_RECORDS} sites, such as {few[0]}: too "
                "few to tell light from cells; set --config.data.illumination=none"
            )


def _ends(
    statistics: Mapping[str, Mapping[str, float]], channels: Sequence[str]
) -> np.ndarray:
    """[2, C] float64: low, and high at least one level above it."""
    low, high = (
        np.array([statistics[name][end] for name in channels], np.float64)
        for end in ("low", "high")
    )
    return np.stack([low, np.maximum(high, low + 1)])


def plates(table: pd.DataFrame) -> np.ndarray | None:
    """The physical plate of each record: plate numbers repeat between experiments.

    Args:
      table: N rows of `Metadata_*` columns.

    Returns:
      [N] str, "EXPERIMENT/PLATE" or "PLATE"; None where the screen has no plates.
    """
    if "Metadata_Plate" not in table:
        return None
    names = table["Metadata_Plate"].astype(str)
    if "Metadata_Experiment" in table:
        names = table["Metadata_Experiment"].astype(str) + "/" + names
    return names.to_numpy(str)


def open_prepared(directory: str) -> Prepared:
    """Opens a prepared screen.

    Raises:
      InputError: it is not prepared, or shards or the table have gone since or are
        damaged; the message gives the command.
    """
    description = read_description(directory)
    folder, shards = epath.Path(directory), description["files"]
    if gone := _gone(folder, shards):
        raise InputError(
            f"{len(gone)} of {len(shards)} shards are gone from {directory}, the "
            f"first {gone[0]}; run --job=prepare again, which redoes them"
        )
    files.check_regular_in(folder, shards)
    return open_unchecked(directory, description)


def read_description(directory: str) -> dict[str, Any]:
    """What `screen.json` says.

    Raises:
      InputError: the screen is not prepared, or the file is damaged; the message says
        what to run.
    """
    folder = epath.Path(directory)
    if not directory or not (folder / DESCRIPTION).exists():
        raise InputError(
            f"{str(directory)!r} (config.data.dir) holds no prepared screen; first run "
            f"python -m gandl_jax.main --config=... --config.data.dir={directory} "
            "--job=prepare"
        )
    try:
        return checked(sealed_json.read(folder / DESCRIPTION))
    except ValueError as error:  # no UTF-8, no JSON
        raise InputError(
            f"{folder / DESCRIPTION} is damaged ({error}); delete it and run "
            "--job=prepare again, which keeps the shards"
        ) from error


def written(description: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The "sha256" and "bytes" that a file must have; None where nothing is known.

    Args:
      description: of the prepared screen.
      name: of the file.
    """
    known = {name: description.get(name) for name in (SOURCE_TABLE, CHANGED_TABLE)}
    return (known | description.get(MANIFEST, {}).get("files", {})).get(name)


def read_whole(path: epath.PathLike, wanted: Mapping[str, Any] | None) -> bytes:
    """A small file's bytes, held against what was written.

    Args:
      path: of the file, beside the description.
      wanted: as from `written`.

    Raises:
      InputError: it is gone, or holds other bytes.
    """
    again = "run --job=prepare again, which keeps the shards"
    try:
        data = files.read_bytes(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is gone; {again}") from error
    if wanted and hashlib.sha256(data).hexdigest() != wanted["sha256"]:
        raise InputError(
            f"{path} is damaged (it is not as {DESCRIPTION} says that it was written):"
            f" delete it and {again}"
        )
    return data


def open_unchecked(directory: str, description: Mapping[str, Any]) -> Prepared:
    """As `open_prepared`, whether or not the shards are there."""
    records = _read_table(directory, description, RECORDS)
    with _damage_told(epath.Path(directory) / RECORDS):
        _check_records(records, description)
    return Prepared(
        directory=str(directory),
        name=description["name"],
        channels=tuple(description["channels"]),
        height_px=description["height_px"],
        width_px=description["width_px"],
        bit_depth=description["bit_depth"],
        statistics=description["statistics"],
        table=records.filter(regex="^Metadata_"),
        shard=records["shard"].to_numpy(np.int64),
        offset=records["offset"].to_numpy(np.int64),
        length=records["length"].to_numpy(np.int64),
        files=tuple(description["files"]),
        description=description,
        digest=records[DIGEST].to_numpy(np.int64) if DIGEST in records else None,
    )


def read_source_table(opened: Prepared) -> pd.DataFrame | None:
    """The raw screen's table of the records, [N] rows in stored order, all str.

    It is that of the last preparation, where columns have changed since the first.
    None where a former version prepared the screen, which did not keep it.

    Raises:
      InputError: it is gone or damaged.
    """
    if SOURCE_TABLE not in opened.description:
        return None
    is_changed = CHANGED_TABLE in opened.description
    name = CHANGED_TABLE if is_changed else SOURCE_TABLE
    found = _read_table(opened.directory, opened.description, name)
    with _damage_told(epath.Path(opened.directory) / name):
        if len(found) != opened.records:
            raise ValueError(f"it has {len(found)} rows, not {opened.records}")
    return found


def read_odd_images(
    directory: epath.PathLike, description: Mapping[str, Any]
) -> pd.DataFrame:
    """The images that stand out by simple measures, all str.

    Args:
      directory: of the prepared screen.
      description: of it.

    Returns:
      One row for each image and reason, as from `image_quality.table`; none where a
      former version prepared the screen, which measured no image.

    Raises:
      InputError: the list is gone or damaged.
    """
    path = epath.Path(directory) / ODD_IMAGES
    if not (wanted := written(description, ODD_IMAGES)):
        return pd.DataFrame()
    read_whole(path, wanted)
    return csv_files.read(path)


def _read_table(
    directory: epath.PathLike, description: Mapping[str, Any], name: str
) -> pd.DataFrame:
    path = epath.Path(directory) / name
    data = read_whole(path, written(description, name))
    with _damage_told(path):
        return pd.read_parquet(io.BytesIO(data))


@contextlib.contextmanager
def _damage_told(path: epath.Path) -> Iterator[None]:
    """Turns what a table that cannot be read raises into a sentence."""
    try:
        yield
    # Arrow raises an OSError where pages do not decode.
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{path} is damaged ({reason[0]}): delete it and run --job=prepare again, "
            "which keeps the shards"
        ) from error


def _check_records(records: pd.DataFrame, description: Mapping[str, Any]) -> None:
    """Raises ValueError where the table holds what `prepare` never writes."""
    if len(records) != description.get("records", len(records)):
        raise ValueError(f"it has {len(records)} rows, not {description['records']}")
    shards = len(description["files"])
    most = {"shard": shards - 1, "offset": 2**62, "length": MOST_RECORD_BYTES}
    for name, highest in most.items():
        column = records[name]
        if not pd.api.types.is_integer_dtype(column) or column.isna().any():
            raise ValueError(f"{name} holds no whole numbers")
        if len(column) and not 0 <= column.min() <= column.max() <= highest:
            raise ValueError(f"{name} beyond 0 to {highest:,}")
    if records["Metadata_Record_ID"].duplicated().any():
        raise ValueError("two records have one name")


def is_complete(directory: str) -> bool:
    """Whether the description, the table and every shard are there.

    Raises:
      InputError: the description is damaged.
    """
    folder = epath.Path(directory)
    if not (folder / DESCRIPTION).exists():
        return False
    description = read_description(directory)
    tables = [RECORDS, *description.keys() & {SOURCE_TABLE, CHANGED_TABLE}]
    return not _gone(folder, [*tables, *description["files"]])


def _gone(folder: epath.Path, files: Sequence[str]) -> list[str]:
    return sorted(set(files) - {path.name for path in folder.iterdir()})


def check_plan(
    directory: epath.PathLike, before: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Raises InputError where a folder was prepared otherwise than is wanted now.

    Args:
      directory: the prepared screen's.
      before: its plan.
      wanted: what to compare, a plan or a part of one; FREE is passed over.
    """
    unset = REDUCED | OME
    before, wanted = unset | LATER | dict(before), unset | dict(wanted)
    changes = [
        f"{key} was {before.get(key)!r}, is {value!r}"
        for key, value in wanted.items()
        if key not in FREE and before.get(key) != value
    ]
    if changes:
        raise InputError(
            f"{directory} (config.data.dir) was prepared otherwise: "
            f"{'; '.join(changes)}; choose another data.dir"
        )


def choose_channels(prepared: Prepared, names: Sequence[str]) -> tuple[str, ...]:
    """The channels to use: those named, or all where none is named.

    Raises:
      InputError: a name is not among the screen's channels, or comes twice.
    """
    return check_channels(prepared.name, prepared.channels, names)


def check_channels(
    screen: str, channels: Sequence[str], names: Sequence[str]
) -> tuple[str, ...]:
    """As `choose_channels`, for a screen that is not prepared yet."""
    for name in names:
        if name not in channels:
            raise InputError(
                f"screen {screen!r} has no channel {name!r}; {nearest(name, channels)}"
            )
    if len(set(names)) < len(names):
        raise InputError(f"config.data.channels names one twice: {', '.join(names)}")
    return tuple(names) or tuple(channels)


def check_crop(
    name: str,
    size_px: tuple[int, int],
    crop_px: int,
    pad_px: int = 0,
    padding: str = "reflect",
    *,
    largest: Callable[[int], int | None] = lambda most: most,
) -> None:
    """Refuses a crop that the images do not hold, and a padding that they cannot give.

    Args:
      name: of the screen.
      size_px: height and width of its images.
      crop_px: side of the crop.
      pad_px: pixels added on every side of an image.
      padding: "reflect" or "constant".
      largest: the largest side up to one which a network takes; None is none.

    Raises:
      InputError: with the values that fit.
    """
    smallest = min(size_px)
    size = f"images of {name!r} have {size_px[0]}x{size_px[1]}"
    if padding == "reflect" and pad_px >= smallest:
        raise InputError(
            f"config.data.pad_px is {pad_px}, but {size} px, which reflect "
            f"{smallest - 1} at most: choose 0 to {smallest - 1}, or set "
            "--config.data.padding=constant"
        )
    most = smallest + 2 * pad_px
    if not 0 < crop_px <= most:
        fits = largest(most)
        choose = f"choose {fits}, the largest that fits" if fits else ""
        advice = filter(None, [choose, _pad(smallest, crop_px, padding)])
        raise InputError(
            f"config.data.crop_px is {crop_px}, but {size} px"
            f"{f' and {pad_px} more on every side' if pad_px else ''}: "
            f"{', or '.join(advice) or 'this network takes no crop so small'}"
        )


def _pad(smallest: int, crop_px: int, padding: str) -> str:
    """The padding with which images just hold a crop, as advice."""
    pad_px = -(-(crop_px - smallest) // 2)
    if pad_px <= 0:
        return ""
    advice = f"set --config.data.pad_px={pad_px}"
    if padding == "reflect" and pad_px >= smallest:
        advice += " --config.data.padding=constant"
    return advice
