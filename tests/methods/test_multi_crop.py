"""Crops, their scale, flips and blur beside SciPy's and Pillow's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.methods import multi_crop, one_network
from gandl_jax.methods.contract import Source
from gandl_jax.methods.multi_crop_options import Group
from gandl_jax.methods.phase import sample_keys

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (4, 16, 16, 2)).astype(np.float32)
KEYS = sample_keys(jax.random.key(0), np.arange(4))


def part(images, keys):
    return {"images": images, "keys": keys}


def method_of(**settings):
    method = configs.default("autoencoder").method
    method.update(settings)
    return method


@pytest.mark.parametrize("px, start, side", [(8, 3.3, 5.2), (16, 0.0, 16.0), (9, 2, 9)])
def test_a_piece_that_grows_is_read_between_pixels(px, start, side):
    weights = multi_crop.scaling(16, px, jnp.float32(start), jnp.float32(side))
    places = start + (np.arange(px) + 0.5) * side / px - 0.5
    grid = np.meshgrid(places, places, indexing="ij")
    for channel in range(2):
        image = np.float64(IMAGES[0, ..., channel])
        wanted = ndimage.map_coordinates(image, grid, order=1, mode="nearest")
        found = weights @ image.astype(np.float32) @ weights.T
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("px, start, side", [(4, 1.7, 11.1), (5, 0.0, 16.0), (3, 4, 9)])
def test_a_piece_that_shrinks_is_pillow_s(px, start, side):
    """Whose filter for reducing is a triangle as wide as a new pixel, too."""
    weights = multi_crop.scaling(16, px, jnp.float32(start), jnp.float32(side))
    box = (start, start, start + side, start + side)
    image = Image.fromarray(IMAGES[0, ..., 0])
    wanted = image.resize((px, px), Image.Resampling.BILINEAR, box=box)
    found = weights @ IMAGES[0, ..., 0] @ weights.T
    np.testing.assert_allclose(found, np.asarray(wanted), atol=1e-5)


@pytest.mark.parametrize("taps", [3, 7])
def test_blur_is_scipy_s(taps):
    """Every crop is blurred, none is flipped; the deviation is drawn for each."""
    method = method_of(blur_prob=1.0, blur_taps=taps, blur_least_px=0.5)
    whole = Group(1, 1.0, 1.0, 16)
    crop = jax.jit(lambda: multi_crop.cropped(IMAGES, KEYS, whole, method))
    found = crop()
    draw = jax.jit(
        lambda key: multi_crop.draw_kernel(jax.random.split(key, 3)[2], method)
    )
    deviations = set()
    for image, key, mine in zip(IMAGES, KEYS, found, strict=True):
        kernel = draw(key)
        middle = taps // 2
        ratio = float(kernel[middle] / kernel[middle + 1])  # exp(1 / (2 s^2))
        deviation = (0.5 / np.log(ratio)) ** 0.5
        assert 0.5 <= deviation <= 2
        wanted = ndimage.gaussian_filter(
            np.float64(image), deviation, axes=(0, 1), mode="mirror", radius=middle
        )
        np.testing.assert_allclose(mine, wanted, atol=1e-5)
        deviations.add(round(deviation, 3))
    assert len(deviations) == 4


def test_flips_are_of_columns_and_of_half_the_crops():
    whole = Group(1, 1.0, 1.0, 8)
    images = np.tile(IMAGES[:1, :8, :8], (400, 1, 1, 1))
    keys = sample_keys(jax.random.key(1), np.arange(400))
    crop = jax.jit(
        lambda: multi_crop.cropped(images, keys, whole, method_of(flip_prob=0.5))
    )
    found = crop()
    there = [
        np.abs(found - x).max((1, 2, 3)) < 1e-6 for x in (images, images[:, :, ::-1])
    ]
    assert (there[0] ^ there[1]).all() and 160 < there[0].sum() < 240


def test_turns_are_the_eight_orientations_alike_often():
    whole, method = Group(1, 1.0, 1.0, 8), method_of(turn_prob=1.0)
    images = np.tile(IMAGES[:1, :8, :8], (800, 1, 1, 1))
    keys = sample_keys(jax.random.key(1), np.arange(800))
    found = jax.jit(lambda: multi_crop.cropped(images, keys, whole, method))()
    found = np.asarray(found)
    upright = [np.rot90(images[0], k) for k in range(4)]
    known = [*upright, *(x.swapaxes(0, 1) for x in upright)]
    there = [np.abs(found - x).max((1, 2, 3)) < 1e-6 for x in known]
    counts = np.sum(there, 1)
    assert counts.sum() == 800 and counts.min() > 60 and counts.max() < 140


def test_a_crop_lies_within_the_image_and_has_its_share_of_the_area():
    group = Group(1, 0.25, 0.5, 8)
    keys = sample_keys(jax.random.key(2), np.arange(2000))
    draw = jax.jit(jax.vmap(lambda key: multi_crop.draw_place(key, 16, group)))
    corners, sides = map(np.asarray, draw(keys))
    assert corners.min() >= 0 and (corners + sides[:, None]).max() <= 16 + 1e-5
    areas = np.sort(sides**2 / 256)
    even = 0.25 + 0.25 * (np.arange(2000) + 0.5) / 2000
    assert np.abs(areas - even).max() < 0.25 * 0.04  # Kolmogorov: 1 in 10 at .027
    free = 16 - sides
    shares = np.sort(corners[:, 0] / free)
    assert np.abs(shares - (np.arange(2000) + 0.5) / 2000).max() < 0.04


def test_crops_are_the_sample_s_own_and_of_the_sides_that_are_asked_for():
    config = configs.smoke(configs.default("autoencoder"))
    config.method.update(crops=("1x1", "2x.25-.5@.5"), flip_prob=0.5, blur_prob=0.5)
    crops = jax.jit(lambda images, keys: multi_crop.crops(config, part(images, keys)))
    found = crops(IMAGES, KEYS)
    assert [x.shape for x in found] == [(4, 16, 16, 2), (4, 8, 8, 2), (4, 8, 8, 2)]
    assert np.abs(found[1] - found[2]).max((1, 2, 3)).min() > 0.05
    # In other company, as on another device.
    others = crops(np.roll(IMAGES, 1, 0), jnp.roll(KEYS, 1))
    for mine, theirs in zip(found, others, strict=True):
        np.testing.assert_allclose(np.roll(mine, 1, 0), theirs, atol=1e-5)


def test_one_crop_of_the_whole_is_the_image_as_it_was_augmented_before():
    config = configs.smoke(configs.default("autoencoder"))
    own = part(IMAGES, KEYS)
    np.testing.assert_array_equal(multi_crop.joined(config, own), IMAGES)
    config.method.update(augment_prob=0.5, augment_kinds=("intensity",))
    both = jax.jit(
        lambda: (multi_crop.joined(config, own), one_network.augmented(config, own))
    )
    np.testing.assert_array_equal(*both())
    config.method.crops = ("1x1@.5",)
    config.method.augment_prob = 0.0
    (found,) = multi_crop.crops(config, own)
    pillow = Image.fromarray(IMAGES[1, ..., 1]).resize((8, 8), Image.BILINEAR)
    np.testing.assert_allclose(found[1, ..., 1], np.asarray(pillow), atol=1e-5)


def test_joined_crops_lie_image_by_image_behind_their_labels():
    config = configs.smoke(configs.default("autoencoder"))
    config.method.crops = ("3x.5",)
    images = np.broadcast_to(np.arange(4.0).reshape(4, 1, 1, 1), IMAGES.shape)
    join = jax.jit(lambda images: multi_crop.joined(config, part(images, KEYS)))
    found = join(np.float32(images))
    labels = multi_crop.tiled({"class": jnp.arange(4)}, 3)["class"]
    np.testing.assert_allclose(found[:, 0, 0, 0], labels, atol=1e-5)


@pytest.mark.parametrize(
    "name, settings",
    [
        ("byol", {"model.backbone": "morphology_cnn", "method.augment_prob": 0.0}),
        ("byol", {"method.crops": ("morpho_learner",)}),
        ("autoencoder", {"method.crops": ("morpho_learner",)}),
    ],
)
def test_it_takes_a_tenth_of_a_step_at_most(name, settings):
    """By floating-point operations, of small networks at 64 px."""
    config = configs.small(configs.default(name))
    config.update_from_flattened_dict(settings)
    config.method.update(flip_prob=0.5, blur_prob=0.2)
    method = modules.load("methods", name).Method(config, Source(channels=("dna",)))
    state = jax.eval_shape(method.init, jax.random.key(0))
    index = jnp.arange(8)
    batch = {"images": jnp.zeros((8, 64, 64, 1)), "index": index, "labels": {}}

    def flops(fn, *arguments):
        return jax.jit(fn).lower(*arguments).cost_analysis()["flops"]

    def cut(batch):
        keys = sample_keys(jax.random.key(0), batch["index"])
        return multi_crop.crops(config, batch | {"keys": keys})

    step = jax.vmap(method.phases[0].fn, (None, None, None), axis_name="batch",
                    axis_size=1)  # fmt: skip
    whole = flops(step, state, batch, jax.random.key(0))
    assert 0 < flops(cut, batch) < whole / 10
