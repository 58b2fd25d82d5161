"""Feature sets on disk: one Parquet part per shard, complete when _SUCCESS says so.

Files in a folder are checked against what was written: `_SUCCESS` lists the digest of
every part, and of the note on what they were made from. Folders of former versions
have no digests; they are still read.
"""

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files, plain_data, sealed_json
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import origin_note, part_file, seen_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen

_SUCCESS = "_SUCCESS"
UNSCALED = {"model.input_px": 0}  # of former versions, which never resized crops
_MADE_FROM = "_made_from.json"  # readers of Parquet folders pass over _*
SUMMARY = "_summary.json"  # a method's tables of its encoder; not part of the set
COLUMNS = "columns"  # its table with what each column of the set measures
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class _Part:
    """Entry of `_SUCCESS` for a part; former versions gave no digest."""

    records: int
    sha256: str | None


@dataclasses.dataclass(frozen=True)
class _Success:
    """Contents of `_SUCCESS`: its parts by name, and their origin note's digest."""

    parts: Mapping[str, _Part]
    made_from: str | None


def claim(
    directory: epath.PathLike,
    note: Mapping[str, Any],
    trained_on: pd.DataFrame | None = None,
) -> bool:
    """Writes a note of what a feature set is made from.

    A damaged note is written again if the parts' own notes agree with it.

    Args:
      directory: profiles/<dataset>/<encoder>.
      note: what it is made from, plain data; its "saw_images" says whether the encoder
        was trained on the records' images (None: unknown). Its "skips_bad_records", if
        there, says that records may be left out; it may change to true, but not back.
      trained_on: what the encoder saw of each record, as from `seen_table.make`, unless
        the note says it for all of them.

    Returns:
      Whether parts are left to be made.

    Raises:
      InputError: the set was begun from something else.
    """
    directory = epath.Path(directory)
    if trained_on is not None:
        note = {**note, seen_table.KEY: seen_table.digest(trained_on)}
    before = _note_of_parts(directory, note)
    if before is None:
        directory.mkdir(parents=True, exist_ok=True)
    else:
        _refuse_other(directory, before, note)
    if seen_table.find_damage(directory, note if before is None else before):
        seen_table.write(directory, trained_on)
    if before is None:
        sealed_json.write(directory / _MADE_FROM, note)
    complete = is_complete(directory)
    if before is not None:
        if not complete:
            _adopt_former(directory, before)
        if note.get(origin_note.POLICY, False) > before.get(origin_note.POLICY, False):
            # Keys that a former version did not write are not added: the parts' notes
            # have the digest without them.
            now = before | {origin_note.POLICY: True}
            sealed_json.write(directory / _MADE_FROM, now)
    if complete:
        print(f"{directory} is complete: nothing to do")
    return not complete


def made_from(directory: epath.PathLike) -> dict[str, Any]:
    """Reads what a feature set was made from; {} if there is no note.

    Raises:
      InputError: the note is damaged.
    """
    note = epath.Path(directory) / _MADE_FROM
    try:
        content = sealed_json.read(note)
        origin_note.check(content)
        return content
    except FileNotFoundError:
        return {}
    except ValueError as error:  # broken JSON, or not text
        raise InputError(
            f"{note} is damaged: {part_file.AGAIN}; where that refuses it, delete "
            f"{directory} first"
        ) from error


def is_begun(directory: epath.PathLike) -> bool:
    """Tells whether a directory has a note, or holds a part.

    It has neither if a run was killed while it made the directory.
    """
    directory = epath.Path(directory)
    return (directory / _MADE_FROM).exists() or bool(part_file.listed(directory))


def count_parts(directory: epath.PathLike) -> int:
    """Counts the parts, whole or damaged."""
    return len(part_file.listed(epath.Path(directory)))


def was_finished(directory: epath.PathLike) -> bool:
    """Tells if a directory was once complete; parts may be damaged or lost since."""
    return (epath.Path(directory) / _SUCCESS).exists()


def write_part(
    path: epath.PathLike, metadata: pd.DataFrame, sets: Mapping[str, np.ndarray]
) -> None:
    """Writes one part, whole or not at all.

    Args:
      path: <directory>/part-00000.parquet; its directory is made.
      metadata: [N] rows of Metadata_* columns.
      sets: set name -> [N, D] floating; stored as float32 columns <set>__<i>.
    """
    path = epath.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    note = origin_note.digest(made_from(path.parent))
    part_file.write(path, metadata, sets, note)


