"""What labels cost, beside scikit-learn's."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from gandl_jax.methods import labelled

LOGITS = np.random.default_rng(0).normal(0, 2, (6, 3)).astype(np.float32)
CODES = np.array([0, 2, 1, -1, 2, 0], np.int32)
WEIGHTS = np.array([1.0, 0.5, 2.0], np.float32)


def judged(codes=CODES, **options):
    lessons = {"drug": (jnp.asarray(LOGITS),)}
    answers = {"drug": jnp.asarray(LOGITS)}
    labels, weights = {"drug": jnp.asarray(codes)}, {"drug": WEIGHTS}
    return labelled.judge(answers, lessons, labels, weights, **options)


@pytest.mark.parametrize("variant", labelled.VARIANTS)
def test_a_loss_is_scikit_learn_s(variant):
    """As published, what is a probability goes through the softmax once more."""
    shares = softmax(np.float64(LOGITS), 1)
    if variant == "as_published":
        shares = softmax(shares, 1)
    known = CODES >= 0
    found = judged(variant=variant)
    for place in np.flatnonzero(known):
        wanted = log_loss([CODES[place]], shares[[place]], labels=range(3))
        weight = WEIGHTS[CODES[place]]
        assert found.loss[place] == pytest.approx(weight * wanted, rel=1e-5)
    assert found.loss[3] == 0 and found.known.tolist() == known.tolist()
    right = (LOGITS.argmax(1) == CODES) & known
    assert found.right.tolist() == right.tolist()


def test_accuracy_is_of_known_labels():
    means = {"right": jnp.float32(0.25), "known": jnp.float32(0.5), "a/b": 1.0}
    found = labelled.with_accuracy(means, "a")
    assert found == {"a/b": 1.0, "a/accuracy": 0.5}
