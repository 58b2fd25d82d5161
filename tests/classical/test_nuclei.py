"""Nuclei that are drawn are found."""

import numpy as np
import pytest

pytest.importorskip("cp_measure", reason="pip install -r launch/classical.txt")

from skimage import draw  # noqa: E402

from gandl_jax.classical import nuclei  # noqa: E402


def picture(*middles, radius=9, size=80):
    drawn = np.zeros((size, size))
    for middle in middles:
        drawn[draw.disk(middle, radius)] = 1
    return drawn


def test_nuclei_that_touch_are_two():
    drawn = picture((20, 20), (20, 35), (60, 50))
    labels = nuclei.find(drawn + np.random.default_rng(0).normal(0, 0.05, drawn.shape))
    assert sorted(np.unique(labels)) == [0, 1, 2, 3]
    assert ((labels > 0) == (drawn > 0)).mean() > 0.999
    assert labels[20, 20] != labels[20, 35] != labels[60, 50]
    areas = np.bincount(labels.ravel())[1:]
    np.testing.assert_allclose(areas, drawn.sum() / 3, rtol=0.1)


def test_a_long_nucleus_is_one():
    drawn = np.zeros((64, 64))
    drawn[draw.ellipse(32, 32, 8, 25)] = 1
    assert nuclei.find(drawn).max() == 1


def test_specks_are_none_and_labels_have_no_gaps():
    drawn = picture((20, 20), (60, 60))
    drawn[40:43, 40:43] = 1
    assert sorted(np.unique(nuclei.find(drawn))) == [0, 1, 2]


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_a_flat_picture_has_none(grey):
    assert not nuclei.find(np.full((30, 40), grey)).any()
