"""Measures of two classes against scikit-learn, and what their draws vary by."""

import numpy as np
import pytest
from sklearn import metrics

from gandl_jax.tasks import bootstrap, two_classes
from gandl_jax.tasks.classification import Sample


def sample_of(codes, folds=None, units=None):
    n = np.arange(len(codes))
    folds = np.zeros(len(codes), int) if folds is None else folds
    return Sample(codes, folds, n if units is None else units, n, n)


@pytest.mark.parametrize(
    "name", ["accuracy", "precision", "recall", "f1", "balanced_accuracy"]
)
def test_measures_are_scikit_learns(name):
    rng = np.random.default_rng(0)
    codes, said = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    codes[:12] = 1
    right = np.array([(said[codes == kind] == kind).mean() for kind in (0, 1)])
    wanted = getattr(metrics, f"{name}_score")
    found = getattr(two_classes, name)(right, codes.mean())
    assert found == pytest.approx(wanted(codes, said))


def test_specificity_is_the_recall_of_the_other_class():
    codes, said = np.array([0, 0, 0, 1]), np.array([0, 1, 0, 1])
    right = np.array([2 / 3, 1.0])
    found = two_classes.specificity(right, 0.25)
    assert found == pytest.approx(metrics.recall_score(codes, said, pos_label=0))


def test_precision_of_what_calls_nothing_is_none():
    assert two_classes.precision(np.array([1.0, 0.0]), 0.5) == 0


def test_the_area_is_scikit_learns_over_the_pairs_of_each_fold():
    rng = np.random.default_rng(1)
    codes, folds = rng.integers(0, 2, 60), rng.integers(0, 3, 60)
    scores = rng.integers(0, 6, 60) + codes + 10.0 * folds  # with equals
    right, pairs = two_classes.placements(sample_of(codes, folds), scores)
    areas, weights = [], []
    for fold in range(3):
        own = folds == fold
        areas.append(metrics.roc_auc_score(codes[own], scores[own]))
        weights.append(codes[own].sum() * (1 - codes[own]).sum())
    shares = right.sum(0) / pairs.sum(0)
    assert shares == pytest.approx([np.average(areas, weights=weights)] * 2)
    assert pairs.sum(0).tolist() == [sum(weights)] * 2


def test_a_fold_with_one_class_has_no_pairs():
    codes, folds = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    _, pairs = two_classes.placements(sample_of(codes, folds), np.arange(4.0))
    assert not pairs.any()


def test_draws_of_an_area_vary_as_delong_says():
    """DeLong, DeLong and Clarke-Pearson 1988, of records that are units."""
    rng = np.random.default_rng(2)
    codes = np.repeat([0, 1], [80, 40])
    scores = rng.normal(size=120) + codes
    right, pairs = two_classes.placements(sample_of(codes), scores)
    drawn = bootstrap.recalls(right, pairs, draws=4000, seed=0)
    controls, drugs = scores[:80], scores[80:]
    order = (drugs[:, None] > controls).astype(float)
    error = np.sqrt(
        order.mean(1).var(ddof=1) / len(drugs) + order.mean(0).var(ddof=1) / 80
    )
    found = two_classes.auc_draws(drawn).mean(1)
    assert found.std() == pytest.approx(error, rel=0.1)
    assert found.mean() == pytest.approx(order.mean(), abs=0.02)
