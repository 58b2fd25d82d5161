"""Sites whose mechanisms change no level, against their untreated twins."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from scipy import optimize

from gandl_jax.screens.simulated_rxrx1 import CELL_MODELS, SCREEN
from gandl_jax.simulated import drawing, levelled
from gandl_jax.simulated.cells import Traits, draw_site

# Strengths of each of MECHANISMS, but for the one that changes all channels.
STRONG = np.array([0.5, 0.0, 1.5, 2.0, 2.0, 3.0, 0.4])


def site(seed, mechanism):
    rng = np.random.default_rng(seed)
    traits = Traits(
        infection=0.0,
        toxicity=0.0,
        mechanism=mechanism,
        density=1.0,
        state=rng.standard_normal(6),
        gain=np.exp(0.1 * rng.standard_normal(6)),
        offset=rng.uniform(0.6, 1.6, 6),
        blur_px=0.8,
    )
    model = CELL_MODELS["U2OS"]
    return drawing.Site((), (5, seed), model, traits, 96, SCREEN.channels)


def test_levels_are_those_that_are_wanted_and_dark_stays_dark():
    rng = np.random.default_rng(0)
    light = np.where(rng.random((64, 64)) < 0.3, 0, rng.gamma(1.0, 1, (64, 64)))
    lit, order = light / light.max(), np.argsort(light, axis=None)

    def relative(exponent):
        return (lit**exponent).std() / (lit**exponent).mean()

    for shape in (0.3, 0.5, 1.2):
        wanted = rng.gamma(shape, 2.0, (64, 64)).astype(np.float32)
        made = levelled.match_levels(wanted, light.astype(np.float32))
        assert made.mean() == pytest.approx(wanted.mean(), rel=1e-5)
        assert made.std() == pytest.approx(wanted.std(), rel=1e-4)
        assert (made[light == 0] == 0).all()
        assert (np.diff(made.ravel()[order]) >= 0).all()
        spread = wanted.std(dtype=float) / wanted.mean(dtype=float)
        root = optimize.brentq(lambda g, s: relative(g) - s, 0.1, 10, args=(spread,))
        expected = lit**root * wanted.mean(dtype=float) / (lit**root).mean()
        np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


def test_light_that_is_as_wanted_stays():
    light = np.random.default_rng(1).gamma(2.0, 1, (32, 32)).astype(np.float32)
    np.testing.assert_allclose(levelled.match_levels(light, light), light, rtol=1e-4)


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_a_treated_site_has_the_levels_of_the_same_untreated(share):
    for seed in range(3):
        treated = levelled.images(site(seed, share * STRONG)).astype(float)
        untreated = levelled.images(site(seed, 0 * STRONG)).astype(float)
        # Of 9,216 pixels of noise 1 to 3 the mean is known to .03.
        np.testing.assert_allclose(
            treated.mean((1, 2)), untreated.mean((1, 2)), atol=0.05
        )
        np.testing.assert_allclose(
            treated.std((1, 2)), untreated.std((1, 2)), rtol=0.01, atol=0.02
        )
        moved = np.abs(treated - untreated).mean((1, 2))
        assert (moved > 0.05).all(), "but its pixels differ in every channel"


def test_untreated_sites_are_drawn_as_ever():
    one = site(4, 0 * STRONG)
    rng = np.random.default_rng(np.random.SeedSequence(one.seed))
    plain = draw_site(rng, one.model, one.traits, one.size_px, one.channels)
    made = levelled.images(one)
    assert (made != plain).mean() < 1e-3  # rounded otherwise
    assert np.abs(made.astype(int) - plain).max() <= 1


def test_a_mechanism_changes_its_channel_alone():
    plain = levelled.images(site(2, 0 * STRONG))
    owner = {0: "nuclei", 2: "er", 3: "actin", 4: "rna", 5: "golgi", 6: "mito"}
    for place, channel in owner.items():
        only = np.zeros(7)
        only[place] = STRONG[place]
        changed = levelled.images(site(2, only))
        moved = np.abs(changed.astype(float) - plain).mean((1, 2))
        assert moved.argmax() == SCREEN.channels.index(channel)
        assert (np.delete(moved, moved.argmax()) < 1e-3).all()


def test_draw_writes_the_images(tmp_path):
    paths = tuple(str(tmp_path / f"{i}.png") for i in range(6))
    one = dataclasses.replace(site(1, STRONG), paths=paths)
    levelled.draw(one)
    read = np.stack([np.asarray(Image.open(path)) for path in paths])
    np.testing.assert_array_equal(read, levelled.images(one))
