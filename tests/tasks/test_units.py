"""Units of work, computed here or by helpers."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from gandl_jax import packing
from gandl_jax.tasks import bootstrap, fold_svms, steps, threads, units
from gandl_jax.tasks.fold_svms import Fold, FoldData


class Apart:
    """Helpers that get copies of all that they need, as from another machine."""

    def __init__(self):
        self.calls = 0

    def each(self, fn, common, items, done):
        found = []
        for item in items:
            self.calls += 1
            packed = packing.pack((fn, common, item))
            arrays = {key: one.copy() for key, one in packed.arrays.items()}
            for one in arrays.values():
                one.setflags(write=False)
            fn_there, common_there, item_there = packing.unpack(packed.text, arrays)
            found.append(fn_there(*common_there, item_there))
            done(found[-1])
        return found


class Heard:
    def __init__(self):
        self.total = 0

    def begin(self, total, unit):
        self.asked = total

    def done(self, count):
        self.total += count


def counted(common, item):
    steps.add(item)
    threads.each(lambda _: steps.add(), range(2))
    return common * item


def blas_threads(_):
    return {
        one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"
    }


def test_steps_that_are_counted_elsewhere_are_told():
    for helpers in (None, Apart()):
        heard = Heard()
        with (
            units.handed_to(helpers),
            steps.reported_to(heard),
            steps.counted(12, "units"),
        ):
            assert units.are_handed_out() == (helpers is not None)
            assert units.each(counted, (10,), [1, 2, 3]) == [10, 20, 30]
        assert heard.total == heard.asked == 12


def test_linear_algebra_has_one_core_until_the_last_has_left():
    before = blas_threads(None)
    assert threads.each(blas_threads, range(4)) == [{1}] * 4
    with threads.on_one_core():
        with threads.on_one_core():
            pass
        assert blas_threads(None) == {1}
        assert threads.each(blas_threads, range(2)) == [{1}] * 2
    assert blas_threads(None) == before


def folds_of(kind):
    rng = np.random.default_rng(0)
    plates = np.arange(240) % 6
    groups = plates if kind == "plates" else rng.integers(0, 3, len(plates))
    every = np.arange(len(plates))
    tests = [np.flatnonzero(groups == one) for one in np.unique(groups)]
    return plates, [Fold(*2 * [np.setdiff1d(every, t)], t) for t in tests]


@pytest.mark.parametrize("how", ["none", "standard", "whiten"])
@pytest.mark.parametrize("kind", ["plates", "records"])
@pytest.mark.parametrize("largest", [fold_svms.linear_svm.LARGEST, 1])
def test_folds_are_the_same_to_the_bit(how, kind, largest, monkeypatch):
    monkeypatch.setattr(fold_svms.linear_svm, "LARGEST", largest)  # 1: by liblinear
    plates, folds = folds_of(kind)
    rng, codes = np.random.default_rng(1), np.arange(len(plates)) // 6 % 3
    features = rng.normal(size=(len(plates), 160)) + codes[:, None] * np.linspace(
        0, 1, 160
    )
    given = FoldData(
        features.astype(np.float32),
        plates.astype(str).astype(object),
        codes,
        how,
        {"svm_c": 1.0, "seed": 0},
    )
    expected, doubts = fold_svms.decide(given, folds)
    helpers = Apart()
    with units.handed_to(helpers):
        found, doubts_there = fold_svms.decide(given, folds)
    assert helpers.calls
    np.testing.assert_equal(found, expected)
    largest_of = fold_svms.normalize.largest
    assert largest_of(doubts_there) == largest_of(doubts)


def test_draws_are_the_same_to_the_bit():
    rng = np.random.default_rng(0)
    total = rng.integers(1, 5, (500, 2)).astype(float)
    asked = [(rng.binomial(total.astype(int), 0.5).astype(float), p) for p in (1, 2)]
    options = {"draws": 100, "seed": 3}
    with units.handed_to(Apart()):
        found = bootstrap.recalls_of_each(asked, total, **options)
    for (correct, prior), own in zip(asked, found, strict=True):
        expected = bootstrap.recalls(correct, total, prior=prior, **options)
        np.testing.assert_allclose(own, expected, rtol=1e-12)
    np.testing.assert_equal(found, bootstrap.recalls_of_each(asked, total, **options))
