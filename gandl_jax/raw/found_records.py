"""Records of a screen without a table: found by the names of its files."""

import itertools
import os
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
from etils import epath

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.raw import confined, raw_files

SITE_ID = "site_id"
IMAGES = ".png", ".tif", ".tiff"


def find(
    file: str, codes: Sequence[str], source_dir: str, *, cell: str | None = None
) -> pd.DataFrame:
    """Turns the names of files into a table of records.

    Args:
      file: a file's path below the source directory, text with `{field}`s, as in
        "{plate}/{well}_s{site}_w{channel}.tif".
      codes: what `{channel}` stands for.
      source_dir: the raw screen; all folders and archives in it are looked through.
      cell: the field that counts crops of one site, if there is one.

    Returns:
      One row per record, sorted: its fields but `channel` as str, and `site_id`, the
      fields but `cell` joined by "_", where no field is called so.

    Raises:
      InputError: there are no files, none matches, or one could be read in two ways
        or has a name that is no text.
    """
    there = sorted(_everything(source_dir))
    if not there:
        raise InputError(f"there are no files in {source_dir} (config.data.source_dir)")
    fields = [f for _, f, _, _ in string.Formatter().parse(file) if f]
    named = [name for name in dict.fromkeys(fields) if name != "channel"]
    rows: dict[tuple[str, ...], tuple[str, ...]] = {}  # by what they mean
    for match in _matches(file, codes, there):
        texts = tuple(match[name] for name in named)
        rows.setdefault(tuple(map(names.clean, texts)), texts)
    if not rows:
        raise InputError(
            f"no file in {source_dir} matches the pattern {file!r} "
            f"(config.screen.file); there is, for example, {example(source_dir)}"
        )
    table = pd.DataFrame(sorted(rows.values()), columns=named, dtype=str)
    if SITE_ID not in table:
        ours = [name for name in table if name != cell]
        table[SITE_ID] = table[ours].agg("_".join, axis=1)
    return table


def example(source_dir: str) -> str | None:
    """A file of a raw screen, an image where there is one; None in an empty folder."""
    first = None
    for path in _everything(source_dir):
        if path.lower().endswith(IMAGES):
            return path
        first = first or path
    return first


def _everything(source_dir: str) -> Iterator[str]:
    """Paths of all files, loose and in archives; no hidden ones."""
    yield from _below(source_dir)
    for path in raw_files.open_files(source_dir).members():
        if not any(part.startswith(".") for part in path.split("/")):
            yield path


def _below(source_dir: str) -> Iterator[str]:
    """Paths of all files below a folder, relative to it; no hidden ones.

    A folder that links lead to again, perhaps from within, is read once.
    """
    root = epath.Path(source_dir)
    folders, seen = [""], set()
    while folders:
        folder = folders.pop()
        if (place := os.path.realpath(root / folder)) in seen:
            continue
        seen.add(place)
        for name in sorted(path.name for path in (root / folder).iterdir()):
            path = os.path.join(folder, name)
            if name.startswith("."):
                continue
            if not name.lower().endswith(IMAGES) and (root / path).is_dir():
                folders.append(path)
            else:
                yield path


def _matches(
    file: str, codes: Sequence[str], there: Iterable[str]
) -> Iterable[re.Match[str]]:
    """What the fields are in each file that matches."""
    as_written = [_pattern(file, codes, lazy) for lazy in ("?", "")]
    composed = [unicodedata.normalize("NFC", text) for text in (file, *codes)]
    in_nfc = [_pattern(composed[0], composed[1:], lazy) for lazy in ("?", "")]
    for path in there:
        text, (short, long) = path, as_written
        if not short.fullmatch(text):
            text, (short, long) = unicodedata.normalize("NFC", path), in_nfc
        match = short.fullmatch(text)
        if match is None:
            continue
        if confined.is_no_text(path):
            raise InputError(
                f"the name of the file {path!r} holds characters that are no text: "
                "rename it"
            )
        other = long.fullmatch(text)
        if other.groupdict() != match.groupdict():
            raise InputError(
                f"the pattern {file!r} (config.screen.file) reads {path!r} in two "
                f"ways, {_told(match)} and {_told(other)}: write more of what is the "
                "same in all names, or a table with a column of paths"
            )
        yield match


def _pattern(file: str, codes: Sequence[str], lazy: str) -> re.Pattern[str]:
    """The regular expression of a file's path; a field has no "/" in it."""
    channel = "|".join(map(re.escape, sorted(codes, key=len, reverse=True)))
    text, seen = "", set()
    for literal, field, _, _ in string.Formatter().parse(file):
        text += re.escape(literal)
        if field in seen:
            text += f"(?P={field})"
        elif field:
            body = channel if field == "channel" else f"[^/]+{lazy}"
            text += f"(?P<{field}>{body})"
            seen.add(field)
    return re.compile(text)


def _told(match: re.Match[str]) -> str:
    return ", ".join(itertools.starmap("{}={}".format, match.groupdict().items()))
