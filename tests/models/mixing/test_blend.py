"""Blends beside sums written out, gradients beside differences, what they cost."""

import jax
import numpy as np
import pytest

from gandl_jax.models.mixing import blend, collapsed

RNG = np.random.default_rng(1)


def softplus(t):
    return np.log1p(np.exp(t))


def weights_of(params, normalised):
    weights = softplus(params["logits"])
    return weights / weights.sum(0) if normalised else weights


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_it_is_the_sum_written_out_and_so_are_its_gradients(
    outputs, normalised, images, in_float64, assert_layer_and_gradients
):
    def expected(params, images):
        weights = weights_of(params, normalised)
        made = np.zeros((*images.shape[:3], 3))
        for colour in range(3):
            for channel in range(images.shape[-1]):
                weight = weights[channel, colour if outputs == 3 else 0]
                made[..., colour] += weight * images[..., channel]
        return made

    layer = blend.Mixing(outputs=outputs, normalised=normalised)
    params = {"logits": RNG.normal(0, 2, (4, outputs))}
    assert_layer_and_gradients(layer, params, images, expected)


@pytest.mark.parametrize("normalised", [False, True])
def test_it_begins_as_the_mean_of_the_channels(normalised, images):
    layer = blend.Mixing(normalised=normalised)
    params = layer.init(jax.random.key(0), images)
    found = layer.apply(params, np.float32(images))
    np.testing.assert_allclose(found[..., 1], images.mean(-1), atol=1e-6)
    np.testing.assert_allclose(blend.importance(params["params"]), 0.25, atol=1e-6)


def test_importance_is_each_output_s_share_in_the_mean():
    logits = RNG.normal(0, 2, (4, 3))
    found = blend.importance({"logits": logits})
    weights = softplus(logits)
    expected = np.mean([weights[:, o] / weights[:, o].sum() for o in range(3)], 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found.sum() == pytest.approx(1) and (found > 0).all()


def test_very_large_and_small_logits_have_finite_weights_and_gradients(images):
    params = {"logits": np.float32([[-200], [-30], [30], [200]])}
    layer = blend.Mixing(normalised=True)

    def loss(params):
        return layer.apply({"params": params}, np.float32(images)).sum()

    value, gradient = jax.value_and_grad(loss)(params)
    assert np.isfinite(value) and np.isfinite(gradient["logits"]).all()
    new = blend.with_channels(params, (0, 1, 2, 3))["logits"]
    np.testing.assert_allclose(new[1:, 0], [-30, 30, 200], rtol=0.1)
    assert np.isfinite(new).all()


def test_other_channels_keep_their_weights_and_the_sum():
    logits = RNG.normal(0, 1, (3, 1))
    new = blend.with_channels({"logits": np.float32(logits)}, (2, None, 0, 1))
    weights = softplus(logits[:, 0])
    expected = np.array([weights[2], weights.mean(), weights[0], weights[1]])
    expected *= weights.sum() / expected.sum()
    np.testing.assert_allclose(softplus(new["logits"][:, 0]), expected, rtol=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("normalised", [False, True])
def test_it_costs_no_more_than_the_convolution(outputs, normalised, flops):
    layer = blend.Mixing(outputs=outputs, normalised=normalised)
    # Three outputs are three sums.
    assert flops(layer) <= 1.02 * outputs * flops(collapsed.Mixing())