def is_whole(path: epath.PathLike) -> bool:
    """Tells whether a part is there, undamaged and of this set; prints what is wrong.

    Args:
      path: of the part.
    """
    path = epath.Path(path)
    if not path.exists():
        return False
    note = part_file.note(path)
    wrong = "nothing says what it was"
    if note is not None:
        is_ours = note.made_from == origin_note.digest(made_from(path.parent))
        wrong = "is of another feature set"
        if is_ours:
            wrong = part_file.find_damage(path, note.sha256)
    if wrong:
        print(f"note: {path}: {wrong}; it is made again", flush=True)
    return not wrong


def finish(directory: epath.PathLike) -> None:
    """Marks a directory complete: _SUCCESS lists every part, its records and digest.

    Args:
      directory: profiles/<dataset>/<encoder>, with all its parts written.

    Raises:
      InputError: a part is not of this set.
    """
    directory = epath.Path(directory)
    digest, parts = origin_note.digest(made_from(directory)), {}
    for part in part_file.listed(directory):
        note = part_file.note(part)
        if note is None or note.made_from != digest:
            raise InputError(f"{part} is not of this feature set: {part_file.AGAIN}")
        parts[part.name] = {"records": note.records, "sha256": note.sha256}
    sealed_json.write(directory / _SUCCESS, {"parts": parts, "made_from": digest})


def is_complete(directory: epath.PathLike) -> bool:
    """Tells whether all that `read` needs is there, undamaged.

    Args:
      directory: profiles/<dataset>/<encoder>.
    """
    return find_damage(directory) is None


def find_damage(directory: epath.PathLike) -> str | None:
    """Describes what a directory lacks or what is damaged; None if all is well.

    Args:
      directory: profiles/<dataset>/<encoder>; every byte in it is read.
    """
    directory = epath.Path(directory)
    success, wrong = _read_success(directory)
    if success is None:
        return wrong
    for part in part_file.listed(directory):
        listed = success.parts[part.name]
        if damage := part_file.find_damage(part, listed.sha256):
            return f"{part.name} {damage}"
        if part_file.count(part, listed.sha256) != listed.records:
            return f"{part.name} has not the {listed.records} records of {_SUCCESS}"
    return seen_table.find_damage(
        directory, made_from(directory)
    ) or _find_damage_to_summary(directory)


def _find_damage_to_summary(directory: epath.Path) -> str | None:
    """Describes what is wrong with the tables of the encoder; few methods write any."""
    try:
        sealed_json.read_own(directory / SUMMARY)
    except FileNotFoundError:
        return None
    except ValueError as error:
        return f"{SUMMARY} is damaged: {error}"
    return None


def measurements(directory: epath.PathLike) -> list[str]:
    """Returns what a set's columns measure, in order; [] for networks.

    Args:
      directory: profiles/<dataset>/<encoder>, with one set, complete.
    """
    try:
        tables = sealed_json.read_own(epath.Path(directory) / SUMMARY)
    except (FileNotFoundError, ValueError):
        return []
    rows = tables.get(COLUMNS, ())
    return [row["measurement"] for row in rows if "measurement" in row]


def widths(directory: epath.PathLike) -> dict[str, int]:
    """Returns the sets in a directory and the number of their features.

    Args:
      directory: profiles/<dataset>/<encoder>, complete.

    Returns:
      Set name -> D, as found in the first part.

    Raises:
      InputError: the directory is not complete.
    """
    directory = epath.Path(directory)
    return _widths(directory, _require_success(directory).parts)


def read(
    directory: epath.PathLike, names: Iterable[str] | None = None
) -> dict[str, FeatureSet]:
    """Reads sets, and only the columns that belong to them.

    Args:
      directory: profiles/<dataset>/<encoder>.
      names: set names; None is all.

    Returns:
      Set name -> set of all N records, in the order of the parts.

    Raises:
      InputError: the directory is not complete, or a name is not in it.
    """
    directory = epath.Path(directory)
    listed = _require_success(directory).parts
    known = _widths(directory, listed)
    names = list(known) if names is None else list(names)
    for name in names:
        _check_name(directory, name, known)
    for part in part_file.listed(directory):
        _check_count(part, listed[part.name])
    total, start, metadata = sum(part.records for part in listed.values()), 0, []
    features = {name: np.empty((total, known[name]), np.float32) for name in names}
    chosen = {name: known[name] for name in names}
    for labels, sets in _read_parts(directory, listed, chosen):
        for name, values in sets.items():
            features[name][start : start + len(labels)] = values
        metadata.append(labels)
        start += len(labels)
    metadata = pd.concat(metadata, ignore_index=True)
    seen = read_seen(directory, metadata)
    return {name: FeatureSet(name, metadata, features[name], seen) for name in names}


