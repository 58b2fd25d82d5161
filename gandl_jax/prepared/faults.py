"""Faults in the files of a prepared screen, compared with its manifest."""

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
    """One line on something wrong.

    Attributes:
      shard: name of the file.
      record: its index in the shard, from 0; None for the whole file.
      name: of the record; "" for the whole file.
      what: is wrong with it.
    """

    shard: str
    record: int | None
    name: str
    what: str


def check_file(directory: str, name: str, files: Files) -> tuple[Fault | None, str]:
    """Compares a file's size and SHA-256 with the manifest.

    Args:
      directory: of the prepared screen.
      name: of the file.
      files: the manifest's.

    Returns:
      The fault, or None; and the name of the file whose bytes it holds or should hold,
      "" if it cannot be read.
    """
    path, wanted = epath.Path(directory) / name, files[name]
    if not path.exists():
        return Fault(name, None, "", "is gone"), ""
    try:
        actual = manifest.digest(path)
    except OSError as error:  # a bad sector, no permission
        return Fault(name, None, "", f"cannot be read: {error}"), ""
    if actual["sha256"] == wanted["sha256"]:
        return None, name
    for other, other_digest in files.items():
        if actual["sha256"] == other_digest["sha256"]:
            return Fault(name, None, "", f"holds what {other} should hold"), other
    if actual["bytes"] != wanted["bytes"]:
        difference = f"has {actual['bytes']} bytes, not {wanted['bytes']}"
    else:
        difference = f"has the SHA-256 {actual['sha256']}, not {wanted['sha256']}"
    return Fault(name, None, "", difference), name


