"""Patterns of paths, and the meaning of their fields, from images' paths alone."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gandl_jax.errors import InputError
from gandl_jax.jobs.init import layouts
from gandl_jax.jobs.init.layouts import Layout, Piece

SAMPLED = 2_000  # paths that choose the layout (ours)
ENOUGH = 0.5  # share of these that must fit the screen's layout (ours)
CHANNELS = range(2, 13)  # files of a record, if names are of no layout
WHOLE = 0.9  # share of the records that must have all channels
TIME_POINT = re.compile(r"TimePoint_\d+")
PLATES = ("plate", "experiment", "folder")  # fields of folders, innermost first


@dataclasses.dataclass(frozen=True)
class NamePattern:
    """Pattern of the images' names, and the texts of its fields.

    Attributes:
      file: the pattern, as of config.screen.file.
      values: field to its texts; with "channel" if each channel has its own file.
      instrument: that writes such names; "" if not known.
      wells_per_row: wells in a row, if wells are numbers; else 0.
      matched: number of paths that fit the pattern.
      total: number of images.
      notes: sentences on what was decided.
      channels: their names, if the images hold them; else ().
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
        """Codes of the channels, in order; () if files hold all channels."""
        return self.values.get("channel", ())


class _SplitPath(NamedTuple):
    """Path split into its folders and the parts of its name."""

    path: str
    folders: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def shape(self) -> tuple:
        """Parts that the names of one pattern have in common."""
        texts = tuple(p.text if p.group is None else p.group for p in self.pieces)
        return len(self.folders), texts


def find(paths: Sequence[str]) -> NamePattern:
    """Finds the pattern that most images have.

    Args:
      paths: of all images below the screen's folder, sorted; at least one.

    Raises:
      InputError: two images would be the same channel of one site.
    """
    layout, split_paths = _choose(paths)
    shapes = collections.Counter(split_path.shape for split_path in split_paths)
    fitting = [
        split_path
        for split_path in split_paths
        if split_path.shape == shapes.most_common(1)[0][0]
    ]
    notes = list(_left_out(paths, fitting))
    fitting, fixed_notes = _fixed(fitting)
    notes += fixed_notes
    folders, fields = _folders(layout, fitting)
    if not any(field.field == "plate" for field in fields):
        fitting = [_with_plate(split_path) for split_path in fitting]
    name = _name(fitting)
    texts = _values(fitting, fields)
    _check_apart(fitting, fields)
    return NamePattern(
        file="/".join([*folders, name]),
        values={
            field: tuple(sorted(texts_of_field, key=natural))
            for field, texts_of_field in texts.items()
        },
        instrument=layout.name,
        wells_per_row=_per_row(texts["well"]) if layout.numbered else 0,
        matched=len(fitting),
        total=len(paths),
        notes=tuple(notes),
    )


