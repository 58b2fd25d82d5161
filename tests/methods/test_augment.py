"""Augmentation against NumPy and SciPy, its chances, and its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from gandl_jax import config as configs
from gandl_jax.methods import losses, option_checks
from gandl_jax.methods.augment import KINDS, augment, stained

SIZE = 16
MOVES = ("turns", "shifts", "zoom", "rotation")


def keys_of(count):
    return jax.random.split(jax.random.key(7), count)


def images_of(count, size=SIZE, channels=3):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, size, size, channels)).astype(np.float32)


run = jax.jit(augment, static_argnames="kinds")


def augmented(images, prob, *kinds):
    return np.asarray(run(images, keys_of(len(images)), prob, kinds=kinds))


def copies(image, count):
    return np.broadcast_to(image, (count, *image.shape))


def changed(images, prob, *kinds):
    return (augmented(images, prob, *kinds) != images).any((1, 2, 3))


def test_the_configs_kinds_are_those_there_are():
    assert option_checks.AUGMENT_KINDS == KINDS
    assert set(configs.default().method.augment_kinds) < set(KINDS)


def test_at_0_nothing_changes_and_at_1_everything_does():
    images = images_of(64)
    images[:, 0, 0], images[:, -1, -1] = -1, 1
    np.testing.assert_array_equal(augmented(images, 0.0, *KINDS), images)
    assert changed(images, 1.0, *KINDS).all()


def test_turns_are_the_8_orientations():
    image = images_of(1)[0]
    orientations = [
        np.rot90(turned, quarter)
        for turned in (image, image[:, ::-1])
        for quarter in range(4)
    ]
    found = {
        [np.array_equal(image, o) for o in orientations].index(True)
        for image in augmented(copies(image, 200), 1.0, "turns")
    }
    assert found == set(range(8))


def test_shifts_are_whole_pixels_mirrored_at_the_edge():
    image, most = images_of(1)[0], SIZE // 8
    padded = np.pad(image, ((most, most), (most, most), (0, 0)), mode="reflect")
    offsets = range(2 * most + 1)
    shifted = [padded[i : i + SIZE, j : j + SIZE] for i in offsets for j in offsets]
    found = {
        [np.array_equal(image, s) for s in shifted].index(True)
        for image in augmented(copies(image, 400), 1.0, "shifts")
    }
    assert found == set(range(len(shifted)))


def with_ramps(texture):
    """Two more channels, row and column: they tell where each pixel was read."""
    ramps = np.indices(texture.shape[:2]).transpose(1, 2, 0)
    return np.concatenate([texture, ramps], -1).astype(np.float32)


def affine_map(ramps):
    """Matrix [2, 2] and offset [2] that the middle pixels were read through."""
    middle = slice(SIZE // 2 - 2, SIZE // 2 + 2)
    at = np.indices((SIZE, SIZE)).transpose(1, 2, 0)[middle, middle].reshape(-1, 2)
    design = np.c_[at, np.ones(len(at))]
    target = ramps[middle, middle].reshape(-1, 2).astype(np.float64)
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    assert np.abs(design @ solution - target).max() < 1e-4
    return solution[:2].T, solution[2]


@pytest.mark.parametrize("kind", ["zoom", "rotation"])
def test_zoom_and_rotation_are_scipys(kind):
    image = with_ramps(images_of(1)[0])
    for output in augmented(copies(image, 12), 1.0, kind):
        matrix, offset = affine_map(output[..., 3:])
        for channel in range(3):
            expected = scipy.ndimage.affine_transform(
                image[..., channel].astype(float),
                matrix,
                offset,
                order=1,
                mode="mirror",
            )
            np.testing.assert_allclose(output[..., channel], expected, atol=2e-3)


def test_zoom_keeps_its_centre_within_the_image_and_rotation_the_middle():
    image = with_ramps(images_of(1)[0])
    zooms = [affine_map(o[..., 3:]) for o in augmented(copies(image, 300), 1.0, "zoom")]
    steps = np.array([matrix[0, 0] for matrix, _ in zooms])
    for matrix, offset in zooms:
        np.testing.assert_allclose(matrix, matrix[0, 0] * np.eye(2), atol=1e-4)
        fixed = offset / (1 - matrix[0, 0])
        assert (fixed > -0.1).all() and (fixed < SIZE - 0.9).all()
    draws = scipy.stats.norm(0, 0.2)
    assert scipy.stats.kstest(np.log2(steps), draws.cdf).pvalue > 0.01

    outputs = augmented(copies(image, 300), 1.0, "rotation")
    turns = [affine_map(o[..., 3:]) for o in outputs]
    middle = np.full(2, (SIZE - 1) / 2)
    for matrix, offset in turns:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-4)
        assert np.linalg.det(matrix) > 0
        np.testing.assert_allclose(matrix @ middle + offset, middle, atol=1e-3)
    angles = [np.arctan2(m[1, 0], m[0, 0]) / (2 * np.pi) + 0.5 for m, _ in turns]
    assert scipy.stats.kstest(angles, "uniform").pvalue > 0.01


def test_moves_together_are_one_read_through_the_composed_map():
    image = with_ramps(images_of(1)[0])
    compared = 0
    for output in augmented(copies(image, 20), 1.0, *MOVES):
        try:
            matrix, offset = affine_map(output[..., 3:])
        except AssertionError:  # the middle was mirrored, and tells no map
            continue
        compared += 1
        expected = scipy.ndimage.affine_transform(
            image[..., 0].astype(float), matrix, offset, order=1, mode="mirror"
        )
        np.testing.assert_allclose(output[..., 0], expected, atol=5e-3)
    assert compared > 10


def test_stains_are_gamma_then_contrast_about_the_dark_then_brightness():
    image = 1.5 * images_of(1)[0]
    gamma, contrast = np.array([0.7, 1.0, 1.4]), np.array([1.5, 0.6, 1.0])
    brightness, toe = np.array([0.1, -0.3, 0.0]), 0.02
    as_float32 = (v.astype(np.float32) for v in (gamma, contrast, brightness))
    output = stained(jnp.asarray(image), *as_float32)
    for c in range(3):
        light = (image[..., c].astype(float) + 1) / 2
        low, high = np.power([toe, 1 + toe], gamma[c])
        inside = (light > 0) & (light < 1)
        curve = (np.power(np.where(inside, light, 0) + toe, gamma[c]) - low) / (
            high - low
        )
        light = np.where(inside, curve, light)
        expected = 2 * contrast[c] * light - 1 + brightness[c]
        np.testing.assert_allclose(output[..., c], expected, atol=1e-5)


def test_each_channel_is_stained_by_itself():
    output = augmented(images_of(200), 0.5, "intensity")
    means = (output - images_of(200)).mean((1, 2))
    assert (np.abs(np.corrcoef(means.T)[np.triu_indices(3, 1)]) < 0.2).all()


def test_one_channel_goes_dark_and_never_the_only_one():
    images = images_of(100)
    output = augmented(images, 1.0, "channel_drop")
    dark = (output == -1).all((1, 2))
    assert (dark.sum(1) == 1).all() and dark.any(0).all()
    kept = ~dark[:, None, None] & np.ones(images.shape, bool)
    np.testing.assert_array_equal(output[kept], images[kept])
    single = images[..., :1]
    np.testing.assert_array_equal(augmented(single, 1.0, "channel_drop"), single)


def within_chance(count, trials, prob):
    return scipy.stats.binomtest(int(count), trials, prob).pvalue > 0.001


def test_each_is_used_as_often_as_asked_and_independently():
    trials, prob = 1000, 0.3
    images = images_of(trials, size=8)
    chances = {
        "turns": prob * 7 / 8,
        "shifts": prob * 8 / 9,  # by -1, 0 or 1 px along either axis
        "zoom": prob,
        "rotation": prob,
        "intensity": 1 - (1 - prob) ** 3,
        "channel_drop": prob,
    }
    used = {kind: changed(images, prob, kind) for kind in KINDS}
    for kind, chance in chances.items():
        assert within_chance(used[kind].sum(), trials, chance), kind
    both = (used["zoom"] & used["rotation"]).sum()
    assert within_chance(both, trials, prob**2)


def test_a_sample_is_augmented_by_its_own_key_alone():
    images, keys = images_of(64), keys_of(64)
    whole = augmented(images, 0.7, *KINDS)
    order = np.random.default_rng(0).permutation(64)
    moved = run(images[order], keys[order], 0.7, kinds=KINDS)
    np.testing.assert_array_equal(whole[order], moved)


def test_r1_and_its_gradient_agree_with_finite_differences():
    """R1 is taken with respect to the images before augmentation."""
    with jax.enable_x64(True):
        keys = keys_of(3)
        images = images_of(3, size=8, channels=2).astype(np.float64)
        weight = np.random.default_rng(1).normal(size=(1, 8, 8, 2))

        def discriminate(scale, x, keys):
            seen = augment(x, keys, 0.8, ("rotation", "intensity", "channel_drop"))
            return (jnp.tanh(scale * seen) * weight).sum((1, 2, 3))

        @jax.jit
        @jax.value_and_grad
        def penalty(scale):
            return losses.r1(lambda x: discriminate(scale, x, keys), images).sum()

        logits, total = jax.jit(discriminate), 0.0
        steps = 1e-6 * np.eye(128).reshape(128, 8, 8, 2)
        for i in range(3):
            same = jnp.broadcast_to(keys[i], 128)
            up, down = (
                logits(1.3, images[i : i + 1] + d, same) for d in (steps, -steps)
            )
            total += np.square((up - down) / 2e-6).sum()
        value, slope = penalty(1.3)
        np.testing.assert_allclose(value, total, rtol=1e-5)
        rise = (penalty(1.3 + 1e-3)[0] - penalty(1.3 - 1e-3)[0]) / 2e-3
        np.testing.assert_allclose(slope, rise, rtol=1e-3)  # r1 is float32


def test_derivatives_are_finite_at_the_ends_of_the_scale():
    images = np.where(images_of(16, size=8) > 0, 1, -1).astype(np.float32)

    def total(x):
        return jnp.square(augment(x, keys_of(16), 0.9, ("intensity",))).sum()

    def penalty(x):
        return jnp.square(jax.grad(total)(x)).sum()

    gradient = jax.jit(jax.grad(penalty))(images)
    assert np.isfinite(gradient).all() and (np.abs(gradient) > 0).any()
