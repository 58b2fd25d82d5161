"""The autoencoder's losses and features beside NumPy's."""

import numpy as np
import pytest


@pytest.mark.parametrize("loss, power", [("squared", 2), ("absolute", 1)])
def test_the_loss_is_the_mean_difference_of_pixels(
    loss, power, make_method, one_batch, trained
):
    method, state = make_method("autoencoder", **{"method.loss": loss})
    pair = method.show(state, one_batch, None)[0]
    assert pair.left_words == "original" and pair.right_words == "rebuilt"
    away = np.abs(np.asarray(pair.right) - one_batch["images"]) ** power
    expected = away.mean((1, 2, 3))
    found = method.validate(state, one_batch)["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    _, metrics = trained(method, state, one_batch, 1)
    assert metrics["ae/loss"] == pytest.approx(expected.mean(), rel=1e-5)


def test_it_learns_to_rebuild(make_method, one_batch, trained):
    method, state = make_method("autoencoder", **{"method.learning_rate": 0.01})
    first = method.validate(state, one_batch)["loss"].mean()
    later, _ = trained(method, state, one_batch, 60)
    variance = one_batch["images"].var()  # what the mean grey alone leaves
    assert method.validate(later, one_batch)["loss"].mean() < min(first, variance) / 3


def test_pooled_blocks_are_means_and_deviations_of_their_maps(make_method, one_batch):
    method, state = make_method("autoencoder")
    images = one_batch["images"]
    sets = method.embed(method.items(state)["encoder"], images)
    assert list(sets) == ["code", "b16", "b8", "blocks"]
    maps = method._net.apply({"params": state.net}, images, method="encode")
    x = np.asarray(maps["b8"], np.float64)
    expected = np.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
    np.testing.assert_allclose(sets["b8"], expected, atol=1e-5)
    both = np.concatenate([sets["b16"], sets["b8"]], -1)
    np.testing.assert_array_equal(sets["blocks"], both)
