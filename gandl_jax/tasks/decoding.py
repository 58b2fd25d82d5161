"""The likeliest order of stages of a group that is followed in time.

Classes of one branch come in order: a step backward is forbidden, or has a price.
Classes beside that branch (debris, apoptosis) are outside of it: a group may be there
for a while and then go on, but not before the stage where it was. What is looked for is
the sequence of classes with the highest sum of log-probabilities, less the prices
(Viterbi 1967), over states that know the last stage in the order.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a group may do from one time to the next.

    Attributes:
      shown: [S] int, the class that each state shows.
      prices: [S, S] float64, of a step from one state to another; infinite where it is
        forbidden.
      first: [S] bool, whether a group may begin there.
    """

    shown: np.ndarray
    prices: np.ndarray
    first: np.ndarray


def make_rules(
    order: Sequence[int],
    free: Sequence[int],
    *,
    returns: Collection[tuple[int, int]] = (),
    absorbing: Collection[int] = (),
    price: float = math.inf,
) -> Rules:
    """Makes the states of an order, and the prices of steps between them.

    Args:
      order: classes in their order in time.
      free: classes outside of it.
      returns: (class, earlier class) pairs, steps backward that cost nothing.
      absorbing: classes that are never left.
      price: of any other step backward, in nats; infinite forbids it.
    """
    states = [(name, place) for place, name in enumerate(order)]
    states += [(name, last) for name in free for last in range(-1, len(order))]
    prices = np.full((len(states), len(states)), math.inf)
    for i, (shown, last) in enumerate(states):
        for j, (then, place) in enumerate(states):
            if shown in absorbing and then != shown:
                continue
            if then in free:
                prices[i, j] = 0.0 if place == last else math.inf
            elif place >= last or (order[last], then) in returns:
                prices[i, j] = 0.0
            else:
                prices[i, j] = price
    first = [name not in free or last == -1 for name, last in states]
    return Rules(np.array([name for name, _ in states]), prices, np.array(first))


def decode(
    scores: np.ndarray, group: np.ndarray, time: np.ndarray, rules: Rules
) -> np.ndarray:
    """The best sequence of classes of each group.

    Args:
      scores: [N, K] float64, log-probabilities of classes, finite.
      group: [N] int, of each record.
      time: [N] float64, different within a group.
      rules: of the steps.

    Returns:
      [N] int, the class of each record.
    """
    order = np.lexsort((time, group))
    _, starts, lengths = np.unique(group[order], return_index=True, return_counts=True)
    longest_first = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[longest_first], lengths[longest_first]
    states = _best_states(scores[order][:, rules.shown], starts, lengths, rules)
    found = np.empty(len(scores), int)
    found[order] = rules.shown[states]
    return found


def _best_states(
    scores: np.ndarray, starts: np.ndarray, lengths: np.ndarray, rules: Rules
) -> np.ndarray:
    """[N] int: the states of the best sequences.

    Args:
      scores: [N, S] of the states, groups one after the other, in time.
      starts: [G] where each group begins, the longest first.
      lengths: [G] of the same.
      rules: of the steps.
    """
    # Of the groups that go on to a time, which come first: [T].
    going = np.searchsorted(-lengths, -np.arange(lengths.max()), side="left")
    best = np.where(rules.first[None], scores[starts], -math.inf)
    last, came_from = np.empty(len(starts), int), []
    for at in range(1, len(going)):
        count = going[at]
        last[count : len(best)] = best[count:].argmax(1)
        best, former = _step(best[:count], rules.prices)
        best += scores[starts[:count] + at]
        came_from.append(former)
    last[: len(best)] = best.argmax(1)
    states = np.empty(len(scores), int)
    now = last
    for at in reversed(range(len(going))):
        count = going[at]
        states[starts[:count] + at] = now[:count]
        if at:
            now[:count] = came_from[at - 1][np.arange(count), now[:count]]
    return states


def _step(best: np.ndarray, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best sums [G, S] that lead to each state, and where they come from."""
    reached = np.full_like(best, -math.inf)
    former = np.zeros(best.shape, np.int16)
    for state, cost in enumerate(prices):
        by_here = best[:, state, None] - cost[None]
        better = by_here > reached
        reached[better] = by_here[better]
        former[better] = state
    return reached, former
