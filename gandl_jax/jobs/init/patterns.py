"""A pattern of paths, and what its fields mean, from the paths of images alone."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gandl_jax.errors import InputError
from gandl_jax.jobs.init import layouts
from gandl_jax.jobs.init.layouts import Layout, Piece

LOOKED_AT = 2_000  # paths that choose the layout (ours)
ENOUGH = 0.5  # of them, for a layout to be that of the screen (ours)
CHANNELS = range(2, 13)  # files of a record, where names say no more
WHOLE = 0.9  # of the records that have all of them
TIME_POINT = re.compile(r"TimePoint_\d+")
PLATES = ("plate", "experiment", "folder")  # what folders are, the innermost first


@dataclasses.dataclass(frozen=True)
class Named:
    """What the names of images say.

    Attributes:
      file: their pattern, as of config.screen.file.
      values: field to its texts, "channel" among them where each has a file.
      instrument: whose names they are; "" is not known.
      wells_per_row: where wells are numbers; else 0.
      matched: how many of the paths the pattern fits.
      total: of all images.
      notes: what was decided, sentences.
      channels: their names, where the images say them; else ().
    """

    file: str
    values: dict[str, tuple[str, ...]]
    instrument: str
    wells_per_row: int
    matched: int
    total: int
    notes: tuple[str, ...]
    channels: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Those of the channels, in order; () where one file has all."""
        return self.values.get("channel", ())


class _Taken(NamedTuple):
    """A path, taken apart: its folders, and the parts of its name."""

    path: str
    folders: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def shape(self) -> tuple:
        """What names of one pattern have in common."""
        texts = tuple(p.text if p.group is None else p.group for p in self.pieces)
        return len(self.folders), texts


def find(paths: Sequence[str]) -> Named:
    """The pattern that most images have.

    Args:
      paths: of all images below the screen's folder, sorted; at least one.

    Raises:
      InputError: two images would be the same channel of one site.
    """
    layout, taken = _choose(paths)
    shapes = collections.Counter(one.shape for one in taken)
    chosen = [one for one in taken if one.shape == shapes.most_common(1)[0][0]]
    notes = list(_left_out(paths, chosen))
    chosen, fixed_notes = _fixed(chosen)
    notes += fixed_notes
    folders, fields = _folders(layout, chosen)
    if not any(field.field == "plate" for field in fields):
        chosen = [_with_plate(one) for one in chosen]
    name = _name(chosen)
    values = _values(chosen, fields)
    _check_apart(chosen, fields)
    return Named(
        file="/".join([*folders, name]),
        values={key: tuple(sorted(own, key=natural)) for key, own in values.items()},
        instrument=layout.name,
        wells_per_row=_per_row(values["well"]) if layout.numbered else 0,
        matched=len(chosen),
        total=len(paths),
        notes=tuple(notes),
    )