def check_plan(directory: str, plan: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields faults of the plan beside the description, which repeats it.

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
    except ValueError as error:  # not UTF-8, not JSON
        yield Fault(PLAN, None, "", f"is damaged: {error}")


def check_counts(
    directory: str, shards: Sequence[str], files: Files
) -> Iterator[Fault]:
    """Yields faults of the counts of the shards, if these were copied too.

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
            counts = shard_counts.read_one(directory, number)
        except FileNotFoundError:
            yield Fault(file, None, "", "is gone")
        except InputError as error:
            yield Fault(file, None, "", str(error))
        else:
            if counts.written and counts.written[0] != files[name]:
                yield Fault(file, None, "", f"is not of {name}")


def check_source_table(opened: Prepared, spec: Screen) -> Iterator[Fault]:
    """Checks that the raw screen's table has the records in the order of the shards.

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
    """Finds shards that the manifest does not list."""
    present = sorted(path.name for path in epath.Path(directory).iterdir())
    return [
        Fault(name, None, "", "is no shard of this screen")
        for name in present
        if SHARD_SUFFIX in name and name not in files
    ]


def check_shard(
    opened: Prepared, name: str, files: Files, spec: Screen
) -> tuple[list[Fault], pd.DataFrame]:
    """Checks a shard, and reads and decodes each of its records.

    Args:
      opened: the prepared screen; this and other shards may be gone.
      name: of the shard.
      files: the manifest's.
      spec: of the screen.

    Returns:
      Faults; and shard and name of each undamaged record.
    """
    fault, held_file = check_file(opened.directory, name, files)
    faults, keys, indices = [fault] if fault else [], [], []
    if held_file in opened.files:  # a shard under another's name is read under its own
        rows = opened.rows(opened.files.index(held_file))
        if not fault:
            faults += _check_index(opened, name, rows, files[name])
        for index, key_or_fault in enumerate(_read(opened, name, rows, spec.key)):
            if isinstance(key_or_fault, str):
                record = opened.table["Metadata_Record_ID"].iloc[rows[index]]
                faults.append(Fault(name, index, record, key_or_fault))
            else:
                keys.append(key_or_fault)
                indices.append(index)
        faults += _check_order(
            opened, name, rows, dict(zip(indices, _ids(keys, spec), strict=True))
        )
    return faults, pd.DataFrame({"shard": name, "name": _ids(keys, spec)})


def _ids(keys: Sequence[Mapping[str, str]], spec: Screen) -> pd.Series:
    """Names records by the columns of their keys."""
    return record_ids(spec, pd.DataFrame(keys, columns=list(spec.key), dtype=str))


def _check_order(
    opened: Prepared, name: str, rows: np.ndarray, actual: Mapping[int, str]
) -> Iterator[Fault]:
    """Yields records of the table that lie at the index of others.

    Args:
      opened: the prepared screen.
      name: of the shard.
      rows: of the table that should lie in it.
      actual: index in the shard to the name of the record that lies there.
    """
    listed = names.cleaned(opened.table["Metadata_Record_ID"].iloc[rows]).tolist()
    for index, record in actual.items():
        if record != listed[index] and record in listed:
            yield Fault(name, index, record, f"lies at the place of {listed[index]}")


def _check_index(
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
    """Reads and decodes records as training does: yields keys, or what is wrong."""
    path = epath.Path(opened.directory) / name
    size = path.stat().length
    wanted = opened.part(rows)
    for i, (offset, length) in enumerate(
        zip(wanted.offset, wanted.length, strict=True)
    ):
        if offset + length + FRAME_BYTES > size:
            yield "lies beyond the end of the file"
            continue
        # TensorFlow trusts any length, and crashes.
        if _length_at(path, offset) != length:
            yield "has another length than the table of records says"
            continue
        try:
            example = records.read_at(str(path), offset, length)
            records.planes(opened, opened.channels, example)
        except tf.errors.OpError as error:
            yield records.reason(error)
            continue
        digest = int(records.digest(example))
        if wanted.digest is not None and digest != wanted.digest[i]:
            yield records.ANOTHER
            continue
        try:
            yield _key(example.numpy(), key)
        except (IndexError, UnicodeDecodeError):  # no such column; not text
            yield records.ANOTHER


def _length_at(path: epath.Path, offset: int) -> int:
    """Reads the length in a TFRecord's frame, in bytes."""
    with files.reading(path) as file:
        file.seek(int(offset))
        return int.from_bytes(file.read(8), "little")


def _key(example: bytes, key: tuple[str, ...]) -> dict[str, str]:
    feature = tf.train.Example.FromString(example).features.feature
    return {column: feature[column].bytes_list.value[0].decode() for column in key}


def check_sites(
    opened: Prepared, undamaged: pd.DataFrame, damaged: Collection[str]
) -> list[Fault]:
    """Finds records of the table that no shard holds, doubled ones and unexpected ones.

    Args:
      opened: the prepared screen.
      undamaged: shard and name of each undamaged record.
      damaged: names of records that are there, but damaged.
    """
    listed = _listed(opened)
    is_present = listed["name"].isin(undamaged["name"]) | listed["name"].isin(damaged)
    is_unlisted = ~undamaged["name"].isin(listed["name"])
    return [
        *_each(listed[~is_present], "is missing"),
        *_each(undamaged[undamaged["name"].duplicated()], "is there already"),
        *_each(undamaged[is_unlisted], "is in no row of the table"),
    ]


def check_metadata(opened: Prepared, metadata: pd.Series) -> list[Fault]:
    """Finds records in which a prepared screen and its raw one differ.

    Args:
      opened: the prepared screen.
      metadata: [N] names of the raw screen's records.
    """
    listed = _listed(opened)
    absent = metadata[~metadata.isin(listed["name"])]
    absent = pd.DataFrame({"shard": "", "name": absent})
    if len(absent) == opened.description["records_skipped_as_missing"]:
        absent = absent[:0]
    unknown = listed[~listed["name"].isin(metadata)]
    return [
        *_each(absent, "is in the raw screen's metadata only: was that changed?"),
        *_each(unknown, "is not in the raw screen's metadata: was that changed?"),
    ]


def _listed(opened: Prepared) -> pd.DataFrame:
    """Returns shard and name of each record in the table; names are cleaned."""
    shards = np.array(opened.files)[opened.shard]
    record_names = names.cleaned(opened.table["Metadata_Record_ID"])
    return pd.DataFrame({"shard": shards, "name": record_names})


def _each(faulty: pd.DataFrame, fault: str) -> Iterator[Fault]:
    for shard, name in zip(faulty["shard"], faulty["name"], strict=True):
        yield Fault(shard, None, name, fault)
