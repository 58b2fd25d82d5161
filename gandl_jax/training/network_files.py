"""Networks in .npz files, and which of their channels stand for which of ours.

Imports nothing slow.
"""

import contextlib
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, BinaryIO

from etils import epath

from gandl_jax import files, modules
from gandl_jax.errors import InputError, nearest

MEAN = "mean"  # of all channels, in place of one


def is_file(place: str) -> bool:
    """Whether a value of the config names an .npz file, not a workdir."""
    return place.endswith(".npz")


def of_method(config) -> ModuleType:
    """What knows the files of the config's method.

    Raises:
      InputError: no file holds networks of this method.
    """
    found = modules.part("methods", config.method.name, "weights")
    if found is None:
        raise InputError(
            f"networks of config.method.name={config.method.name} are not read from "
            "files: name a workdir"
        )
    return found


def read(config, place: str) -> tuple[Any, Any]:
    """Both networks of a file, and their sizes.

    Raises:
      InputError: no such file, damaged, or no two networks of the config's method.
    """
    with _opened(place) as file:
        return of_method(config).read(file, place)


def read_encoder(config, place: str) -> tuple[Any, Any]:
    """The encoder of a file, and its sizes.

    Raises:
      InputError: no such file, damaged, or no encoder of the config's method.
    """
    with _opened(place) as file:
        return of_method(config).read_encoder(file, place)


def fingerprint(place: str) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    return files.sha256(_found(place))


def numbered(count: int) -> list[str]:
    """What the channels of a file are called, which has no names for them."""
    return [str(number) for number in range(count)]


def sources(
    key: str, wanted: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> tuple[int | None, ...]:
    """The channels of other networks that stand for ours, as the config says it.

    Args:
      key: of the config, for messages.
      wanted: its value: for each of ours one of theirs, or "mean".
      ours: names of the screen's channels, in the network's order.
      theirs: names, or numbers from 0, of the others.

    Returns:
      For each of ours the position of theirs; None is the mean of all.

    Raises:
      InputError: not one word for each of our channels, or one that is not theirs.
    """
    if len(wanted) != len(ours):
        raise InputError(
            f"config.{key}={','.join(wanted)} should have one word for each of the "
            f"channels {', '.join(ours)}: of {', '.join(theirs)} or {MEAN}"
        )
    for word in wanted:
        if word not in (*theirs, MEAN):
            raise InputError(
                f"config.{key} names {word!r}, which the other networks have not: "
                f"{nearest(word, [*theirs, MEAN])}"
            )
    return tuple(None if w == MEAN else theirs.index(w) for w in wanted)


def sources_in_file(
    key: str, wanted: Sequence[str], ours: Sequence[str], count: int
) -> tuple[int | None, ...]:
    """As `sources`, for a file: in its order or, of another number, the mean."""
    theirs = numbered(count)
    usual = theirs if count == len(ours) else [MEAN] * len(ours)
    return sources(key, wanted or usual, ours, theirs)


@contextlib.contextmanager
def _opened(place: str) -> Iterator[BinaryIO]:
    with files.reading(_found(place)) as file:
        try:
            files.check_unpacked(file)
        except ValueError as error:
            raise InputError(
                f"{place} is no file of networks ({error}): export them again "
                "(docs/weights.md)"
            ) from error
        yield file


def _found(place: str) -> epath.Path:
    path = epath.Path(place)
    files.check_regular(path)
    if not path.is_file():
        raise InputError(f"there is no file {place}: name an .npz file, or a workdir")
    return path