def _choose(paths: Sequence[str]) -> tuple[Layout, list[_Taken]]:
    """The layout that most of the paths have, and those that have it."""
    some = paths[:: max(1, len(paths) // LOOKED_AT)]
    counts = [len(_read(layout, some)) for layout in layouts.KNOWN]
    best = max(range(len(counts)), key=lambda i: (counts[i], -i))
    if counts[best] >= ENOUGH * len(some):
        return layouts.KNOWN[best], _read(layouts.KNOWN[best], paths)
    return Layout("", ""), _without_wells(paths)


def _read(layout: Layout, paths: Iterable[str]) -> list[_Taken]:
    made = []
    for path in paths:
        *folders, name = path.split("/")
        pieces = layouts.read(layout, name)
        if pieces:
            made.append(_Taken(path, tuple(folders), tuple(pieces)))
    return made


def _without_wells(paths: Sequence[str]) -> list[_Taken]:
    """Paths whose names are of no layout; a channel at their end is looked for."""
    split = [_last_token(path.rpartition("/")[2]) for path in paths]
    stems = collections.defaultdict(set)
    for path, (stem, between, token, end) in zip(paths, split, strict=True):
        stems[path.rpartition("/")[0], stem, between, end].add(token)
    codes = {token for *_, token, _ in split}
    whole = sum(own == codes for own in stems.values())
    has_channels = len(codes) in CHANNELS and whole >= WHOLE * len(stems)
    made = []
    for path, (stem, between, token, end) in zip(paths, split, strict=True):
        if has_channels and token:
            pieces = [Piece("image", stem), Piece(None, between)]
            pieces += [Piece("channel", token), Piece(None, end)]
        else:
            pieces = [Piece("image", stem + between + token), Piece(None, end)]
        made.append(_Taken(path, tuple(path.split("/")[:-1]), tuple(pieces)))
    return made


def _last_token(name: str) -> tuple[str, str, str, str]:
    """A name's stem, what stands between, its last word, and its end."""
    whole, dot, end = name.rpartition(".")
    match = re.fullmatch(r"(.+)([ _.-]+)([^ _.-]+)", whole)
    stem, between, token = match.groups() if match else (whole, "", "")
    return stem, between, token, dot + end


def _left_out(paths: Sequence[str], chosen: Sequence[_Taken]) -> Iterable[str]:
    lost = len(paths) - len(chosen)
    if lost:
        known = {one.path for one in chosen}
        first = next(path for path in paths if path not in known)
        yield (
            f"{lost:,} of {len(paths):,} images have names of another form and are "
            f"left out, such as {first}"
        )


def _fixed(chosen: list[_Taken]) -> tuple[list[_Taken], list[str]]:
    """Those of one plane and one time point, the first of each."""
    notes = []
    for i, piece in enumerate(chosen[0].pieces):
        if piece.group and piece.group.startswith(layouts.FIXED):
            texts = {one.pieces[i].text for one in chosen}
            first = min(texts, key=natural)
            chosen = [one for one in chosen if one.pieces[i].text == first]
            if len(texts) > 1:
                what = piece.group.partition("_")[2]
                notes.append(f"of {len(texts)} {what}s the first, {first}, is taken")
    for i in range(len(chosen[0].folders)):
        texts = {one.folders[i] for one in chosen}
        if len(texts) > 1 and all(map(TIME_POINT.fullmatch, texts)):
            first = min(texts, key=natural)
            chosen = [one for one in chosen if one.folders[i] == first]
            notes.append(f"of {len(texts)} time points the first, {first}, is taken")
    return chosen, notes


def _name(chosen: Sequence[_Taken]) -> str:
    """The pattern of a file's name."""
    made = []
    for i, piece in enumerate(chosen[0].pieces):
        texts = {one.pieces[i].text for one in chosen}
        made.append(_written(piece, texts))
    return "".join(made)


def _written(piece: Piece, texts: set[str]) -> str:
    if piece.group is None or piece.group.startswith(layouts.FIXED):
        return _literal(piece.text)
    if piece.group.startswith(layouts.ANY):
        return _literal(piece.text) if len(texts) == 1 else "*"
    return f"{{{piece.group}}}"


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _with_plate(one: _Taken) -> _Taken:
    """What stands before a well is its plate, where no folder says which that is."""
    groups = {piece.group for piece in one.pieces}
    if "plate" in groups or "any_name" not in groups:
        return one
    named = (
        Piece("plate", piece.text) if piece.group == "any_name" else piece
        for piece in one.pieces
    )
    return one._replace(pieces=tuple(named))


class _Level(NamedTuple):
    """What a level of folders is: its field, and the text before and after it."""

    field: str
    level: int
    before: str = ""
    after: str = ""


def _folders(
    layout: Layout, chosen: Sequence[_Taken]
) -> tuple[list[str], list[_Level]]:
    """Patterns of the folders, and the fields in them, outermost first."""
    patterns, fields = [], []
    every = [one.folders for one in chosen]
    in_names = {piece.group for piece in chosen[0].pieces}
    free = [name for name in PLATES if name not in in_names]
    for level in reversed(range(len(every[0]))):
        texts = sorted({folders[level] for folders in every})
        read = [layouts.read_folder(layout, text) for text in texts]
        if all(read):
            name = _folder_field(free, fields)
            before = read[0][0].text if read[0][0].group is None else ""
            patterns.append(f"{_literal(before)}{{{name}}}__*")
            fields.append(_Level(name, level, before, "__"))
        elif len(texts) == 1:
            patterns.append(_literal(texts[0]))
        else:
            name, before = _folder_field(free, fields), _common(texts)
            patterns.append(f"{_literal(before)}{{{name}}}")
            fields.append(_Level(name, level, before))
    return patterns[::-1], fields[::-1]


def _folder_field(free: Sequence[str], fields: Sequence[_Level]) -> str:
    number = len(fields)
    if number < len(free) - 1:
        return free[number]
    return f"{free[-1]}_{number + 1}"


def _common(texts: Sequence[str]) -> str:
    """The letters that numbered folders have in common: "Plate" of Plate1, Plate2."""
    match = [re.fullmatch(r"(\D+)(\d+)", text) for text in texts]
    before = {one[1] for one in match if one} if all(match) else set()
    return before.pop() if len(before) == 1 else ""


def _field_text(folders: Sequence[str], field: _Level) -> str:
    text = folders[field.level].removeprefix(field.before)
    return text.partition(field.after)[0] if field.after else text


def _key(one: _Taken, fields: Sequence[_Level]) -> dict[str, str]:
    """Field to its text, of a path."""
    made = {field.field: _field_text(one.folders, field) for field in fields}
    no_fields = layouts.ANY, layouts.FIXED
    return made | {
        piece.group: piece.text
        for piece in one.pieces
        if piece.group and not piece.group.startswith(no_fields)
    }


def _values(chosen: Sequence[_Taken], fields: Sequence[_Level]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = collections.defaultdict(set)
    for one in chosen:
        for field, text in _key(one, fields).items():
            found[field].add(text)
    return dict(found)


def _check_apart(chosen: Sequence[_Taken], fields: Sequence[_Level]) -> None:
    """Raises where two images have the same place."""
    seen: dict[tuple, str] = {}
    for one in chosen:
        key = tuple(sorted(_key(one, fields).items()))
        if key in seen:
            raise InputError(
                f"{seen[key]} and {one.path} have one name of plate, well, site and "
                "channel: keep one of them in the folder, or name a folder that holds "
                "one screen"
            )
        seen[key] = one.path


def _per_row(numbers: Iterable[str]) -> int:
    """How many wells a row has, of plates on which wells have these numbers."""
    highest = max(int(text) for text in numbers)
    return next((n for n, most in ((12, 96), (24, 384)) if highest <= most), 48)


def natural(text: str) -> tuple:
    """Sorts as people do: 2 before 10."""
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)
