"""Wildcards in paths: files of paths with "*", as in "P1/A01_s1_w1*.tif".

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
    """Returns True if a path fits a pattern; "*" is any text without "/"."""
    names, patterns = path.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(_name_fits, names, patterns))


def _name_fits(name: str, pattern: str) -> bool:
    first, *middle = pattern.split(ANY)
    if not middle:
        return name == pattern
    last, end = middle.pop(), len(first)
    if not name.startswith(first):
        return False
    for text in middle:
        start = name.find(text, end)
        if start < 0:
            return False
        end = start + len(text)
    return len(name) - len(last) >= end and name.endswith(last)


def kept(paths: Iterable[str], ignored: Collection[str]) -> list[str]:
    """Drops the paths that globs match; returns the others sorted, each once.

    Args:
      paths: of files.
      ignored: globs over whole paths, whose "*" matches "/" too.
    """
    return [
        path
        for path in sorted(set(paths))
        if not any(fnmatch.fnmatchcase(path, glob) for glob in ignored)
    ]


def match(wanted: Collection[str], existing: Collection[str]) -> Spellings:
    """Finds the files of paths with "*".

    Paths that no file fits as written are compared in other spellings.

    Args:
      wanted: paths with "*".
      existing: paths of files, sorted.

    Returns:
      The files of the wanted paths that have one.

    Raises:
      InputError: two files fit one path, or one file two paths.
    """
    file_of = _match(wanted, existing, str)
    taken = set(file_of.values())
    unmatched = [path for path in wanted if path not in file_of]
    if unmatched:
        others = [path for path in existing if path not in taken]
        file_of |= _match(unmatched, others, spellings.canonical)
    return spellings.from_pairs(file_of.items())


def _match(
    wanted: Collection[str], existing: Collection[str], key: Callable[[str], str]
) -> dict[str, str]:
    """Maps wanted paths to files; both are compared by their keys."""
    index, file_of = _Index(wanted, key), {}
    for path in existing:
        fitting = index.fitting(key(path))
        if len(fitting) > 1:
            raise InputError(
                f"{path} belongs to more than one record or channel: it fits "
                f"{fitting[0]} and {fitting[1]}; write more of what is the same in all "
                "names in config.screen.file"
            )
        for pattern in fitting:
            if pattern in file_of:
                raise InputError(
                    f"{file_of[pattern]} and {path} both fit {pattern} "
                    "(config.screen.file): write more of the name there, or name "
                    "the files that are not meant in config.screen.ignored_files"
                )
            file_of[pattern] = path
    return file_of


class _Index:
    """Index of patterns by the texts that they begin with, hold and end with.

    The texts of a screen's patterns have few lengths. A path is looked up by its texts
    of these lengths, so that it is not compared with each pattern.
    """

    def __init__(self, patterns: Iterable[str], key: Callable[[str], str]):
        self._patterns = collections.defaultdict(list)  # (begin, held, end) to them
        for pattern in patterns:
            first, *held, last = key(pattern).split(ANY)
            texts = first, max(held, key=len, default=""), last
            self._patterns[texts].append((pattern, key(pattern)))
        self._lengths = {tuple(map(len, texts)) for texts in self._patterns}

    def fitting(self, path: str) -> list[str]:
        """Returns the patterns that a path fits, each once."""
        candidates = dict.fromkeys(self._candidates(path))
        return [
            pattern for pattern, pattern_key in candidates if fits(path, pattern_key)
        ]

    def _candidates(self, path: str) -> Iterator[tuple[str, str]]:
        for begin, held, end in self._lengths:
            stop = len(path) - end
            for i in range(begin, stop - held + 1) if held else (begin,):
                texts = path[:begin], path[i : i + held], path[stop:]
                yield from self._patterns.get(texts, ())
