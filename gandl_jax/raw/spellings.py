"""Paths whose spelling differs between copies of a screen: A1 or A01, .png or .PNG.

What may differ is the case of letters, the form of Unicode, the zeros before a number,
blanks beside a separator, one blank or underscore between a letter and a number, and a
hyphen within a well's name that begins a file's or folder's: "HEPG2-01/a-1.PNG" is
"HepG2-1/A01.png".

What could be another number may not: 0.1 is neither 0.01 nor .1, t-5 not t5, 1e-5 not
1e5, 0p05 not 0p5 and 1.0 not 1. A file under such a name counts as missing, which is
reported; reading another dose's image would go unnoticed. Imports nothing slow.
"""

import dataclasses
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping

from gandl_jax import names
from gandl_jax.errors import InputError

_BETWEEN = re.compile(r"(?<=[^\W\d_])[ _](?=\d)")
_BESIDE = re.compile(r" +(?=[/_]|\.\D|$)|(?:(?<=[/_])|^) +")
# A01 as A-01 or A - 1: rows of up to 1536 wells, and not the beginning of a number.
_WELL = re.compile(r"((?:^|/)(?:[a-p]|a[a-f])) ?- ?(?=\d{1,2}(?![\d.,]\d|\d))")
# Zeros of a fraction count: after a point or comma, and after what may stand for one
# where names have no points: 0p05, 0_05, 0-05, but not HEPG2-01. What comes before the
# first zero is looked at after it, so that the search jumps from zero to zero.
_ZEROS = re.compile(r"0(?<![\d.,]0)(?<!^0-0)(?<!\D0-0)(?<!\d[p_ \u00b7]0)0*(?=\d)")


def canonical(path: str) -> str:
    """Maps all spellings of a path to one; a folder's begins that of its files."""
    if path.isascii() and path.isprintable():
        path = path.casefold()
    else:  # capitals and small letters may differ in what is composed
        path = names.clean(names.clean(path).casefold())
    if " " in path:
        path = _BESIDE.sub("", path)
    if "-" in path:
        path = _WELL.sub(r"\1", path)
    return _BETWEEN.sub("", _ZEROS.sub("", path))


@dataclasses.dataclass(frozen=True)
class Spellings:
    """Files by the paths that they should have.

    Attributes:
      folders: wanted folder to actual folder to wanted name to actual name. Names
        repeat from plate to plate, and are shared.
    """

    folders: Mapping[str, Mapping[str, Mapping[str, str]]] = dataclasses.field(
        default_factory=dict
    )

    def actual(self, path: str) -> str:
        """Returns the actual path; the given one unless it is spelled otherwise."""
        folder, name = os.path.split(path)
        for actual_folder, actual_names in self.folders.get(folder, {}).items():
            if name in actual_names:
                return os.path.join(actual_folder, actual_names[name])
        return path

    def subset(self, paths: Iterable[str]) -> "Spellings":
        """Returns the spellings of these paths alone."""
        pairs = ((path, self.actual(path)) for path in paths)
        return from_pairs(pair for pair in pairs if pair[0] != pair[1])

    def wanted(self) -> Iterator[str]:
        """Yields the paths whose files are spelled otherwise."""
        for folder, by_folder in self.folders.items():
            for actual_names in by_folder.values():
                yield from (os.path.join(folder, name) for name in actual_names)


def match(
    absent: Iterable[str], existing: Iterable[str], taken: Collection[str]
) -> Spellings:
    """Finds files under another spelling of their path.

    Args:
      absent: paths that no file has.
      existing: paths of files; a path may come twice.
      taken: existing paths that are wanted as they are, which match no other path.

    Returns:
      The spellings of the absent paths that one file fits.

    Raises:
      InputError: two files fit one path, or one file two paths.
    """
    wanted: dict[str, list[str]] = {}
    for path in absent:
        wanted.setdefault(canonical(path), []).append(path)
    candidates: dict[str, set[str]] = {}
    for path in existing:
        key = canonical(path)
        if key in wanted and path not in taken:
            candidates.setdefault(key, set()).add(path)
    _check_one(wanted, candidates)
    return from_pairs(
        (wanted[key][0], paths.pop()) for key, paths in candidates.items()
    )


def _check_one(
    wanted: Mapping[str, Collection[str]], candidates: Mapping[str, Collection[str]]
) -> None:
    """Raises if a path fits two files, or a file two paths."""
    alike = "are alike but for capitals, zeros before numbers, blanks and hyphens"
    doubled = [key for key in sorted(candidates) if len(candidates[key]) > 1]
    if doubled:
        path, (first, second, *_) = (
            wanted[doubled[0]][0],
            sorted(candidates[doubled[0]]),
        )
        raise InputError(
            f"{len(doubled)} images could be either of two files: {first} and {second} "
            f"{alike}, and no file is spelled {path}; remove or rename one of the two"
        )
    doubled = [key for key in sorted(candidates) if len(wanted[key]) > 1]
    if doubled:
        (file,), (first, second, *_) = (
            candidates[doubled[0]],
            sorted(wanted[doubled[0]]),
        )
        raise InputError(
            f"{len(doubled)} images belong to more than one record: {first} and "
            f"{second} {alike}, and there is only {file}; correct the table"
        )


def from_pairs(pairs: Iterable[tuple[str, str]]) -> Spellings:
    """Makes spellings from pairs (wanted path, actual path)."""
    folders: dict[str, dict[str, dict[str, str]]] = {}
    for pair in pairs:
        (folder, name), (actual_folder, actual_name) = map(os.path.split, pair)
        actual_names = folders.setdefault(folder, {}).setdefault(actual_folder, {})
        actual_names[sys.intern(name)] = sys.intern(actual_name)
    return Spellings(folders)
