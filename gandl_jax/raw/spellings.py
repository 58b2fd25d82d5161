"""Paths whose spelling differs between copies of a screen: A1 or A01, .png or .PNG.

What may differ is the case of letters, the form of Unicode, the zeros before a number,
blanks beside a separator, one blank or underscore between a letter and a number, and a
hyphen within a well's name that begins a file's or folder's: "HEPG2-01/a-1.PNG" is
"HepG2-1/A01.png".

What could be another number may not: 0.1 is neither 0.01 nor .1, t-5 not t5, 1e-5 not
1e5, 0p05 not 0p5 and 1.0 not 1. A file under a name like that stays missing, which is
told; another dose's image would not be. Imports nothing slow.
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


def plain(path: str) -> str:
    """What all spellings of a path share; that of a folder begins those within it."""
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
      folders: wanted folder to the folders that there are for it, these to wanted name
        to the name that there is. Names repeat from plate to plate, and are shared.
    """

    folders: Mapping[str, Mapping[str, Mapping[str, str]]] = dataclasses.field(
        default_factory=dict
    )

    def actual(self, path: str) -> str:
        """The path that there is; the same where nothing else is known of it."""
        folder, name = os.path.split(path)
        for other, known in self.folders.get(folder, {}).items():
            if name in known:
                return os.path.join(other, known[name])
        return path

    def part(self, paths: Iterable[str]) -> "Spellings":
        """Those of these paths alone."""
        pairs = ((path, self.actual(path)) for path in paths)
        return from_pairs(pair for pair in pairs if pair[0] != pair[1])

    def wanted(self) -> Iterator[str]:
        """The paths whose files are spelled otherwise."""
        for folder, others in self.folders.items():
            for known in others.values():
                yield from (os.path.join(folder, name) for name in known)


def match(
    absent: Iterable[str], there: Iterable[str], taken: Collection[str]
) -> Spellings:
    """Finds what is there under another spelling.

    Args:
      absent: paths that no file has.
      there: paths of files; a path may come twice.
      taken: of these, those that are wanted just so, and so are no other's file.

    Returns:
      The spellings of those of the absent paths that one file fits.

    Raises:
      InputError: two files fit one path, or one file two paths.
    """
    wanted: dict[str, list[str]] = {}
    for path in absent:
        wanted.setdefault(plain(path), []).append(path)
    found: dict[str, set[str]] = {}
    for path in there:
        key = plain(path)
        if key in wanted and path not in taken:
            found.setdefault(key, set()).add(path)
    _check_one(wanted, found)
    return from_pairs((wanted[key][0], paths.pop()) for key, paths in found.items())


def _check_one(
    wanted: Mapping[str, Collection[str]], found: Mapping[str, Collection[str]]
) -> None:
    """Raises where it is not clear which file is whose."""
    alike = "are alike but for capitals, zeros before numbers, blanks and hyphens"
    doubled = [key for key in sorted(found) if len(found[key]) > 1]
    if doubled:
        path, (one, other, *_) = wanted[doubled[0]][0], sorted(found[doubled[0]])
        raise InputError(
            f"{len(doubled)} images could be either of two files: {one} and {other} "
            f"{alike}, and no file is spelled {path}; remove or rename one of the two"
        )
    doubled = [key for key in sorted(found) if len(wanted[key]) > 1]
    if doubled:
        (file,), (one, other, *_) = found[doubled[0]], sorted(wanted[doubled[0]])
        raise InputError(
            f"{len(doubled)} images belong to more than one record: {one} and {other} "
            f"{alike}, and there is only {file}; correct the table"
        )


def from_pairs(pairs: Iterable[tuple[str, str]]) -> Spellings:
    """Spellings from pairs (wanted path, path that there is)."""
    folders: dict[str, dict[str, dict[str, str]]] = {}
    for pair in pairs:
        (folder, name), (other, actual) = map(os.path.split, pair)
        known = folders.setdefault(folder, {}).setdefault(other, {})
        known[sys.intern(name)] = sys.intern(actual)
    return Spellings(folders)
