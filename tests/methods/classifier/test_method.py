"""The classifier's loss and accuracy beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_sample_weight


@pytest.mark.parametrize("weights", ["balanced", "equal"])
def test_loss_and_accuracy_are_those_of_scikit_learn(
    weights, make_method, one_batch, trained
):
    method, state = make_method("classifier", **{"method.class_weights": weights})
    labels = one_batch["labels"]["Treatment"]
    known = labels >= 0
    logits = method._net.apply({"params": state.net}, one_batch["images"])
    x = np.asarray(logits["Treatment"], np.float64)[known]
    chances = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    truth = labels[known]
    balanced = compute_sample_weight("balanced", truth)  # counts of SOURCE: 3, 2, 1
    weight = balanced if weights == "balanced" else np.ones(len(truth))
    expected = log_loss(truth, chances, sample_weight=weight, normalize=False)
    accuracy = accuracy_score(truth, x.argmax(1))
    _, metrics = trained(method, state, one_batch, 1)
    # A blank record counts nothing, among 8.
    assert metrics["class/loss"] == pytest.approx(expected / 8, rel=1e-5)
    assert metrics["class/accuracy"] == pytest.approx(accuracy)
    found = method.validate(state, one_batch)
    assert np.isnan(found["loss"]).tolist() == (~known).tolist()
    assert np.nansum(found["loss"]) == pytest.approx(expected, rel=1e-5)
    assert np.nanmean(found["accuracy"]) == pytest.approx(accuracy)


def test_it_learns_the_classes(make_method, one_batch, trained):
    method, state = make_method("classifier")
    _, metrics = trained(method, state, one_batch, 60)
    assert metrics["class/accuracy"] == 1.0


def test_blank_labels_teach_nothing(make_method, one_batch, trained):
    method, state = make_method("classifier")
    blank = one_batch | {"labels": {"Treatment": np.full(8, -1, np.int32)}}
    _, metrics = trained(method, state, blank, 1)
    assert metrics["class/gradient_norm"] == 0 and metrics["class/accuracy"] == 0


def test_patience_stops_it(make_method):
    method, _ = make_method("classifier", **{"method.patience": 2})
    history = [{"validation/loss": x} for x in (1.0, 0.5, 0.6, 0.7)]
    assert not method.done(history[:3]) and "0.5" in method.done(history)
