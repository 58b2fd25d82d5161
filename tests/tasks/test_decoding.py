"""Decoding finds the best of all sequences, of many groups at once."""

import itertools
import math
import time

import numpy as np

from gandl_jax.tasks import decoding


def price_of(path, order, free, returns, absorbing, price):
    """What the steps of a sequence of classes cost, by walking along it."""
    total, last = 0.0, None
    for former, now in zip((None, *path), path, strict=False):
        if former is not None and former in absorbing and now != former:
            return math.inf
        if now in free:
            continue
        place = order.index(now)
        if last is not None and place < last and (order[last], now) not in returns:
            total += price
        last = place
    return total


def best_of_all(scores, **rules):
    """The highest sum over every sequence of classes, each looked at."""
    times, classes = scores.shape
    found = -math.inf
    for path in itertools.product(range(classes), repeat=times):
        cost = price_of(path, **rules)
        found = max(found, sum(scores[t, k] for t, k in enumerate(path)) - cost)
    return found


def made_up(rng):
    """Rules of some classes, and groups of records in no order."""
    classes = int(rng.integers(2, 5))
    mixed = rng.permutation(classes).tolist()
    chain = int(rng.integers(0, classes + 1))
    order, free = mixed[:chain], mixed[chain:]
    back = [(a, b) for i, a in enumerate(order) for b in order[:i]]
    returns = {pair for pair in back if rng.random() < 0.3}
    absorbing = {k for k in range(classes) if rng.random() < 0.2}
    price = math.inf if rng.random() < 0.5 else float(rng.exponential())
    rules = {"order": order, "free": free, "returns": returns}
    rules |= {"absorbing": absorbing, "price": price}
    lengths = rng.integers(1, 6, int(rng.integers(1, 4)))
    group = np.repeat(np.arange(len(lengths)) * 3 - 1, lengths)
    mixed = rng.permutation(len(group))
    times = np.concatenate([rng.permutation(n) * 2.5 for n in lengths])
    scores = rng.normal(0, 2, (len(group), classes))
    return rules, scores, group[mixed], times[mixed]


def test_decoding_equals_exhaustive_search_on_500_small_cases():
    rng = np.random.default_rng(0)
    for _ in range(500):
        rules, scores, group, times = made_up(rng)
        made = decoding.make_rules(
            rules["order"],
            rules["free"],
            returns=rules["returns"],
            absorbing=rules["absorbing"],
            price=rules["price"],
        )
        found = decoding.decode(scores, group, times, made)
        for name in np.unique(group):
            rows = np.flatnonzero(group == name)
            rows = rows[np.argsort(times[rows])]
            path = found[rows]
            total = scores[rows, path].sum() - price_of(path.tolist(), **rules)
            assert math.isclose(total, best_of_all(scores[rows], **rules), abs_tol=1e-9)


def test_a_group_goes_on_after_debris_where_it_was():
    rules = decoding.make_rules([0, 1, 2], [3])
    wanted = [1, 3, 0, 2]  # spread, debris, then dense, which came before
    scores = np.log(np.full((4, 4), 0.1) + 0.6 * np.eye(4)[wanted])
    scores[2, 1] = math.log(0.5)  # the next likely: it is still spread
    alone = np.zeros(4, int)
    found = decoding.decode(scores, alone, np.arange(4.0), rules)
    assert found.tolist() == [1, 3, 1, 2]
    cheap = decoding.make_rules([0, 1, 2], [3], price=0.1)
    found = decoding.decode(scores, alone, np.arange(4.0), cheap)
    assert found.tolist() == wanted
    back = decoding.make_rules([0, 1, 2], [3], returns={(1, 0)})
    found = decoding.decode(scores, alone, np.arange(4.0), back)
    assert found.tolist() == wanted
    dead = decoding.make_rules([0, 1, 2], [3], absorbing=[3])
    found = decoding.decode(scores, alone, np.arange(4.0), dead)
    assert found[1] != 3 or (found[1:] == 3).all()


def test_10_000_groups_of_100_times_are_decoded_in_10_seconds():
    rng = np.random.default_rng(0)
    group, times = (x.ravel() for x in np.mgrid[:10_000, :100])
    scores = rng.normal(0, 1, (len(group), 4))
    rules = decoding.make_rules([0, 1, 2], [3])
    began = time.process_time()
    found = decoding.decode(scores, group, times.astype(float), rules)
    assert time.process_time() - began < 10
    stages = np.where(found.reshape(10_000, 100) == 3, -1, found.reshape(10_000, 100))
    highest = np.maximum.accumulate(stages, 1)
    assert ((stages == -1) | (stages == highest)).all(), "no step is backward"
