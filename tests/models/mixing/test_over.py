"""Sheets over one another beside products written out; orders that are learnt."""

import jax
import numpy as np
import pytest

from gandl_jax.models.mixing import collapsed, over

RNG = np.random.default_rng(2)


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def given_weights(opacities, order):
    """[C] of one output: each channel's opacity through those before it."""
    made, left = np.zeros(len(opacities)), 1.0
    for channel in order:
        made[channel] = opacities[channel] * left
        left *= 1 - opacities[channel]
    return made


def learnt_weights(opacities, priorities):
    """[C] of one output: others lie before to a degree."""
    made = opacities.copy()
    for c in range(len(made)):
        for j in range(len(made)):
            if j != c:
                degree = sigmoid(priorities[j] - priorities[c])
                made[c] *= 1 - degree * opacities[j]
    return made


def weights_of(params):
    opacities = sigmoid(params["logits"])
    columns = []
    for output in range(opacities.shape[1]):
        if "priorities" in params:
            priorities = params["priorities"][:, output]
            columns.append(learnt_weights(opacities[:, output], priorities))
        else:
            columns.append(given_weights(opacities[:, output], range(len(opacities))))
    return np.stack(columns, 1)


@pytest.mark.parametrize("order", ["given", "learnt"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_it_is_the_products_written_out_and_so_are_its_gradients(
    outputs, order, images, in_float64, assert_layer_and_gradients
):
    def expected(params, images):
        weights = weights_of(params)
        sums = np.einsum("bhwc,co->bhwo", images, weights)
        return sums if outputs == 3 else np.concatenate([sums] * 3, -1)

    layer = over.Mixing(outputs=outputs, order=order)
    params = {"logits": RNG.normal(0, 2, (4, outputs))}
    if order == "learnt":
        params["priorities"] = RNG.normal(0, 2, (4, outputs))
    assert_layer_and_gradients(layer, params, images, expected)


def test_two_channels_the_second_opaque_are_one_over_the_other():
    images = RNG.uniform(-1, 1, (2, 3, 3, 2)).astype(np.float32)
    params = {"logits": np.float32([[0.4], [50]])}
    found = over.Mixing().apply({"params": params}, images)[..., 0]
    a = sigmoid(0.4)
    expected = a * images[..., 0] + (1 - a) * images[..., 1]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("order", ["given", "learnt"])
def test_all_channels_begin_alike(order, images):
    layer = over.Mixing(order=order)
    params = layer.init(jax.random.key(0), images)["params"]
    weights = np.asarray(over.effective(params))
    np.testing.assert_allclose(weights, weights.mean(), rtol=1e-5)
    np.testing.assert_allclose(over.importance(params), 0.25, rtol=1e-5)
    if order == "given":
        np.testing.assert_allclose(weights, 1 / 5, rtol=1e-5)


def test_priorities_far_apart_are_an_order():
    logits = RNG.normal(0, 1, (4, 1))
    order = [2, 0, 3, 1]
    priorities = np.zeros((4, 1))
    priorities[order, 0] = [120, 80, 40, 0]
    found = over.effective({"logits": logits, "priorities": priorities})
    expected = given_weights(sigmoid(logits[:, 0]), order)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


def test_importance_is_the_share_of_the_effective_weights():
    params = {"logits": RNG.normal(0, 1, (4, 3))}
    weights = weights_of(params)
    expected = (weights / weights.sum(0)).mean(1)
    np.testing.assert_allclose(over.importance(params), expected, rtol=1e-5)


def test_a_given_order_of_other_channels_keeps_effective_weights():
    params = {"logits": np.float32(RNG.normal(0, 1, (3, 1)))}
    before = weights_of(params)[:, 0]
    new = over.with_channels(params, (2, 0, None, 1))
    expected = np.array([before[2], before[0], before.mean(), before[1]])
    expected *= before.sum() / expected.sum()
    np.testing.assert_allclose(weights_of(new)[:, 0], expected, rtol=1e-4)


def test_a_learnt_order_goes_on_with_channels_in_another_order():
    params = {
        "logits": RNG.normal(0, 1, (3, 1)),
        "priorities": RNG.normal(0, 1, (3, 1)),
    }
    new = over.with_channels(params, (2, 0, 1))
    before = weights_of(params)
    np.testing.assert_allclose(weights_of(new), before[[2, 0, 1]], rtol=1e-5)


def test_opaque_and_empty_channels_go_on_with_finite_logits():
    new = over.with_channels({"logits": np.float32([[60], [0], [-200]])}, (1, 0, 2))
    assert np.isfinite(new["logits"]).all()
    np.testing.assert_allclose(weights_of(new)[:, 0], [0, 1, 0], atol=1e-6)


@pytest.mark.parametrize("order", ["given", "learnt"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_it_costs_no_more_than_the_convolution(outputs, order, flops):
    layer = over.Mixing(outputs=outputs, order=order)
    assert flops(layer) <= 1.02 * outputs * flops(collapsed.Mixing())
