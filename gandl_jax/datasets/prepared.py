"""A prepared screen: what `jobs/prepare.py` left. Imports nothing slow."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import limits
from gandl_jax.errors import InputError, nearest

DESCRIPTION = "screen.json"  # written last: its presence says that all is there
RECORDS = "records.parquet"
PLATES = "plate_statistics"  # in the description: those of each plate
SOURCE = "source_dir"  # in a plan for information: a moved screen is the same screen
LABELS = "labels"  # in a plan: what the config says of records, not of their images
COUNTED = "plates_counted_by"  # in a plan: the columns of the plates in the facts
IMAGES = "images"  # in a plan: the format of the raw ones when the shards were begun
MANIFEST = "manifest"  # in the description: what its files must be, and the counts
ILLUMINATION = "illumination.npz"  # the fields of each plate
FEWEST_RECORDS = 50  # of a plate, to estimate its illumination from (ours)
REMARKS = "remarks"  # in the description: what was odd, of the table and the images
REDUCED = {"downscale": 1, "white_level": 0}  # in a plan where they are not these
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
      description: all of `screen.json`.
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
        """These rows of the table alone, [n] int64."""
        index = {key: getattr(self, key)[rows] for key in ("shard", "offset", "length")}
        return dataclasses.replace(self, table=self.table.iloc[rows], **index)

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
    low = np.array([statistics[name]["low"] for name in channels])
    high = np.array([statistics[name]["high"] for name in channels])
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
    if _gone(folder, [RECORDS]):
        raise InputError(
            f"{folder / RECORDS} is gone; run --job=prepare again, which keeps the "
            "shards"
        )
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
        description = files.read_json(folder / DESCRIPTION)
        if not _describes_a_screen(description):
            raise ValueError("it describes no screen")
        return description
    except ValueError as error:  # no UTF-8, no JSON
        raise InputError(
            f"{folder / DESCRIPTION} is damaged ({error}); delete it and run "
            "--job=prepare again, which keeps the shards"
        ) from error


def _describes_a_screen(content: Any) -> bool:
    """Whether all is there that the other jobs read, and can be so."""
    kinds = {"name": str, "plan": dict, "statistics": dict}
    kinds |= {"channels": list, "files": list}
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), kind) for key, kind in kinds.items()
    ):
        return False
    size = content.get("height_px"), content.get("width_px")
    return (
        all(isinstance(name, str) for name in content["channels"])
        and all(isinstance(name, str) and "/" not in name for name in content["files"])
        and all(type(side) is int and side > 0 for side in size)
        and math.prod(size) <= limits.MOST_PX
        and content.get("bit_depth") in (8, 16)
        and all(_is_range(content["statistics"].get(c)) for c in content["channels"])
    )


def _is_range(statistics: Any) -> bool:
    ends = isinstance(statistics, dict) and [statistics.get(k) for k in ("low", "high")]
    return bool(ends) and all(
        isinstance(end, int | float) and math.isfinite(end) for end in ends
    )


def open_unchecked(directory: str, description: Mapping[str, Any]) -> Prepared:
    """As `open_prepared`, whether or not the shards are there."""
    path = epath.Path(directory) / RECORDS
    with files.reading(path) as file:
        try:
            records = pd.read_parquet(file)
            _check_records(records, len(description["files"]))
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            # Arrow raises an OSError without a number where pages do not decode.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(
                f"{path} is damaged ({str(error).splitlines()[0]}): delete it and run "
                "--job=prepare again, which keeps the shards"
            ) from error
    return Prepared(
        directory=str(directory),
        name=description["name"],
        channels=tuple(description["channels"]),
        height_px=description["height_px"],
        width_px=description["width_px"],
        bit_depth=description["bit_depth"],
        statistics=description["statistics"],
        table=records.filter(regex="^Metadata_"),
        shard=records["shard"].to_numpy(),
        offset=records["offset"].to_numpy(),
        length=records["length"].to_numpy(),
        files=tuple(description["files"]),
        description=description,
    )


def _check_records(records: pd.DataFrame, shards: int) -> None:
    """Raises where the table of records says what no table of ours says."""
    most = {"shard": shards - 1, "offset": 2**62, "length": MOST_RECORD_BYTES}
    for name, highest in most.items():
        column = records[name].to_numpy(np.int64)
        if len(column) and not 0 <= column.min() <= column.max() <= highest:
            raise ValueError(f"{name} beyond 0 to {highest:,}")


def is_complete(directory: str) -> bool:
    """Whether the description, the table and every shard are there.

    Raises:
      InputError: the description is damaged.
    """
    folder = epath.Path(directory)
    if not (folder / DESCRIPTION).exists():
        return False
    return not _gone(folder, [RECORDS, *read_description(directory)["files"]])


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
    before, wanted = (REDUCED | dict(plan) for plan in (before, wanted))
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


def check_crop(prepared: Prepared, crop_px: int) -> None:
    """Raises InputError where the images are smaller than the crop."""
    smallest = min(prepared.height_px, prepared.width_px)
    if not 0 < crop_px <= smallest:
        raise InputError(
            f"config.data.crop_px is {crop_px}, but images of {prepared.name!r} have "
            f"{prepared.height_px}x{prepared.width_px} px; choose 1 to {smallest}"
        )
