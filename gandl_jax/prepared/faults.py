"""What is wrong with the files of a prepared screen, held against its manifest."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files, names, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.host_tensorflow import tf
from gandl_jax.prepared import manifest, records, shard_counts
from gandl_jax.prepared.prepared import (
    DESCRIPTION,
    PLAN,
    RECORDS,
    SOURCE_TABLE,
    Prepared,
    read_source_table,
)
from gandl_jax.prepared.shards import FRAME_BYTES
from gandl_jax.raw.screen import Screen, record_ids

SHARD_SUFFIX = ".tfrecord"  # in the name of every shard, and of no other file

Files = Mapping[str, Mapping[str, Any]]  # name to "sha256", "bytes" and "records"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One line of what is wrong.

    Attributes:
      shard: name of the file.
      record: its place in the shard, from 0; None where the whole file is meant.
      name: of the record; "" where the whole file is meant.
      what: is wrong.
    """

    shard: str
    record: int | None
    name: str
    what: str


def of_file(directory: str, name: str, files: Files) -> tuple[Fault | None, str]:
    """Holds a file's size and SHA-256 against the manifest.

    Args:
      directory: of the prepared screen.
      name: of the file.
      files: the manifest's.

    Returns:
      What is wrong, or None; and the name of the file whose bytes it holds or should
      hold, "" where it cannot be read.
    """
    path, wanted = epath.Path(directory) / name, files[name]
    if not path.exists():
        return Fault(name, None, "", "is gone"), ""
    try:
        found = manifest.digest(path)
    except OSError as error:  # a bad sector, no permission
        return Fault(name, None, "", f"cannot be read: {error}"), ""
    if found["sha256"] == wanted["sha256"]:
        return None, name
    for other, theirs in files.items():
        if found["sha256"] == theirs["sha256"]:
            return Fault(name, None, "", f"holds what {other} should hold"), other
    if found["bytes"] != wanted["bytes"]:
        what = f"has {found['bytes']} bytes, not {wanted['bytes']}"
    else:
        what = f"has the SHA-256 {found['sha256']}, not {wanted['sha256']}"
    return Fault(name, None, "", what), name


