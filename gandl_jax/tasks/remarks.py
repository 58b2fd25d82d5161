"""Remarks of running tasks: doubts about normalisation, fits that failed."""

import contextlib
import contextvars
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gandl_jax.profiles import normalize
from gandl_jax.profiles.normalize import Doubt


class Remark(NamedTuple):
    """A doubt about the normalisation of one feature set.

    Attributes:
      set: its full name.
      normalize: its normalisation.
      doubt: about that.
    """

    set: str
    normalize: str
    doubt: Doubt


class Count(NamedTuple):
    """Number of events of one kind, to be added up.

    Attributes:
      number: of them.
      sentence: description of the events, with {} for the number.
    """

    number: int
    sentence: str


Noticed = Remark | Count

_collected: contextvars.ContextVar[list[Noticed] | None] = contextvars.ContextVar(
    "remarks", default=None
)


@contextlib.contextmanager
def collected() -> Iterator[list[Noticed]]:
    """Collects the remarks within the block in the list that it yields."""
    noticed: list[Noticed] = []
    token = _collected.set(noticed)
    try:
        yield noticed
    finally:
        _collected.reset(token)


def add(name: str, normalization: str, doubts: Iterable[Doubt]) -> None:
    """Adds doubts if remarks are collected, else does nothing.

    Args:
      name: full name of the feature set.
      normalization: its normalisation.
      doubts: about that.
    """
    noticed = _collected.get()
    if noticed is not None:
        noticed += [Remark(name, normalization, doubt) for doubt in doubts]


def count(number: int, sentence: str) -> None:
    """Adds a number of events if remarks are collected, else does nothing.

    Args:
      number: of further events; 0 is nothing.
      sentence: description of the events, with {} for the number.
    """
    noticed = _collected.get()
    if noticed is not None and number:
        noticed.append(Count(number, sentence))


def sentences(noticed: Iterable[Noticed]) -> list[str]:
    """Writes one sentence per kind of doubt: the largest, and how many sets have it.

    Args:
      noticed: remarks of all sets, folds and normalisations, and counts.
    """
    groups: dict[tuple[str, str], list[Remark]] = {}
    totals: dict[str, int] = {}
    for remark in noticed:
        if isinstance(remark, Count):
            total = totals.get(remark.sentence, 0) + remark.number
            totals[remark.sentence] = total
        else:
            groups.setdefault((remark.normalize, remark.doubt.kind), []).append(remark)
    counts = [sentence.format(f"{n:,}") for sentence, n in totals.items()]
    return [*map(_sentence, groups.values()), *counts]


def _sentence(group: list[Remark]) -> str:
    worst = normalize.largest(remark.doubt for remark in group)[0]
    first = next(remark for remark in group if remark.doubt is worst)
    other_sets = len({remark.set for remark in group}) - 1
    more = (
        f" (and in {other_sets} more set{'s' * (other_sets > 1)})" if other_sets else ""
    )
    named = f" of {first.set}" if first.set else ""
    return f"normalisation{named} by {first.normalize}: {worst.sentence}{more}"
