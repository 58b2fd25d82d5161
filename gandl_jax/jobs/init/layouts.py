"""Layouts of file names: how instruments name plate, well, site and channel.

A layout is a regular expression of a file's name. A group is a field, except for groups
that begin with `any`, any text without a meaning, and with `fixed`, of which one value
is taken: a plane of a stack, a time point. docs/layouts.md has an example of each.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gandl_jax.raw import wells

ANY, FIXED = "any", "fixed"  # prefixes of groups that are no fields
WELL = r"[A-Z]{1,2}\d{2,3}"
_UUID = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_END = r"\.(?:tiff?|png|TIFF?|PNG)"
_SITE = r"(?:[_-](?:s|f|site|Site|field|fov)_?(?P<site>\d+))?"
_CELL = r"(?:[_-]cell_?(?P<cell>\d+))?"
_BEFORE = r"(?:(?P<plate>.+?)[_-])??"  # only if the rest does not match without it
_PLAIN_WELL = r"[A-P]\d{1,2}|[A-Za-z]{1,2}\d\d"
_PLAIN = rf"{_BEFORE}(?P<well>{_PLAIN_WELL}){_SITE}{_CELL}"
_BARE = rf"{_BEFORE}(?P<well>[A-P]\d\d){_SITE}{_CELL}"  # no channel, so stricter


class Layout(NamedTuple):
    """Layout of an instrument's files.

    Attributes:
      name: of the instrument.
      text: regular expression of a file's name.
      folder: the same of a plate's folder; "" is any text.
      numbered: True if wells are numbers along the rows.
    """

    name: str
    text: str
    folder: str = ""
    numbered: bool = False


KNOWN = (
    Layout(
        "ImageXpress",
        rf"(?P<any_name>.+)_(?P<well>{WELL})(?:_s(?P<site>\d+))?"
        rf"(?:_w(?P<channel>\d))?(?P<any_id>{_UUID})\.tif",
    ),
    Layout(
        "INCell",
        r"(?P<well>[A-Z]{1,2} - \d{1,2})\(fld (?P<site>\d+)"
        rf"(?: wv (?P<channel>[^()]+?))?(?: z (?P<fixed_plane>\d+))?\){_END}",
    ),
    Layout(
        "ScanR",
        rf"(?P<well>{WELL})--W(?P<any_well>\d+)--P(?P<site>\d+)--Z(?P<fixed_plane>\d+)"
        rf"--T(?P<fixed_time>\d+)--(?P<channel>.+){_END}",
    ),
    Layout(
        "ScanR",
        r"(?P<any_name>.*)--W(?P<well>\d+)--P(?P<site>\d+)--Z(?P<fixed_plane>\d+)"
        rf"--T(?P<fixed_time>\d+)--(?P<channel>.+){_END}",
        numbered=True,
    ),
    Layout(
        "Yokogawa CV7000 or CV8000",
        rf"(?P<any_name>.+)_(?P<well>{WELL})_T(?P<fixed_time>\d{{4}})F(?P<site>\d+)"
        r"L(?P<fixed_line>\d+)A(?P<any_action>\d+)Z(?P<fixed_plane>\d+)"
        rf"C(?P<channel>\d+){_END}",
    ),
    Layout(
        "CellVoyager CV1000 or CQ1",
        r"W(?P<well>\d+)F(?P<site>\d+)T(?P<fixed_time>\d+)Z(?P<fixed_plane>\d+)"
        rf"C(?P<channel>\d+){_END}",
        numbered=True,
    ),
    Layout(
        "Opera Phenix or Operetta",
        r"(?P<well>r\d\dc\d\d)f(?P<site>\d+)p(?P<fixed_plane>\d+)-ch(?P<channel>\d+)"
        rf"sk(?P<fixed_time>\d+)fk(?P<fixed_state>\d+)fl(?P<fixed_flim>\d+){_END}",
        folder=r"(?P<plate>.+?)__(?P<any_date>\d{4}-\d\d-\d\dT.+)",
    ),
    Layout(
        "Cellomics ArrayScan or CellInsight",
        rf"(?P<any_name>.+)_(?P<plate>\d+)_(?P<well>{WELL})f(?P<site>\d+)"
        rf"d(?P<channel>\d+){_END}",
    ),
    Layout("", rf"{_PLAIN}[_-](?:w|ch|c|C|channel)_?(?P<channel>\d+){_END}"),
    Layout("", rf"{_PLAIN}[_-](?P<channel>(?![A-Z]\d\d)[A-Za-z][\w -]*){_END}"),
    Layout("", rf"{_BARE}{_END}"),
)


class Piece(NamedTuple):
    """Part of a name: text, or a group of a layout with its text."""

    group: str | None
    text: str


def read(layout: Layout, name: str) -> list[Piece] | None:
    """Splits a file's name into its parts; returns None for another layout.

    Args:
      layout: one of KNOWN.
      name: of the file, without its folder.
    """
    match = re.fullmatch(layout.text, name)
    if match is None or not _is_well(layout, match):
        return None
    return list(_pieces(match))


def read_folder(layout: Layout, name: str) -> list[Piece] | None:
    """Splits a folder's name into its parts, by the layout's `folder`."""
    match = re.fullmatch(layout.folder, name) if layout.folder else None
    return list(_pieces(match)) if match else None


def _is_well(layout: Layout, match: re.Match[str]) -> bool:
    per_row = wells.COLUMNS if layout.numbered else 0
    return bool(wells.read_name(match["well"], per_row))


def _pieces(match: re.Match[str]) -> Iterator[Piece]:
    spans = {name: match.span(name) for name in match.groupdict()}
    end = 0
    for name, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        if start < 0:
            continue
        if start > end:
            yield Piece(None, match.string[end:start])
        yield Piece(name, match.string[start:stop])
        end = stop
    yield Piece(None, match.string[end:])