def of_plan(directory: str, plan: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the plan beside the description, which repeats it.

    Args:
      directory: of the prepared screen.
      plan: as the description has it.
    """
    path = epath.Path(directory) / PLAN
    try:
        if sealed_json.read(path) != plan:
            yield Fault(PLAN, None, "", f"is not the plan that {DESCRIPTION} repeats")
    except FileNotFoundError:
        yield Fault(PLAN, None, "", "is gone")
    except ValueError as error:  # no UTF-8, no JSON
        yield Fault(PLAN, None, "", f"is damaged: {error}")


def of_facts(directory: str, shards: Sequence[str], files: Files) -> Iterator[Fault]:
    """What is wrong with what was counted of the shards, where that was copied too.

    Args:
      directory: of the prepared screen.
      shards: their names.
      files: the manifest's.
    """
    if not shard_counts.path(directory, 0).parent.exists():
        return
    for number, name in enumerate(shards):
        path = shard_counts.path(directory, number)
        file = f"{path.parent.name}/{path.name}"
        try:
            told = shard_counts.read_one(directory, number)
        except FileNotFoundError:
            yield Fault(file, None, "", "is gone")
        except InputError as error:
            yield Fault(file, None, "", str(error))
        else:
            if told.written and told.written[0] != files[name]:
                yield Fault(file, None, "", f"is not of {name}")


def of_source_table(opened: Prepared, spec: Screen) -> Iterator[Fault]:
    """Whether the raw screen's table has the records in the order of the shards.

    Args:
      opened: the prepared screen.
      spec: of the screen.
    """
    source = read_source_table(opened)
    if source is None:
        return
    names = record_ids(spec, source).to_numpy(str)
    if not np.array_equal(names, opened.table["Metadata_Record_ID"].to_numpy(str)):
        yield Fault(SOURCE_TABLE, None, "", f"has other records than {RECORDS}")


def surplus(directory: str, files: Files) -> list[Fault]:
    """Shards that the manifest does not know."""
    there = sorted(path.name for path in epath.Path(directory).iterdir())
    return [
        Fault(name, None, "", "is no shard of this screen")
        for name in there
        if SHARD_SUFFIX in name and name not in files
    ]


def of_shard(
    opened: Prepared, name: str, files: Files, spec: Screen
) -> tuple[list[Fault], pd.DataFrame]:
    """Checks a shard and reads and decodes each of its records.

    Args:
      opened: the prepared screen; this and other shards may be gone.
      name: of the shard.
      files: the manifest's.
      spec: of the screen.

    Returns:
      What is wrong; and shard and name of each record that is whole.
    """
    fault, holds = of_file(opened.directory, name, files)
    faults, keys, places = [fault] if fault else [], [], []
    if holds in opened.files:  # a shard under another's name is read as what it is
        rows = opened.rows(opened.files.index(holds))
        if not fault:
            faults += _of_index(opened, name, rows, files[name])
        for place, read in enumerate(_read(opened, name, rows, spec.key)):
            if isinstance(read, str):
                record = opened.table["Metadata_Record_ID"].iloc[rows[place]]
                faults.append(Fault(name, place, record, read))
            else:
                keys.append(read)
                places.append(place)
        faults += _of_order(
            opened, name, rows, dict(zip(places, _ids(keys, spec), strict=True))
        )
    return faults, pd.DataFrame({"shard": name, "name": _ids(keys, spec)})


def _ids(keys: Sequence[Mapping[str, str]], spec: Screen) -> pd.Series:
    """The names of records from the columns of their keys."""
    return record_ids(spec, pd.DataFrame(keys, columns=list(spec.key), dtype=str))


def _of_order(
    opened: Prepared, name: str, rows: np.ndarray, found: Mapping[int, str]
) -> Iterator[Fault]:
    """Records of the table that lie at the place of others.

    Args:
      opened: the prepared screen.
      name: of the shard.
      rows: of the table that should lie in it.
      found: place in the shard to the name of the record that lies there.
    """
    listed = names.cleaned(opened.table["Metadata_Record_ID"].iloc[rows]).tolist()
    for place, record in found.items():
        if record != listed[place] and record in listed:
            yield Fault(name, place, record, f"lies at the place of {listed[place]}")


def _of_index(
    opened: Prepared, name: str, rows: np.ndarray, wanted: Mapping[str, Any]
) -> Iterator[Fault]:
    """Checks that the index's records fill the whole shard, one after the other."""
    ends = np.cumsum(opened.length[rows] + FRAME_BYTES)
    starts = np.concatenate([[0], ends])
    offsets = np.append(opened.offset[rows], wanted["bytes"])
    if len(rows) != wanted["records"] or (offsets != starts).any():
        yield Fault(
            RECORDS, None, "", f"does not say where the records of {name} start and end"
        )


def _read(
    opened: Prepared, name: str, rows: np.ndarray, key: tuple[str, ...]
) -> Iterator[dict[str, str] | str]:
    """Reads and decodes records as training does: their keys, or what is wrong."""
    path = epath.Path(opened.directory) / name
    size = path.stat().length
    wanted = opened.part(rows)
    for i, (offset, length) in enumerate(
        zip(wanted.offset, wanted.length, strict=True)
    ):
        if offset + length + FRAME_BYTES > size:
            yield "lies beyond the end of the file"
            continue
        if _length_at(path, offset) != length:  # TensorFlow believes any, and crashes
            yield "has another length than the table of records says"
            continue
        try:
            example = records.read_at(str(path), offset, length)
            records.planes(opened, opened.channels, example)
        except tf.errors.OpError as error:
            yield records.said(error)
            continue
        digest = int(records.digest(example))
        if wanted.digest is not None and digest != wanted.digest[i]:
            yield records.ANOTHER
            continue
        try:
            yield _key(example.numpy(), key)
        except (IndexError, UnicodeDecodeError):  # no such column; no text
            yield records.ANOTHER


def _length_at(path: epath.Path, offset: int) -> int:
    """The length in a TFRecord's frame, in bytes."""
    with files.reading(path) as file:
        file.seek(int(offset))
        return int.from_bytes(file.read(8), "little")


def _key(example: bytes, key: tuple[str, ...]) -> dict[str, str]:
    feature = tf.train.Example.FromString(example).features.feature
    return {column: feature[column].bytes_list.value[0].decode() for column in key}


def of_sites(
    opened: Prepared, found: pd.DataFrame, damaged: Collection[str]
) -> list[Fault]:
    """Records of the table that no shard holds, doubled ones, and unexpected ones.

    Args:
      opened: the prepared screen.
      found: shard and name of each whole record.
      damaged: names of those that are there, but not whole.
    """
    listed = _listed(opened)
    there = listed["name"].isin(found["name"]) | listed["name"].isin(damaged)
    strange = ~found["name"].isin(listed["name"])
    return [
        *_each(listed[~there], "is missing"),
        *_each(found[found["name"].duplicated()], "is there already"),
        *_each(found[strange], "is in no row of the table"),
    ]


def of_metadata(opened: Prepared, metadata: pd.Series) -> list[Fault]:
    """Records in which a prepared screen and its raw one differ.

    Args:
      opened: the prepared screen.
      metadata: [N] names of the raw screen's records.
    """
    listed = _listed(opened)
    absent = metadata[~metadata.isin(listed["name"])]
    absent = pd.DataFrame({"shard": "", "name": absent})
    if len(absent) == opened.description["records_skipped_as_missing"]:
        absent = absent[:0]
    strange = listed[~listed["name"].isin(metadata)]
    return [
        *_each(absent, "is in the raw screen's metadata only: was that changed?"),
        *_each(strange, "is not in the raw screen's metadata: was that changed?"),
    ]


def _listed(opened: Prepared) -> pd.DataFrame:
    """Shard and name of each record by the table, which may not be a clean one."""
    home = np.array(opened.files)[opened.shard]
    named = names.cleaned(opened.table["Metadata_Record_ID"])
    return pd.DataFrame({"shard": home, "name": named})


def _each(records_: pd.DataFrame, what: str) -> Iterator[Fault]:
    for shard, name in zip(records_["shard"], records_["name"], strict=True):
        yield Fault(shard, None, name, what)
