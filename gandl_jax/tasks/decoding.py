"""The likeliest sequence of stages of a group that is followed in time.

Classes of one branch come in order: a step backward is forbidden, or has a price.
Classes beside that branch (debris, apoptosis) are outside of it: a group may stay there
for a while and then go on, but not before the stage that it left. The result is the
sequence of classes with the highest sum of log-probabilities, less the prices (Viterbi
1967), over states that include the last stage in the order.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Rules:
    """Allowed steps of a group from one time to the next.

    Attributes:
      class_of_state: [S] int, the class of each state.
      prices: [S, S] float64, of a step from one state to another; infinite if it is
        forbidden.
      first: [S] bool, whether a group may begin in the state.
    """

    class_of_state: np.ndarray
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
      free: classes outside of the order.
      returns: (class, earlier class) pairs, steps backward that cost nothing.
      absorbing: classes that are never left.
      price: of any other step backward, in nats; infinite forbids it.
    """
    states = [(name, position) for position, name in enumerate(order)]
    states += [(name, last) for name in free for last in range(-1, len(order))]
    prices = np.full((len(states), len(states)), math.inf)
    for i, (current, last) in enumerate(states):
        for j, (following, position) in enumerate(states):
            if current in absorbing and following != current:
                continue
            if following in free:
                prices[i, j] = 0.0 if position == last else math.inf
            elif position >= last or (order[last], following) in returns:
                prices[i, j] = 0.0
            else:
                prices[i, j] = price
    first = [name not in free or last == -1 for name, last in states]
    return Rules(np.array([name for name, _ in states]), prices, np.array(first))


def decode(
    scores: np.ndarray, group: np.ndarray, time: np.ndarray, rules: Rules
) -> np.ndarray:
    """Returns the best sequence of classes of each group.

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
    states = _best_states(
        scores[order][:, rules.class_of_state], starts, lengths, rules
    )
    decoded = np.empty(len(scores), int)
    decoded[order] = rules.class_of_state[states]
    return decoded


def _best_states(
    scores: np.ndarray, starts: np.ndarray, lengths: np.ndarray, rules: Rules
) -> np.ndarray:
    """Returns the states [N] int of the best sequences.

    Args:
      scores: [N, S] of the states, groups one after the other, in time.
      starts: [G] first record of each group, the longest group first.
      lengths: [G] of the groups.
      rules: of the steps.
    """
    # Number of groups that reach a time, which come first: [T].
    active = np.searchsorted(-lengths, -np.arange(lengths.max()), side="left")
    best = np.where(rules.first[None], scores[starts], -math.inf)
    last, came_from = np.empty(len(starts), int), []
    for step in range(1, len(active)):
        count = active[step]
        last[count : len(best)] = best[count:].argmax(1)
        best, former = _step(best[:count], rules.prices)
        best += scores[starts[:count] + step]
        came_from.append(former)
    last[: len(best)] = best.argmax(1)
    states = np.empty(len(scores), int)
    current = last
    for step in reversed(range(len(active))):
        count = active[step]
        states[starts[:count] + step] = current[:count]
        if step:
            current[:count] = came_from[step - 1][np.arange(count), current[:count]]
    return states


def _step(best: np.ndarray, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the best sums [G, S] that lead to each state, and the states before."""
    reached = np.full_like(best, -math.inf)
    former = np.zeros(best.shape, np.int16)
    for state, cost in enumerate(prices):
        by_state = best[:, state, None] - cost[None]
        better = by_state > reached
        reached[better] = by_state[better]
        former[better] = state
    return reached, former