def read_features(directory: epath.PathLike, name: str) -> np.ndarray:
    """Reads the features of one set like `read`, without the metadata.

    Args:
      directory: profiles/<dataset>/<encoder>.
      name: of the set.

    Returns:
      [N, D] float32, in the order of the parts.

    Raises:
      InputError: the directory is not complete, or the name is not in it.
    """
    directory = epath.Path(directory)
    listed = _require_success(directory).parts
    known = _widths(directory, listed)
    _check_name(directory, name, known)
    total, start = sum(part.records for part in listed.values()), 0
    features = np.empty((total, known[name]), np.float32)
    for part in part_file.listed(directory):
        end = start + listed[part.name].records
        sha256 = listed[part.name].sha256
        part_file.read_into(features[start:end], part, name, sha256)
        start = end
    return features


def parts(directory: epath.PathLike) -> Iterator[dict[str, FeatureSet]]:
    """Yields all sets part by part, for callers that need not hold them whole.

    Args:
      directory: profiles/<dataset>/<encoder>.

    Yields:
      Set name -> set of a part's records.

    Raises:
      InputError: the directory is not complete.
    """
    directory = epath.Path(directory)
    listed = _require_success(directory).parts
    for metadata, sets in _read_parts(directory, listed, _widths(directory, listed)):
        yield {
            name: FeatureSet(name, metadata, features)
            for name, features in sets.items()
        }


def read_metadata(directory: epath.PathLike) -> pd.DataFrame:
    """Reads the metadata of the records, without their features.

    Args:
      directory: profiles/<dataset>/<encoder>.

    Returns:
      [N] rows of Metadata_* columns, in the order of the parts.

    Raises:
      InputError: the directory is not complete.
    """
    directory = epath.Path(directory)
    listed = _require_success(directory).parts
    parts = [metadata for metadata, _ in _read_parts(directory, listed, {})]
    return pd.concat(parts, ignore_index=True)


def read_seen(directory: epath.PathLike, metadata: pd.DataFrame) -> Seen:
    """Reads what the encoder saw of each record in training.

    Args:
      directory: profiles/<dataset>/<encoder>.
      metadata: [N] rows, as from `read_metadata`.

    Raises:
      InputError: the note or table is damaged.
    """
    directory = epath.Path(directory)
    return seen_table.read(directory, made_from(directory), metadata)


def fingerprint(directory: epath.PathLike) -> str:
    """Returns a digest that changes whenever a part is written again.

    Args:
      directory: profiles/<dataset>/<encoder>, complete.

    Returns:
      Hexadecimal SHA-256 of _SUCCESS and of every part's name, size and time.
    """
    directory = epath.Path(directory)
    _require_success(directory)
    digest = hashlib.sha256(files.read_bytes(directory / _SUCCESS))
    for part in part_file.listed(directory):
        stat = part.stat()
        digest.update(f"{part.name} {stat.length} {stat.mtime}\n".encode())
    return digest.hexdigest()


