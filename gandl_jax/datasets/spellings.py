"""Paths whose spelling differs between copies of a screen: A1 or A01, .png or .PNG.

What may differ is the case of letters, the zeros before a number, and one blank, hyphen
or underscore between a letter and a number: "HEPG2-01/a-1.PNG" is "HepG2-1/A01.png".
Imports nothing slow.
"""

import dataclasses
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping

from gandl_jax.errors import InputError

_BETWEEN = re.compile(r"(?<=[^\W\d_])[ _-](?=\d)")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


def plain(path: str) -> str:
    """What all spellings of a path share; that of a folder begins those within it."""
    return _ZEROS.sub("", _BETWEEN.sub("", path.casefold()))


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
        for other, names in self.folders.get(folder, {}).items():
            if name in names:
                return os.path.join(other, names[name])
        return path

    def part(self, paths: Iterable[str]) -> "Spellings":
        """Those of these paths alone."""
        pairs = ((path, self.actual(path)) for path in paths)
        return _spellings(pair for pair in pairs if pair[0] != pair[1])

    def wanted(self) -> Iterator[str]:
        """The paths whose files are spelled otherwise."""
        for folder, others in self.folders.items():
            for names in others.values():
                yield from (os.path.join(folder, name) for name in names)


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
    return _spellings((wanted[key][0], paths.pop()) for key, paths in found.items())


def _check_one(
    wanted: Mapping[str, Collection[str]], found: Mapping[str, Collection[str]]
) -> None:
    """Raises where it is not clear which file is whose."""
    alike = "are alike but for capitals, zeros before numbers and hyphens"
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


def _spellings(pairs: Iterable[tuple[str, str]]) -> Spellings:
    """Of pairs (wanted path, path that there is)."""
    folders: dict[str, dict[str, dict[str, str]]] = {}
    for pair in pairs:
        (folder, name), (other, actual) = map(os.path.split, pair)
        names = folders.setdefault(folder, {}).setdefault(other, {})
        names[sys.intern(name)] = sys.intern(actual)
    return Spellings(folders)
