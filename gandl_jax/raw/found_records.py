"""Records of a screen without a table, found by the names of its files."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.raw import confined, path_pattern, raw_files, wells, wildcards
from gandl_jax.raw.path_pattern import ANY, CHANNEL

SITE_ID = "site_id"


def find(
    file: str,
    codes: Sequence[str],
    source_dir: str,
    *,
    cell: str | None = None,
    well: str | None = None,
    wells_per_row: int = 0,
    ignored: Collection[str] = (),
) -> pd.DataFrame:
    """Turns the names of files into a table of records.

    Args:
      file: a file's path below the source directory, text with `{field}`s, as in
        "{plate}/{well}_s{site}_w{channel}*.tif".
      codes: values of `{channel}`.
      source_dir: the raw screen; all its folders and archives are searched.
      cell: the field that counts crops of one site, or None.
      well: the field of well names, or None: of several readings of a file's name, one
        with a well is taken.
      wells_per_row: wells in a row, if wells are numbers; else 0.
      ignored: globs of files to leave out.

    Returns:
      One row per record, sorted: its fields except `channel` as str, and `site_id`, all
      fields except `cell` joined by "_", unless a field has that name.

    Raises:
      InputError: there are no files, none matches, or one could be read in two ways
        or has a name that is no text.
    """
    opened = raw_files.open_for(file, source_dir)
    paths = wildcards.kept(opened.all_paths(), ignored)
    if not paths and opened.no_plates:
        raise InputError(opened.no_plates[0])
    if not paths:
        raise InputError(f"there are no files in {source_dir} (config.data.source_dir)")
    fields = path_pattern.parse(file).fields
    columns = [name for name in dict.fromkeys(fields) if name != CHANNEL]
    well_text = {well: wells.texts(wells_per_row)} if well else {}
    rows: dict[tuple[str, ...], tuple[str, ...]] = {}  # by their cleaned texts
    for match in _matches(file, codes, paths, well_text):
        texts = tuple(match[name] for name in columns)
        rows.setdefault(tuple(map(names.clean, texts)), texts)
    if not rows:
        no_plate = f"; {opened.no_plates[0]}" if opened.no_plates else ""
        raise InputError(
            f"no file in {source_dir} matches the pattern {file!r} "
            f"(config.screen.file); there is, for example, {example(opened)}{no_plate}"
        )
    table = pd.DataFrame(sorted(rows.values()), columns=columns, dtype=str)
    if SITE_ID not in table:
        site_columns = [name for name in table if name != cell]
        table[SITE_ID] = table[site_columns].agg("_".join, axis=1)
    return table


def example(opened: raw_files.RawFiles) -> str | None:
    """Returns the path of an image, else of any file; None in an empty folder."""
    first = None
    for path in opened.all_paths():
        if opened.is_image(path):
            return path
        first = first or path
    return first


def _matches(
    file: str, codes: Sequence[str], paths: Iterable[str], well_text: dict[str, str]
) -> Iterator[re.Match[str]]:
    """Yields the matches of the pattern with the paths, with the fields as groups."""
    readings = list(_readings(file, codes, well_text))
    for path in paths:
        for normalise, lazy, greedy in readings:
            text = normalise(path)
            if match := lazy.fullmatch(text):
                _check_one_way(file, path, match, greedy.fullmatch(text))
                yield match
                break


def _readings(
    file: str, codes: Sequence[str], well_text: dict[str, str]
) -> Iterator[tuple[Callable[[str], str], re.Pattern[str], re.Pattern[str]]]:
    """Yields ways to read a path: how to normalise it, a lazy and a greedy pattern.

    Ways with a readable well come first, and paths as they are written.
    """
    for fields in (well_text, {}) if well_text else ({},):
        for normalise in (str, _composed):
            texts = [normalise(text) for text in (file, *codes)]
            patterns = (
                _pattern(texts[0], texts[1:], lazy, fields) for lazy in ("?", "")
            )
            yield normalise, *patterns


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _check_one_way(
    file: str, path: str, match: re.Match[str], greedy_match: re.Match[str]
) -> None:
    if confined.is_no_text(path):
        raise InputError(
            f"the name of the file {path!r} holds characters that are no text: "
            "rename it"
        )
    if greedy_match.groupdict() != match.groupdict():
        raise InputError(
            f"the pattern {file!r} (config.screen.file) reads {path!r} in two "
            f"ways, {_fields_in_words(match)} and {_fields_in_words(greedy_match)}: "
            "write more of what is the same in all names, or a table with a column of "
            "paths"
        )


def _pattern(
    file: str, codes: Sequence[str], lazy: str, fields: dict[str, str]
) -> re.Pattern[str]:
    """Makes the regular expression of a file's path; a field has no "/" in it.

    Args:
      file: the pattern.
      codes: of the channels.
      lazy: "?" for fields as short as possible, "" for as long as possible.
      fields: field to the regular expression of its text, for some.
    """
    ordered = sorted(codes, key=len, reverse=not lazy)
    text, seen = "", set()
    for literal, field in path_pattern.parse(file).parts:
        text += f"[^/]*{lazy}".join(map(re.escape, literal.split(ANY)))
        if field in seen:
            text += f"(?P={field})"
        elif field:
            body = fields.get(field, f"[^/]+{lazy}")
            if field == CHANNEL:
                body = "|".join(map(re.escape, ordered))
            text += f"(?P<{field}>{body})"
            seen.add(field)
    return re.compile(text)


def _fields_in_words(match: re.Match[str]) -> str:
    return ", ".join(itertools.starmap("{}={}".format, match.groupdict().items()))