def _choose(paths: Sequence[str]) -> tuple[Layout, list[_SplitPath]]:
    """Returns the layout of most paths, and the paths split by it."""
    sample = paths[:: max(1, len(paths) // SAMPLED)]
    counts = [len(_read(layout, sample)) for layout in layouts.KNOWN]
    best = max(range(len(counts)), key=lambda i: (counts[i], -i))
    if counts[best] >= ENOUGH * len(sample):
        return layouts.KNOWN[best], _read(layouts.KNOWN[best], paths)
    return Layout("", ""), _without_wells(paths)


def _read(layout: Layout, paths: Iterable[str]) -> list[_SplitPath]:
    split_paths = []
    for path in paths:
        *folders, name = path.split("/")
        pieces = layouts.read(layout, name)
        if pieces:
            split_paths.append(_SplitPath(path, tuple(folders), tuple(pieces)))
    return split_paths


def _without_wells(paths: Sequence[str]) -> list[_SplitPath]:
    """Splits paths whose names are of no layout, with a channel at their end if any."""
    split_names = [_last_token(path.rpartition("/")[2]) for path in paths]
    tokens_of_stem = collections.defaultdict(set)
    for path, (stem, between, token, end) in zip(paths, split_names, strict=True):
        tokens_of_stem[path.rpartition("/")[0], stem, between, end].add(token)
    codes = {token for *_, token, _ in split_names}
    complete = sum(tokens == codes for tokens in tokens_of_stem.values())
    has_channels = len(codes) in CHANNELS and complete >= WHOLE * len(tokens_of_stem)
    split_paths = []
    for path, (stem, between, token, end) in zip(paths, split_names, strict=True):
        if has_channels and token:
            pieces = [Piece("image", stem), Piece(None, between)]
            pieces += [Piece("channel", token), Piece(None, end)]
        else:
            pieces = [Piece("image", stem + between + token), Piece(None, end)]
        split_paths.append(_SplitPath(path, tuple(path.split("/")[:-1]), tuple(pieces)))
    return split_paths


def _last_token(name: str) -> tuple[str, str, str, str]:
    """Splits a name into its stem, separators, its last word, and its ending."""
    before_end, dot, end = name.rpartition(".")
    match = re.fullmatch(r"(.+)([ _.-]+)([^ _.-]+)", before_end)
    stem, between, token = match.groups() if match else (before_end, "", "")
    return stem, between, token, dot + end


def _left_out(paths: Sequence[str], fitting: Sequence[_SplitPath]) -> Iterable[str]:
    count = len(paths) - len(fitting)
    if count:
        known = {split_path.path for split_path in fitting}
        first = next(path for path in paths if path not in known)
        yield (
            f"{count:,} of {len(paths):,} images have names of another form and are "
            f"left out, such as {first}"
        )


def _fixed(split_paths: list[_SplitPath]) -> tuple[list[_SplitPath], list[str]]:
    """Keeps the paths of the first plane and the first time point."""
    notes = []
    for i, piece in enumerate(split_paths[0].pieces):
        if piece.group and piece.group.startswith(layouts.FIXED):
            texts = {split_path.pieces[i].text for split_path in split_paths}
            first = min(texts, key=natural)
            split_paths = [
                split_path
                for split_path in split_paths
                if split_path.pieces[i].text == first
            ]
            if len(texts) > 1:
                field = piece.group.partition("_")[2]
                notes.append(f"of {len(texts)} {field}s the first, {first}, is taken")
    for i in range(len(split_paths[0].folders)):
        texts = {split_path.folders[i] for split_path in split_paths}
        if len(texts) > 1 and all(map(TIME_POINT.fullmatch, texts)):
            first = min(texts, key=natural)
            split_paths = [
                split_path
                for split_path in split_paths
                if split_path.folders[i] == first
            ]
            notes.append(f"of {len(texts)} time points the first, {first}, is taken")
    return split_paths, notes


def _name(split_paths: Sequence[_SplitPath]) -> str:
    """Makes the pattern of the files' names."""
    pieces = []
    for i, piece in enumerate(split_paths[0].pieces):
        texts = {split_path.pieces[i].text for split_path in split_paths}
        pieces.append(_written(piece, texts))
    return "".join(pieces)


def _written(piece: Piece, texts: set[str]) -> str:
    if piece.group is None or piece.group.startswith(layouts.FIXED):
        return _literal(piece.text)
    if piece.group.startswith(layouts.ANY):
        return _literal(piece.text) if len(texts) == 1 else "*"
    return f"{{{piece.group}}}"


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _with_plate(split_path: _SplitPath) -> _SplitPath:
    """Takes the text before a well for its plate, if no folder names the plate."""
    groups = {piece.group for piece in split_path.pieces}
    if "plate" in groups or "any_name" not in groups:
        return split_path
    pieces = (
        Piece("plate", piece.text) if piece.group == "any_name" else piece
        for piece in split_path.pieces
    )
    return split_path._replace(pieces=tuple(pieces))


class _Level(NamedTuple):
    """Level of folders: its field, and the text before and after it."""

    field: str
    level: int
    before: str = ""
    after: str = ""


def _folders(
    layout: Layout, split_paths: Sequence[_SplitPath]
) -> tuple[list[str], list[_Level]]:
    """Returns the patterns of the folders, and the fields in them, outermost first."""
    patterns, fields = [], []
    folders_of_paths = [split_path.folders for split_path in split_paths]
    in_names = {piece.group for piece in split_paths[0].pieces}
    unused = [name for name in PLATES if name not in in_names]
    for level in reversed(range(len(folders_of_paths[0]))):
        texts = sorted({folders[level] for folders in folders_of_paths})
        pieces = [layouts.read_folder(layout, text) for text in texts]
        if all(pieces):
            name = _folder_field(unused, fields)
            before = pieces[0][0].text if pieces[0][0].group is None else ""
            patterns.append(f"{_literal(before)}{{{name}}}__*")
            fields.append(_Level(name, level, before, "__"))
        elif len(texts) == 1:
            patterns.append(_literal(texts[0]))
        else:
            name, before = _folder_field(unused, fields), _common(texts)
            patterns.append(f"{_literal(before)}{{{name}}}")
            fields.append(_Level(name, level, before))
    return patterns[::-1], fields[::-1]


def _folder_field(unused: Sequence[str], fields: Sequence[_Level]) -> str:
    number = len(fields)
    if number < len(unused) - 1:
        return unused[number]
    return f"{unused[-1]}_{number + 1}"


def _common(texts: Sequence[str]) -> str:
    """Returns the letters before the numbers of folders: "Plate" of Plate1, Plate2."""
    matches = [re.fullmatch(r"(\D+)(\d+)", text) for text in texts]
    before = {match[1] for match in matches if match} if all(matches) else set()
    return before.pop() if len(before) == 1 else ""


def _field_text(folders: Sequence[str], field: _Level) -> str:
    text = folders[field.level].removeprefix(field.before)
    return text.partition(field.after)[0] if field.after else text


def _key(split_path: _SplitPath, fields: Sequence[_Level]) -> dict[str, str]:
    """Maps the fields of a path to their texts."""
    texts = {field.field: _field_text(split_path.folders, field) for field in fields}
    no_fields = layouts.ANY, layouts.FIXED
    return texts | {
        piece.group: piece.text
        for piece in split_path.pieces
        if piece.group and not piece.group.startswith(no_fields)
    }


def _values(
    split_paths: Sequence[_SplitPath], fields: Sequence[_Level]
) -> dict[str, set[str]]:
    texts: dict[str, set[str]] = collections.defaultdict(set)
    for split_path in split_paths:
        for field, text in _key(split_path, fields).items():
            texts[field].add(text)
    return dict(texts)


def _check_apart(split_paths: Sequence[_SplitPath], fields: Sequence[_Level]) -> None:
    """Raises if two images have the same text in all fields."""
    path_of: dict[tuple, str] = {}
    for split_path in split_paths:
        key = tuple(sorted(_key(split_path, fields).items()))
        if key in path_of:
            raise InputError(
                f"{path_of[key]} and {split_path.path} have one name of plate, well, "
                "site and channel: keep one of them in the folder, or name a folder "
                "that holds one screen"
            )
        path_of[key] = split_path.path


def _per_row(numbers: Iterable[str]) -> int:
    """Returns the number of wells in a row, by the highest number of a well."""
    highest = max(int(text) for text in numbers)
    return next((n for n, most in ((12, 96), (24, 384)) if highest <= most), 48)


def natural(text: str) -> tuple:
    """Makes a key that sorts as people do: 2 before 10."""
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)
