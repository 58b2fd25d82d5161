"""What each mixing gives a network: sums, copies, one channel at a time."""

import dataclasses

import jax
import numpy as np
import pytest

from gandl_jax import modules

IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 5, 4, 2)).astype(np.float32)
FOLDER = "models/mixing"


def of(name):
    module = modules.load(FOLDER, name)
    params = module.Mixing().init(jax.random.key(0), IMAGES).get("params", {})
    return module, params


@pytest.mark.parametrize("name", modules.names(FOLDER, "Mixing"))
def test_what_is_read_without_running_it_is_true(name):
    module, params = of(name)
    assert modules.constant(FOLDER, name, "COLOURS") == module.COLOURS
    assert modules.constant(FOLDER, name, "APART") == module.APART
    seen = module.Mixing().apply({"params": params}, IMAGES)
    count = len(IMAGES) * (IMAGES.shape[-1] if module.APART else 1)
    colours = module.COLOURS or IMAGES.shape[-1]
    assert seen.shape == (count, *IMAGES.shape[1:3], colours)


@pytest.mark.parametrize("name", modules.names(FOLDER, "Mixing"))
def test_options_are_fields_whose_defaults_come_first(name):
    module, _ = of(name)
    choices = modules.constant(FOLDER, name, "CHOICES", {})
    fields = {
        field.name: field.default
        for field in dataclasses.fields(module.Mixing)
        if field.name not in ("parent", "name")
    }
    assert fields == {key: values[0] for key, values in choices.items()}


def test_all_changes_nothing():
    module, params = of("all")
    np.testing.assert_array_equal(module.Mixing().apply({}, IMAGES), IMAGES)
    assert params == {}


def test_collapsed_begins_as_the_mean_and_is_a_weighted_sum():
    module, params = of("collapsed")
    grey = module.Mixing().apply({"params": params}, IMAGES)
    for colour in range(3):
        np.testing.assert_allclose(grey[..., colour], IMAGES.mean(-1), atol=1e-6)
    kernel = np.float32([[[[0.5], [-2.0]]]])
    other = {"sum": {"kernel": kernel, "bias": np.float32([0.25])}}
    found = module.Mixing().apply({"params": other}, IMAGES)
    expected = IMAGES @ np.array([0.5, -2.0]) + 0.25
    np.testing.assert_allclose(found, expected[..., None].repeat(3, -1), atol=1e-5)


def test_collapsed_sums_other_channels_to_as_much():
    module, _ = of("collapsed")
    params = {"sum": {"kernel": np.float32([[[[0.5], [-2]]]]), "bias": np.zeros(1)}}
    new = module.with_channels(params, (1, None, 0))["sum"]["kernel"]
    np.testing.assert_allclose(new.ravel(), np.array([-2.0, -0.75, 0.5]) * 2 / 3)


def test_collapsed_s_importance_is_the_size_of_its_weights():
    module, _ = of("collapsed")
    params = {"sum": {"kernel": np.float32([[[[0.5], [-1.5]]]]), "bias": np.zeros(1)}}
    np.testing.assert_allclose(module.importance(params), [0.25, 0.75])


def test_concatenated_gives_each_channel_alone_in_order():
    module, _ = of("concatenated")
    found = module.Mixing().apply({}, IMAGES)
    place = 0
    for image in IMAGES:
        for channel in range(IMAGES.shape[-1]):
            for colour in range(3):
                expected = image[..., channel]
                np.testing.assert_array_equal(found[place, ..., colour], expected)
            place += 1
