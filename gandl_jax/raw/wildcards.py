"""Files of paths in which `*` leaves text open, as in "P1/A01_s1_w1*.tif".

Imports nothing slow.
"""

import collections
import fnmatch
from collections.abc import Callable, Collection, Iterable, Iterator

from gandl_jax.errors import InputError
from gandl_jax.raw import spellings
from gandl_jax.raw.path_pattern import ANY
from gandl_jax.raw.spellings import Spellings


def fits(path: str, pattern: str) -> bool:
    """Whether a path is as a pattern writes it; "*" is any text without "/"."""
    names, wanted = path.split("/"), pattern.split("/")
    return len(names) == len(wanted) and all(map(_name_fits, names, wanted))


def _name_fits(name: str, pattern: str) -> bool:
    first, *others = pattern.split(ANY)
    if not others:
        return name == pattern
    last, end = others.pop(), len(first)
    if not name.startswith(first):
        return False
    for text in others:
        begin = name.find(text, end)
        if begin < 0:
            return False
        end = begin + len(text)
    return len(name) - len(last) >= end and name.endswith(last)


def kept(paths: Iterable[str], ignored: Collection[str]) -> list[str]:
    """The paths that none of some globs leaves out, sorted, each once.

    Args:
      paths: of files.
      ignored: globs over whole paths: in these "*" is "/" too.
    """
    return [
        path
        for path in sorted(set(paths))
        if not any(fnmatch.fnmatchcase(path, glob) for glob in ignored)
    ]


def match(wanted: Collection[str], there: Collection[str]) -> Spellings:
    """Finds the files of paths that leave text open.

    What is not there as it is written is looked for in other spellings of the rest.

    Args:
      wanted: paths with "*".
      there: paths of files, sorted.

    Returns:
      The files of those of the wanted paths that have one.

    Raises:
      InputError: two files fit one path, or one file two paths.
    """
    found = _match(wanted, there, str)
    taken = set(found.values())
    left = [path for path in wanted if path not in found]
    if left:
        others = [path for path in there if path not in taken]
        found |= _match(left, others, spellings.plain)
    return spellings.from_pairs(found.items())


def _match(
    wanted: Collection[str], there: Collection[str], key: Callable[[str], str]
) -> dict[str, str]:
    """Wanted path to its file; both are compared by their keys."""
    index, found = _Index(wanted, key), {}
    for path in there:
        fitting = index.fitting(key(path))
        if len(fitting) > 1:
            raise InputError(
                f"{path} belongs to more than one record or channel: it fits "
                f"{fitting[0]} and {fitting[1]}; write more of what is the same in all "
                "names in config.screen.file"
            )
        for pattern in fitting:
            if pattern in found:
                raise InputError(
                    f"{found[pattern]} and {path} both fit {pattern} "
                    "(config.screen.file): write more of the name there, or name "
                    "the files that are not meant in config.screen.ignored_files"
                )
            found[pattern] = path
    return found


class _Index:
    """Patterns by the texts that they begin with, hold and end with.

    A screen's patterns differ in few lengths of these texts. A path is looked up by its
    own texts of these lengths, so that not each path meets each pattern.
    """

    def __init__(self, patterns: Iterable[str], key: Callable[[str], str]):
        self._patterns = collections.defaultdict(list)  # (begin, held, end) to them
        for pattern in patterns:
            first, *held, last = key(pattern).split(ANY)
            texts = first, max(held, key=len, default=""), last
            self._patterns[texts].append((pattern, key(pattern)))
        self._lengths = {tuple(map(len, texts)) for texts in self._patterns}

    def fitting(self, path: str) -> list[str]:
        """The patterns that a path fits, each once."""
        near = dict.fromkeys(self._near(path))
        return [pattern for pattern, plain in near if fits(path, plain)]

    def _near(self, path: str) -> Iterator[tuple[str, str]]:
        for begin, held, end in self._lengths:
            stop = len(path) - end
            for i in range(begin, stop - held + 1) if held else (begin,):
                texts = path[:begin], path[i : i + held], path[stop:]
                yield from self._patterns.get(texts, ())
