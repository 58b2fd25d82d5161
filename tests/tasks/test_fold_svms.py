"""Folds that share what they can against scikit-learn, fold by fold."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from gandl_jax.profiles import normalize
from gandl_jax.tasks import fold_svms, remarks, steps, threads
from gandl_jax.tasks.fold_svms import Fold, FoldData

OPTIONS = {"svm_c": 1.0, "seed": 0}


def screen(classes=2, width=12, plates=6, per_plate=20, seed=0):
    """Features [N, D], plates [N] and codes [N] of which every class is on each."""
    rng = np.random.default_rng(seed)
    plate = np.repeat(np.arange(plates), per_plate)
    codes = np.arange(len(plate)) % classes
    centers = rng.normal(size=(classes, width))
    features = centers[codes] + rng.normal(size=(plates, width))[plate]
    features += 1.5 * rng.normal(size=features.shape)
    return features.astype(np.float32), plate.astype(str).astype(object), codes


def left_out(plates, fitted_on=lambda train: train):
    found = []
    for plate in np.unique(plates.astype(str)):
        train, test = np.flatnonzero(plates != plate), np.flatnonzero(plates == plate)
        found.append(Fold(fitted_on(train), train, test))
    return found


def by_scikit_learn(given, fold):
    """The fold's decisions, computed as each was before folds shared anything."""
    own = fold.fitted_on
    scaler = normalize.make(given.normalize)
    scaler.fit(given.features[own], plates=given.plates[own])
    learnt, judged = (
        scaler.transform(given.features[rows], plates=given.plates[rows])
        for rows in (fold.train, fold.test)
    )
    divide = np.float32(np.sqrt(learnt.shape[1]))
    svm = LinearSVC(
        C=given.options["svm_c"],
        class_weight="balanced",
        dual=False,
        tol=1e-9,
        max_iter=1_000_000,
    )
    svm.fit((learnt / divide).astype(np.float64), given.codes[fold.train])
    found = svm.decision_function((judged / divide).astype(np.float64))
    return np.stack([-found, found], 1) if found.ndim == 1 else found


def check(given, folds, monkeypatch, *, shared):
    """Compares, and sees whether rows were shared."""
    alone = []
    monkeypatch.setattr(
        fold_svms,
        "_solve_alone",
        lambda *a, _was=fold_svms._solve_alone: alone.append(1) or _was(*a),
    )
    found, _ = fold_svms.decide(given, folds)
    assert (not alone) == shared
    for fold, decision in zip(folds, found, strict=True):
        expected = by_scikit_learn(given, fold)
        np.testing.assert_allclose(decision, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("classes", "width"), [(2, 12), (2, 150), (4, 12), (3, 130)])
@pytest.mark.parametrize("how", ["none", "standard", "robust"])
@pytest.mark.parametrize("pooled", [False, True])
def test_plates_left_out_share_rows(classes, width, how, pooled, monkeypatch):
    features, plates, codes = screen(classes, width)
    of = np.full(len(plates), "all", object) if pooled else plates
    given = FoldData(features, of, codes, how, OPTIONS)
    check(given, left_out(plates), monkeypatch, shared=True)


@pytest.mark.parametrize("how", ["standard", "whiten"])
def test_records_left_out_of_plates_have_rows_of_their_own(how, monkeypatch):
    features, plates, codes = screen(per_plate=30)
    given = FoldData(features, plates, codes, how, OPTIONS)
    number = np.arange(len(codes)) // 2 % 3
    folds = [
        Fold(train, train, np.flatnonzero(number == i))
        for i in range(3)
        for train in [np.flatnonzero(number != i)]
    ]
    check(given, folds, monkeypatch, shared=False)


def test_controls_that_are_in_no_fold_normalise(monkeypatch):
    """Some plates are too small for a spread of their own."""
    features, plates, codes = screen()
    is_control = np.arange(len(codes)) % 5 == 0
    given = FoldData(features, plates, codes, "standard", OPTIONS)
    every = left_out(plates)
    folds = [
        Fold(
            f.train[is_control[f.train]],
            *(r[~is_control[r]] for r in (f.train, f.test)),
        )
        for f in every
    ]
    check(given, folds, monkeypatch, shared=False)


def test_values_far_out_are_bounded_by_each_fold(monkeypatch):
    features, plates, codes = screen()
    features[3, 2] = 1e4
    pooled = np.full(len(plates), "all", object)
    given = FoldData(features, pooled, codes, "standard", OPTIONS)
    check(given, left_out(plates), monkeypatch, shared=False)
    given = FoldData(features, plates, codes, "standard", OPTIONS)
    monkeypatch.undo()
    check(given, left_out(plates), monkeypatch, shared=True)


def test_doubts_are_those_of_every_fold():
    features, plates, codes = screen()
    features[:, 4] = 7.0  # the same in all records
    features[5, 4] = 8.0
    given = FoldData(features, plates, codes, "standard", OPTIONS)
    _, doubts = fold_svms.decide(given, left_out(plates))
    expected = []
    for fold in left_out(plates):
        scaler = normalize.make("standard")
        scaler.fit(features[fold.train], plates=plates[fold.train])
        scaler.transform(features[fold.train], plates=plates[fold.train])
        scaler.transform(features[fold.test], plates=plates[fold.test])
        expected += scaler.doubts()
    assert normalize.largest(doubts) == normalize.largest(expected)


def test_any_number_of_threads_gives_the_same(monkeypatch):
    features, plates, codes = screen(3)
    given = FoldData(features, plates, codes, "whiten", OPTIONS)
    found = []
    for count in (1, 4):
        monkeypatch.setattr(threads, "cpu_count", lambda count=count: count)
        found.append(np.concatenate(fold_svms.decide(given, left_out(plates))[0]))
    np.testing.assert_allclose(*found, atol=1e-9)


@pytest.mark.parametrize("limit", ["LARGEST", "MOST_STEPS"])
def test_what_cannot_be_solved_is_left_to_liblinear(limit, monkeypatch):
    features, plates, codes = screen(3)
    given = FoldData(features, plates, codes, "standard", OPTIONS)
    expected, _ = fold_svms.decide(given, left_out(plates))
    monkeypatch.setattr(fold_svms.linear_svm, limit, 1)
    found, _ = fold_svms.decide(given, left_out(plates))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-3)


@pytest.mark.filterwarnings("error")
def test_svms_that_stop_short_are_counted_without_a_warning(monkeypatch):
    features, plates, codes = screen(2)
    given = FoldData(features, plates, codes, "standard", OPTIONS)
    monkeypatch.setattr(fold_svms.linear_svm, "LARGEST", 1)
    monkeypatch.setattr(fold_svms, "MAX_ITERATIONS", 2)
    with (
        remarks.collected() as found,
        steps.reported_to(Steps()),
        steps.counted(6, "SVMs"),
    ):
        fold_svms.decide(given, left_out(plates))
    assert found == [remarks.Count(6, fold_svms.SHORT)]
    (said,) = remarks.sentences(found)
    assert said.startswith("6 fits of SVMs stopped after ")
    assert Steps.each == [1] * 6, "each is told when it is there"


class Steps:
    """Notes each count."""

    each = []

    def begin(self, total, unit):
        self.each.clear()

    def done(self, count):
        self.each.append(count)


def test_how_many_svms():
    _, plates, codes = screen(3)
    folds = [(fold.train, fold.test) for fold in left_out(plates)]
    assert fold_svms.count(codes, folds) == 6 * 3
    assert fold_svms.count(np.minimum(codes, 1), folds) == 6
