"""Measures of images against closed forms, scipy and counting; what stands out."""

import numpy as np
import pytest
import scipy.stats
from scipy import ndimage

from gandl_jax.prepared import image_quality, remarks

PX = 96


def histogram(pixels):
    return np.bincount(pixels.ravel(), minlength=2 ** (8 * pixels.itemsize))


def blurred_noise(sigma, seed=0):
    noise = np.random.default_rng(seed).normal(size=(512, 512))
    smooth = ndimage.gaussian_filter(noise, sigma, mode="wrap")
    return np.rint(30_000 + 5_000 * smooth / smooth.std()).astype(np.uint16)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_focus_of_blurred_noise_is_its_closed_form(sigma):
    """Its autocorrelation is exp(-d^2 / (4 sigma^2)) at d pixels."""
    near, far = (1 - np.exp(-(d**2) / (4 * sigma**2)) for d in (1, 8))
    found = image_quality.focus(blurred_noise(sigma))
    assert found == pytest.approx(near / far, rel=0.05)


def test_focus_of_noise_of_a_slope_and_of_what_has_none():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (300, 200)).astype(np.uint8)
    assert image_quality.focus(noise) == pytest.approx(1, abs=0.02)
    slope = np.add.outer(np.arange(60), 2 * np.arange(50)).astype(np.uint16)
    assert image_quality.focus(slope) == pytest.approx(image_quality.SMOOTH)
    assert np.isnan(image_quality.focus(np.full((60, 50), 7, np.uint8)))
    assert np.isnan(image_quality.focus(noise[:, :15]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_entropy_and_shares_are_those_that_are_counted(dtype):
    rng, top = np.random.default_rng(0), np.iinfo(dtype).max
    pixels = (top * rng.random((64, 80)) ** 3).astype(dtype)
    counts = histogram(pixels)
    _, bits, *above = image_quality.measure(pixels, counts)
    assert bits == pytest.approx(scipy.stats.entropy(counts, base=2), rel=1e-3)
    levels = image_quality.counted_levels(8 * pixels.itemsize)
    assert levels[0] == 1 and levels[-1] > top / 2 and (np.diff(levels) > 0).all()
    wanted = [np.mean(pixels >= level) for level in levels]
    np.testing.assert_allclose(above, wanted, rtol=1e-3)


def test_the_threshold_is_that_of_all_that_could_be():
    rng = np.random.default_rng(0)
    dark, bright = rng.poisson(20, 5_000), rng.poisson(150, 700)
    counts = np.bincount(np.concatenate([dark, bright]), minlength=256)
    level, share = np.log(np.arange(256) + 1.0), counts / counts.sum()

    def between(t):
        one, other = share[:t].sum(), share[t:].sum()
        means = share[:t] @ level[:t] / one, share[t:] @ level[t:] / other
        return one * other * (means[0] - means[1]) ** 2

    low, high = np.flatnonzero(counts)[[0, -1]]
    best = max(range(low + 1, high + 1), key=between)
    threshold = image_quality.otsu(counts)
    assert between(round(threshold)) == pytest.approx(between(best))
    assert dark.max() < threshold < bright.min()
    assert image_quality.otsu(np.bincount([7] * 9, minlength=256)) == 0


def cells(seed, blur=1.0, count=25):
    """Discs on a dark background, with a camera's noise."""
    rng = np.random.default_rng(seed)
    image = np.zeros((PX, PX))
    grid = np.mgrid[:PX, :PX]
    for y, x in rng.uniform(0, PX, (count, 2)):
        image[np.hypot(grid[0] - y, grid[1] - x) < rng.uniform(3, 6)] = 1
    image = 300 + 3_000 * ndimage.gaussian_filter(image, blur)
    return np.rint(image + rng.normal(0, 3, image.shape)).astype(np.uint16)


@pytest.fixture
def judged():
    """40 images of two channels; what is odd among them."""

    def judge(images):
        counts = [[histogram(image) for image in site] for site in images]
        measured = [
            [image_quality.measure(*pair) for pair in zip(*site, strict=True)]
            for site in zip(images, counts, strict=True)
        ]
        return image_quality.judge(np.array(measured), np.sum(counts, axis=0))

    return judge


def test_only_what_is_odd_stands_out(judged):
    images = np.array([[cells(i), cells(100 + i)] for i in range(40)])
    for marked in judged(images).odd.values():
        assert not marked.any()
    rng = np.random.default_rng(0)
    images[3, 0] = rng.permutation(images[3, 0].ravel()).reshape(PX, PX)
    images[5, 1] = np.rint(ndimage.gaussian_filter(rng.normal(400, 30, (PX, PX)), 3))
    images[7, 0] = cells(7, blur=8.0)
    images[9] = 500  # constant: told by another remark
    found = judged(images)
    places = {kind: np.argwhere(odd).tolist() for kind, odd in found.odd.items()}
    assert places == {"noise": [[3, 0]], "empty": [[5, 1]], "blurred": [[7, 0]]}
    told = remarks.quality(found, ("dna", "actin"), "{}/{}".format)
    assert [line.split(":")[0] for line in told] == [
        "1 of 40 images of channel 'dna' is noise",
        "1 of 40 images of channel 'actin' is nearly empty",
        "1 of 40 images of channel 'dna' is out of focus",
    ]
    names = [f"r{i}" for i in range(40)]
    table = image_quality.table(found, ("dna", "actin"), names, "{}/{}".format)
    assert table["record"].tolist() == ["r3", "r5", "r7"]
    assert table["image"].tolist() == ["3/0", "5/1", "7/0"]
    assert table["focus"].iloc[0] > 0.9 and table["foreground_frac"].iloc[1] < 0.01


def test_of_few_images_nothing_is_usual(judged):
    """Noise stands out by itself."""
    images = np.array([[cells(i)] for i in range(6)])
    images[2, 0] = cells(2, blur=8.0)
    images[4, 0] = np.random.default_rng(0).integers(0, 999, (PX, PX))
    odd = judged(images).odd
    assert {kind: int(marked.sum()) for kind, marked in odd.items()} == {
        "noise": 1, "empty": 0, "blurred": 0,
    }  # fmt: skip
