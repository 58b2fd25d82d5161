"""Methods of one network: alike on any number of devices and in parts of a batch."""

import jax
import numpy as np
import pytest

METHODS = ("autoencoder", "classifier")


@pytest.mark.parametrize(
    "name", ["classifier", pytest.param("autoencoder", marks=pytest.mark.slow)]
)
def test_any_number_of_devices_and_parts_gives_the_same(
    name, make_method, one_batch, trained
):
    def after(devices, parts):
        method, state = make_method(
            name,
            **{"method.augment_prob": 0.5, "method.augment_kinds": ("rotation",)},
            **{"train.accumulate": parts, "model.blocks": 1},
        )
        return trained(method, state, one_batch, 10, devices)

    alone, metrics = after(1, 1)
    assert alone.step == 10
    for devices, parts in ((2, 1), (8, 1), (1, 2)):
        others, theirs = after(devices, parts)
        same = jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), alone, others
        )
        assert jax.tree.leaves(same) == []
        for metric, value in metrics.items():
            assert theirs[metric] == pytest.approx(value, rel=1e-4), metric


@pytest.mark.parametrize("name", METHODS)
def test_the_average_is_a_mean_of_the_parameters_so_far(
    name, make_method, one_batch, trained
):
    """With decay 1/2 in every step: p1 / 4 + p0 / 4 + p2 / 2."""
    method, first = make_method(
        name, **{"method.average_rampup_frac": 1.0, "method.average_halflife_images": 8}
    )
    once, _ = trained(method, first, one_batch, 1)
    twice, _ = trained(method, first, one_batch, 2)
    expected = jax.tree.map(
        lambda a, b, c: a / 4 + b / 4 + c / 2, first.net, once.net, twice.net
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        twice.net_average,
        expected,
    )


@pytest.mark.parametrize("name", METHODS)
def test_a_network_goes_on_with_channels_in_another_order(name, make_method, one_batch):
    method, state = make_method(name)
    networks = method.trained(state).for_channels((1, 0))
    swapped = method.start(state, networks)
    images = one_batch["images"]
    before = method.embed(method.items(state)["encoder"], images)
    after = method.embed(method.items(swapped)["encoder"], images[..., ::-1])
    for name_of_set, features in before.items():
        np.testing.assert_allclose(after[name_of_set], features, atol=1e-5)
    if name == "autoencoder":
        shown = [
            method.show(s, {"images": i}, None)[0].right
            for s, i in ((state, images), (swapped, images[..., ::-1]))
        ]
        np.testing.assert_allclose(shown[1][..., ::-1], shown[0], atol=1e-5)
