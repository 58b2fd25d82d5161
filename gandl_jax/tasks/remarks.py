"""What tasks notice while they run: doubts about normalisation, fits that failed."""

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
      normalize: how it was normalised.
      doubt: about it.
    """

    set: str
    normalize: str
    doubt: Doubt


class Count(NamedTuple):
    """Things of one kind that happened, to be added up.

    Attributes:
      number: of them.
      sentence: what happened, with {} for the number.
    """

    number: int
    sentence: str


Noticed = Remark | Count

_kept: contextvars.ContextVar[list[Noticed] | None] = contextvars.ContextVar(
    "remarks", default=None
)


@contextlib.contextmanager
def kept() -> Iterator[list[Noticed]]:
    """Keeps what is noticed within the block, in the list that it gives."""
    found: list[Noticed] = []
    token = _kept.set(found)
    try:
        yield found
    finally:
        _kept.reset(token)


def add(name: str, how: str, doubts: Iterable[Doubt]) -> None:
    """Adds doubts where they are kept, and does nothing elsewhere.

    Args:
      name: full name of the feature set.
      how: it was normalised.
      doubts: about that.
    """
    found = _kept.get()
    if found is not None:
        found += [Remark(name, how, doubt) for doubt in doubts]


def count(number: int, sentence: str) -> None:
    """Adds to a number of things where they are kept, and does nothing elsewhere.

    Args:
      number: how many more; 0 is nothing.
      sentence: what happened, with {} for their number.
    """
    noticed = _kept.get()
    if noticed is not None and number:
        noticed.append(Count(number, sentence))


def sentences(found: Iterable[Noticed]) -> list[str]:
    """Says each kind of doubt once: the largest, and how many sets have such.

    Args:
      found: remarks of all sets, folds and normalisations, and counts.
    """
    groups: dict[tuple[str, str], list[Remark]] = {}
    totals: dict[str, int] = {}
    for remark in found:
        if isinstance(remark, Count):
            total = totals.get(remark.sentence, 0) + remark.number
            totals[remark.sentence] = total
        else:
            groups.setdefault((remark.normalize, remark.doubt.kind), []).append(remark)
    counts = [sentence.format(f"{n:,}") for sentence, n in totals.items()]
    return [*map(_sentence, groups.values()), *counts]


def _sentence(those: list[Remark]) -> str:
    worst = normalize.largest(one.doubt for one in those)[0]
    first = next(one for one in those if one.doubt is worst)
    others = len({one.set for one in those}) - 1
    more = f" (and in {others} more set{'s' * (others > 1)})" if others else ""
    named = f" of {first.set}" if first.set else ""
    return f"normalisation{named} by {first.normalize}: {worst.sentence}{more}"
