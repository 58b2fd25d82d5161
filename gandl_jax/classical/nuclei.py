"""Finds nuclei in an image by a threshold and a watershed."""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import h_maxima
from skimage.segmentation import relabel_sequential, watershed

WAIST_PX = 1  # a waist is narrower than both nuclei by this on each side (ours)
SMALLEST_PX = 20  # pixels of a nucleus; fewer are noise (ours)


def find(pixels: np.ndarray) -> np.ndarray:
    """Labels nuclei: above Otsu's threshold, split where their outline has a waist.

    The watershed floods the distance to the background from its peaks; peaks that stand
    out by less than a waist count as one.

    Args:
      pixels: [H, W] float of the nuclei's channel.

    Returns:
      [H, W] int32, 1 to N for N nuclei, 0 outside; 0 everywhere if all pixels are
      equal.
    """
    if pixels.min() == pixels.max():
        return np.zeros(pixels.shape, np.int32)
    bright = pixels > threshold_otsu(pixels)
    distance = ndimage.distance_transform_edt(bright)
    markers, _ = ndimage.label(h_maxima(distance, WAIST_PX), np.ones((3, 3)))
    nuclei = watershed(-distance, markers, mask=bright)
    is_small = np.bincount(nuclei.ravel()) < SMALLEST_PX
    nuclei[is_small[nuclei]] = 0
    return relabel_sequential(nuclei)[0].astype(np.int32)