def _note_of_parts(
    directory: epath.Path, wanted: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Reads the note of a directory; None if it must be written, or written again.

    Raises:
      InputError: the note is damaged, and the parts are not known to be made from what
        is wanted.
    """
    file, named = directory / _MADE_FROM, _named_by_parts(directory)
    wanted_digest = origin_note.digest(wanted)
    damage = None
    try:
        before = made_from(directory)
        if before and (
            not named or origin_note.digest(before) in named | {wanted_digest}
        ):
            return before
    except InputError as error:
        damage = error
    if named and wanted_digest not in named:
        raise InputError(
            f"{directory} was made from something else than this config asks for, and "
            f"{file.name} is damaged: delete that folder to make it again"
        )
    if damage and not named and part_file.listed(directory):
        raise damage
    if file.exists():
        print(f"note: {file} is damaged: it is written again", flush=True)
    elif not named:
        _adopt(directory, wanted)
    return None


def _named_by_parts(directory: epath.Path) -> set[str]:
    """Digests, from the parts' notes, of what the parts were made from."""
    success, _ = _read_success(directory, with_note=False)
    notes = map(part_file.note, part_file.listed(directory))
    digests = {note.made_from for note in notes if note is not None}
    return digests | {success.made_from} - {None} if success else digests


def _adopt_former(directory: epath.Path, note: Mapping[str, Any]) -> None:
    """Accepts the parts that a former version left unfinished."""
    if sealed_json.KEY not in files.read_json(directory / _MADE_FROM):
        _adopt(directory, note)
        sealed_json.write(directory / _MADE_FROM, note)


def _adopt(directory: epath.Path, note: Mapping[str, Any]) -> None:
    for part in part_file.listed(directory):
        if part_file.note(part) is None:
            part_file.adopt(part, origin_note.digest(note))


def _refuse_other(
    directory: epath.Path, before: Mapping[str, Any], note: Mapping[str, Any]
) -> None:
    """Refuses to continue a set that was begun from something else."""
    # Former versions did not write these keys.
    later = ("saw_images", "weights_sha256", seen_table.KEY)
    known = {key: note[key] for key in later if key in note}
    before = known | dict(before)
    # Former notes lack some of a network's sizes, too.
    if "random" in before and "random" in note:
        before["random"] = note["random"] | UNSCALED | before["random"]
    differing = [key for key in {**before, **note} if before.get(key) != note.get(key)]
    if set(differing) - {origin_note.POLICY}:
        raise InputError(
            f"{directory} was made from other {' and '.join(differing)}: delete that "
            "folder to make it again, or go back to the former config"
        )


def _read_success(
    directory: epath.Path, *, with_note: bool = True
) -> tuple[_Success | None, str]:
    """Reads `_SUCCESS` for the parts that are there, or says why it is not valid.

    Args:
      directory: of the feature set.
      with_note: whether it must match the note beside it, too.
    """
    try:
        success = _parse_success(sealed_json.read(directory / _SUCCESS))
    except FileNotFoundError:
        return None, "it was not finished"
    except ValueError:
        return None, f"{_SUCCESS} is damaged"
    present = {part.name for part in part_file.listed(directory)}
    for name in sorted(success.parts.keys() ^ present):
        lacks = name in success.parts
        return None, f"{name} is {'missing' if lacks else f'not in {_SUCCESS}'}"
    if with_note and success.made_from is not None:
        try:
            is_same = origin_note.digest(made_from(directory)) == success.made_from
        except InputError:
            is_same = False
        if not is_same:
            return None, f"{_MADE_FROM} is damaged, or not that of the parts"
    return success, ""


def _parse_success(content: Mapping[str, Any]) -> _Success:
    part = {"records": int, "sha256": str}
    if content.keys() == {"parts", "made_from"}:
        listed = content["parts"]
        if plain_data.fits(listed, {str: part}) and listed:
            parts = {
                name: _Part(entry["records"], entry["sha256"])
                for name, entry in listed.items()
            }
            return _checked(_Success(parts, content["made_from"]))
    elif content and plain_data.fits(content, {str: int}):
        return _checked(
            _Success(
                {name: _Part(records, None) for name, records in content.items()}, None
            )
        )
    raise ValueError("it lists no parts")


def _checked(success: _Success) -> _Success:
    digests = [part.sha256 for part in success.parts.values()] + [success.made_from]
    if any(part.records < 0 for part in success.parts.values()) or not all(
        digest is None or _HEX.fullmatch(str(digest)) for digest in digests
    ):
        raise ValueError("it is not as it was written")
    return success


def _require_success(directory: epath.Path) -> _Success:
    success, wrong = _read_success(directory)
    if success is None:
        raise InputError(
            f"{directory} is not complete: run --job=embed (for an imported table "
            "--job=import) to finish it, or delete it if it is no longer wanted "
            f"({wrong})"
        )
    return success


def _check_name(directory: epath.Path, name: str, known: Mapping[str, int]) -> None:
    if name not in known:
        raise InputError(f"{directory} has no set {name!r}; {nearest(name, known)}")


def _widths(directory: epath.Path, listed: Mapping[str, _Part]) -> dict[str, int]:
    first = part_file.listed(directory)[0]
    return part_file.widths(first, listed[first.name].sha256)


def _read_parts(
    directory: epath.Path, listed: Mapping[str, _Part], chosen: Mapping[str, int]
) -> Iterator[tuple[pd.DataFrame, dict[str, np.ndarray]]]:
    for part in part_file.listed(directory):
        yield part_file.read(part, chosen, listed[part.name].sha256)


def _check_count(part: epath.Path, listed: _Part) -> None:
    """Refuses a part that is not as long as was listed, before memory is taken."""
    counted = part_file.count(part, listed.sha256)
    part_file.check_count(part, counted, listed.records)
