"""ArcFace beside NumPy written out: angles, margins, and slopes by differences."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models.heads import arcface, both, softmax

SCALE = 7.0


def logits(x, weights, codes, margin):
    """[B, K]: s cos(theta + m) of the true class, each angle by itself."""
    found = np.empty((len(x), weights.shape[1]))
    for i, k in np.ndindex(found.shape):
        lengths = math.sqrt(x[i] @ x[i]) * math.sqrt(weights[:, k] @ weights[:, k])
        theta = math.acos(x[i] @ weights[:, k] / lengths)
        if k != codes[i]:
            cosine = math.cos(theta)
        elif theta <= math.pi - margin:
            cosine = math.cos(theta + margin)
        else:
            cosine = math.cos(theta) - margin * math.sin(margin)
        found[i, k] = SCALE * cosine
    return found


def loss(x, weights, codes, margin):
    """The mean cross-entropy."""
    y = logits(x, weights, codes, margin)
    y -= np.log(np.exp(y).sum(1, keepdims=True))
    return -y[np.arange(len(y)), codes].mean()


def slope(fn, at, step=1e-6):
    """Central differences of a function of one array."""
    found = np.empty_like(at)
    for i in np.ndindex(at.shape):
        ends = [at.copy(), at.copy()]
        ends[0][i] += step
        ends[1][i] -= step
        found[i] = (fn(ends[0]) - fn(ends[1])) / (2 * step)
    return found


@pytest.fixture(scope="module")
def problem():
    """Embeddings, weights and classes; two true angles lie beyond pi - m."""
    rng = np.random.default_rng(0)
    weights, codes = rng.normal(size=(4, 3)), np.array([0, 1, 2, 0, 1, 2])
    x = rng.normal(size=(6, 4))
    x[4:] = -weights[:, codes[4:]].T + 0.1 * rng.normal(size=(2, 4))
    return x, weights, codes


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_logits_and_slopes_are_those_of_angles(problem, margin):
    x, weights, codes = problem
    angles = np.arccos(logits(x, weights, [-1] * 6, 0.0) / SCALE)
    true = angles[np.arange(6), codes]
    assert (true[4:] > math.pi - 0.5).all() and (true[:4] < math.pi - 0.5).all()
    with jax.enable_x64(True):
        head = arcface.Head(4, 3, SCALE)

        def ours(x, weights):
            given = {"params": {"kernel": weights}}
            (y,) = head.apply(given, x, codes, margin, method="taught")
            return -jax.nn.log_softmax(y)[np.arange(6), codes].mean(), y

        given = jnp.asarray(x), jnp.asarray(weights)
        value = jax.value_and_grad(ours, (0, 1), has_aux=True)
        (found, y), slopes = value(*given)
        assert y.dtype == jnp.float64
    np.testing.assert_allclose(y, logits(x, weights, codes, margin), atol=1e-9)
    assert found == pytest.approx(loss(x, weights, codes, margin), abs=1e-9)
    of_x = slope(lambda a: loss(a, weights, codes, margin), x)
    of_weights = slope(lambda a: loss(x, a, codes, margin), weights)
    np.testing.assert_allclose(slopes[0], of_x, atol=1e-7)
    np.testing.assert_allclose(slopes[1], of_weights, atol=1e-7)


def test_lengths_do_not_count_and_blanks_have_no_margin(problem):
    x, weights, _ = problem
    blank, head = np.full(6, -1), arcface.Head(4, 3, SCALE)

    def y(x, weights, codes):
        given = {"params": {"kernel": jnp.float32(weights)}}
        return head.apply(given, jnp.float32(x), codes, 0.5, method="taught")[0]

    np.testing.assert_allclose(
        y(3 * x, 2 * weights, blank), logits(x, weights, blank, 0.5), atol=1e-5
    )


@pytest.mark.parametrize("where", ["parallel", "opposite", "nothing"])
def test_one_class_alone_and_embeddings_at_the_ends_have_finite_slopes(problem, where):
    _, weights, _ = problem
    weights, codes = jnp.float32(weights), np.zeros(4, np.int32)
    along = {"parallel": 1.0, "opposite": -1.0, "nothing": 0.0}[where]
    x = along * jnp.tile(weights[:, 0], (4, 1))

    def ours(x, weights):
        y = SCALE * arcface.with_margin(
            arcface.unit(x, -1) @ arcface.unit(weights, 0), codes, 0.5
        )
        return -jax.nn.log_softmax(y)[:, 0].mean()

    value, slopes = jax.value_and_grad(ours, (0, 1))(x, weights)
    assert np.isfinite(value) and all(np.isfinite(s).all() for s in slopes)


def test_both_are_two_heads_and_the_softmax_answers(problem):
    x, _, codes = problem
    head, x = both.Head(4, 3, SCALE), jnp.float32(x)
    params = head.init(jax.random.key(0), x, codes, 0.5, method="taught")["params"]
    assert params["softmax"]["kernel"].shape == params["arcface"]["kernel"].shape
    assert (params["softmax"]["kernel"] != params["arcface"]["kernel"]).any()
    plain, angles = head.apply({"params": params}, x, codes, 0.5, method="taught")
    own = {"params": params["arcface"]}
    (expected,) = arcface.Head(4, 3, SCALE).apply(own, x, codes, 0.5, method="taught")
    np.testing.assert_array_equal(angles, expected)
    np.testing.assert_array_equal(head.apply({"params": params}, x), plain)
    np.testing.assert_allclose(
        plain, x @ params["softmax"]["kernel"] + params["softmax"]["bias"][None]
    )


@pytest.mark.parametrize("module", [softmax, arcface, both])
def test_channels_that_are_alike_are_told_as_before(module, problem):
    """Two channels' features side by side become three, of their mean and of one."""
    del problem
    head = module.Head(4, 3, SCALE)
    one = jnp.float32([[0.3, -0.7]])
    old = jnp.tile(one, (1, 2))
    codes = np.zeros(1, np.int32)
    params = head.init(jax.random.key(1), old, codes, 0.0, method="taught")["params"]
    new = module.with_channels(params, (None, None, None), 2)
    wider = module.Head(6, 3, SCALE)
    found = wider.apply({"params": new}, jnp.tile(one, (1, 3)))
    before = head.apply({"params": params}, old)
    if module is not arcface:  # of which the length of new weights is another
        np.testing.assert_allclose(found, before, rtol=1e-5)
    kernel = new["softmax"]["kernel"] if module is both else new["kernel"]
    mine = params["softmax"]["kernel"] if module is both else params["kernel"]
    mean = (np.asarray(mine)[:2] + np.asarray(mine)[2:]) / 2 * 2 / 3
    np.testing.assert_allclose(kernel, np.tile(mean, (3, 1)), rtol=1e-5)
