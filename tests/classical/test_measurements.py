"""The library's measurements against scikit-image, NumPy and closed forms."""

import numpy as np
import pytest

pytest.importorskip("cp_measure", reason="pip install -r launch/classical.txt")

from skimage import draw, feature, morphology  # noqa: E402

from gandl_jax.classical import measurements  # noqa: E402


def measured(image, channels=("a",), nuclei=""):
    values = measurements.measure(image, channels, nuclei)
    return dict(zip(measurements.columns(channels, nuclei), values, strict=True))


def disc(radius, size=64, middle=None):
    picture = np.zeros((size, size))
    picture[draw.disk(middle or (size // 2, size // 2), radius + 0.5)] = 1
    return picture


def test_names_say_object_measurement_and_channels():
    names = measurements.columns(("dna", "actin"), "dna")
    assert len(set(names)) == len(names)
    for name in (
        "Image__Texture_Contrast_3_00_256__dna",
        "Image__Granularity_16__actin",
        "Image__Correlation_Pearson__dna__actin",
        "Nuclei__Zernike_2_0",
        "Nuclei__RadialDistribution_FracAtD_1of4__actin",
        "Nuclei__Count",
    ):
        assert name in names
    assert all(x.startswith("Image__") for x in measurements.columns(("dna",), ""))


def test_textures_are_those_of_scikit_images_cooccurrences():
    levels = np.random.default_rng(0).integers(1, 7, (40, 30)).astype(np.uint8)
    found = measured(levels[..., None] / 255)
    places = {  # direction: scikit-image's distance and angle
        "00": (3, 0),
        "01": (3 * np.sqrt(2), np.pi / 4),
        "02": (3, np.pi / 2),
        "03": (3 * np.sqrt(2), 3 * np.pi / 4),
    }
    for direction, (distance, angle) in places.items():
        counts = feature.graycomatrix(
            levels, [distance], [angle], 256, symmetric=True, normed=True
        )
        p = counts[:, :, 0, 0]
        some = p[p > 0]
        expected = {
            "Contrast": feature.graycoprops(counts, "contrast")[0, 0],
            "Correlation": feature.graycoprops(counts, "correlation")[0, 0],
            "AngularSecondMoment": (some**2).sum(),
            "InverseDifferenceMoment": feature.graycoprops(counts, "homogeneity")[0, 0],
            "Entropy": -(some * np.log2(some)).sum(),
        }
        for name, value in expected.items():
            got = found[f"Image__Texture_{name}_3_{direction}_256__a"]
            assert got == pytest.approx(value, rel=1e-6), name


def test_granularity_peaks_where_discs_vanish():
    """A disc of radius r is gone after r + 1 erosions, with all that was its own."""
    small = np.zeros((64, 64))  # as the library sees it, at a quarter of the size
    small[8:13, 8:13] = morphology.disk(2)
    small[30:41, 30:41] = morphology.disk(5)
    found = measured(np.kron(small, np.ones((4, 4)))[..., None])
    spectrum = [found[f"Image__Granularity_{i}__a"] for i in range(1, 17)]
    expected = np.zeros(16)
    areas = [morphology.disk(r).sum() for r in (2, 5)]
    expected[[2, 5]] = 100 * np.array(areas) / sum(areas)
    np.testing.assert_allclose(spectrum, expected, atol=6)


def test_rings_of_a_flat_disc_hold_their_share_of_its_area():
    image = 0.1 + 0.8 * disc(24)
    found = measured(image[..., None], nuclei="a")
    for ring in range(1, 5):
        share = (ring**2 - (ring - 1) ** 2) / 16
        of = f"Nuclei__RadialDistribution_{{}}_{ring}of4__a"
        assert found[of.format("FracAtD")] == pytest.approx(share, abs=0.03)
        assert found[of.format("MeanFrac")] == pytest.approx(1)
        assert found[of.format("RadialCV")] == pytest.approx(0, abs=1e-9)


def test_zernike_moments_of_an_image_are_those_of_the_polynomials():
    image = np.random.default_rng(1).random((32, 32))
    found = measured(image[..., None])
    y, x = (np.indices(image.shape) - 15.5) / (15.5 * np.sqrt(2))
    z, r2 = y + 1j * x, x**2 + y**2
    polynomials = {"0_0": 1, "1_1": z, "2_0": 2 * r2 - 1, "2_2": z**2}
    polynomials["4_0"] = 6 * r2**2 - 6 * r2 + 1
    for name, polynomial in polynomials.items():
        got = found[f"Image__RadialDistribution_ZernikeMagnitude_{name}__a"]
        # The corners may lie outside of the circle, by rounding.
        expected = np.abs((image * polynomial).sum()) / image.size
        assert got == pytest.approx(expected, abs=4 / image.size), name


def test_the_outline_of_a_disc_has_one_zernike_moment():
    found = measured((0.1 + 0.8 * disc(24))[..., None], nuclei="a")
    for name in found:
        if name.startswith("Nuclei__Zernike_"):
            expected = 1 if name.endswith("_0_0") else 0
            assert found[name] == pytest.approx(expected, abs=0.06), name


def test_channels_correlate_as_numpy_says():
    rng = np.random.default_rng(2)
    first, second = rng.random((2, 40, 40))
    second += first
    second /= 2
    found = measured(np.stack([first, second], -1), ("a", "b"))
    both = first.ravel(), second.ravel()
    expected = {
        "Pearson": np.corrcoef(*both)[0, 1],
        "Slope": np.polyfit(*both, 1)[0],
    }
    bright = [x >= 0.15 * x.max() for x in both]
    for number, (x, own) in enumerate(zip(both, bright, strict=True), start=1):
        expected[f"Manders_{number}"] = x[np.logical_and(*bright)].sum() / x[own].sum()
    for name, value in expected.items():
        assert found[f"Image__Correlation_{name}__a__b"] == pytest.approx(value), name
    same = measured(np.stack([first, first], -1), ("a", "b"))
    for name in ("Pearson", "Slope", "Manders_1", "Manders_2", "RWC_1"):
        assert same[f"Image__Correlation_{name}__a__b"] == pytest.approx(1, abs=0.01)


def test_what_is_measured_of_nuclei_is_their_mean():
    upright, flat = np.zeros((2, 64, 64))
    upright[draw.ellipse(16, 16, 12, 6)] = 0.9
    flat[draw.ellipse(46, 46, 7, 14)] = 0.5
    alone = [measured((x + 0.1)[..., None], nuclei="a") for x in (upright, flat)]
    both = measured((upright + flat + 0.1)[..., None], nuclei="a")
    assert [x["Nuclei__Count"] for x in (*alone, both)] == [1, 1, 2]
    for name in ("Zernike_2_2", "Texture_Contrast_3_00_256__a"):
        mean = np.mean([one[f"Nuclei__{name}"] for one in alone])
        assert both[f"Nuclei__{name}"] == pytest.approx(mean), name


@pytest.mark.parametrize("grey", [0.0, 0.5])
def test_an_image_without_foreground(grey):
    """There are no nuclei, and what is undefined is NaN: nothing raises."""
    image = np.full((32, 32, 2), grey)
    image[..., 1] = np.random.default_rng(3).random((32, 32))
    found = measured(image, ("a", "b"), "a")
    assert found["Nuclei__Count"] == 0
    own = {k: v for k, v in found.items() if k.startswith("Nuclei__")}
    assert np.isnan(list(own.values())).sum() == len(own) - 1
    assert np.isnan(found["Image__Correlation_Pearson__a__b"])
    assert np.isnan(found["Image__Texture_Contrast_3_00_256__a"]) == (grey == 0)
    assert np.isfinite(found["Image__Texture_Contrast_3_00_256__b"])
