"""Records of a screen without a table: found by the names of its files."""

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
      codes: what `{channel}` stands for.
      source_dir: the raw screen; all folders and archives in it are looked through.
      cell: the field that counts crops of one site, if there is one.
      well: the field that is a well's name, if there is one: where a name could be
        read in several ways, it is a text that names a well.
      wells_per_row: where wells are numbers, how many a row has; else 0.
      ignored: globs of files that are none of the screen's.

    Returns:
      One row per record, sorted: its fields but `channel` as str, and `site_id`, the
      fields but `cell` joined by "_", where no field is called so.

    Raises:
      InputError: there are no files, none matches, or one could be read in two ways
        or has a name that is no text.
    """
    opened = raw_files.open_for(file, source_dir)
    there = wildcards.kept(opened.everything(), ignored)
    if not there and opened.no_plates:
        raise InputError(opened.no_plates[0])
    if not there:
        raise InputError(f"there are no files in {source_dir} (config.data.source_dir)")
    fields = path_pattern.parse(file).fields
    named = [name for name in dict.fromkeys(fields) if name != CHANNEL]
    well_text = {well: wells.texts(wells_per_row)} if well else {}
    rows: dict[tuple[str, ...], tuple[str, ...]] = {}  # by what they mean
    for match in _matches(file, codes, there, well_text):
        texts = tuple(match[name] for name in named)
        rows.setdefault(tuple(map(names.clean, texts)), texts)
    if not rows:
        odd = f"; {opened.no_plates[0]}" if opened.no_plates else ""
        raise InputError(
            f"no file in {source_dir} matches the pattern {file!r} "
            f"(config.screen.file); there is, for example, {example(opened)}{odd}"
        )
    table = pd.DataFrame(sorted(rows.values()), columns=named, dtype=str)
    if SITE_ID not in table:
        ours = [name for name in table if name != cell]
        table[SITE_ID] = table[ours].agg("_".join, axis=1)
    return table


def example(opened: raw_files.RawFiles) -> str | None:
    """A file of a raw screen, an image where there is one; None in an empty folder."""
    first = None
    for path in opened.everything():
        if opened.is_image(path):
            return path
        first = first or path
    return first


def _matches(
    file: str, codes: Sequence[str], there: Iterable[str], well_text: dict[str, str]
) -> Iterator[re.Match[str]]:
    """What the fields are in each file that matches."""
    readings = list(_readings(file, codes, well_text))
    for path in there:
        for form, short, long in readings:
            text = form(path)
            if match := short.fullmatch(text):
                _check_one_way(file, path, match, long.fullmatch(text))
                yield match
                break


def _readings(
    file: str, codes: Sequence[str], well_text: dict[str, str]
) -> Iterator[tuple[Callable[[str], str], re.Pattern[str], re.Pattern[str]]]:
    """Ways to read a path: its form, and what takes the least or the most of it.

    Those with a well that can be read come first, and paths as they are written.
    """
    for fields in (well_text, {}) if well_text else ({},):
        for form in (str, _composed):
            texts = [form(text) for text in (file, *codes)]
            patterns = (_pattern(texts[0], texts[1:], way, fields) for way in ("?", ""))
            yield form, *patterns


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _check_one_way(
    file: str, path: str, match: re.Match[str], other: re.Match[str]
) -> None:
    if confined.is_no_text(path):
        raise InputError(
            f"the name of the file {path!r} holds characters that are no text: "
            "rename it"
        )
    if other.groupdict() != match.groupdict():
        raise InputError(
            f"the pattern {file!r} (config.screen.file) reads {path!r} in two "
            f"ways, {_told(match)} and {_told(other)}: write more of what is the "
            "same in all names, or a table with a column of paths"
        )


def _pattern(
    file: str, codes: Sequence[str], lazy: str, fields: dict[str, str]
) -> re.Pattern[str]:
    """The regular expression of a file's path; a field has no "/" in it.

    Args:
      file: the pattern.
      codes: of the channels.
      lazy: "?" takes as little text as fits, "" as much.
      fields: of some fields, the regular expression of their text.
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


def _told(match: re.Match[str]) -> str:
    return ", ".join(itertools.starmap("{}={}".format, match.groupdict().items()))
