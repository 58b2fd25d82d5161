"""Nuclei of an image by the plainest means: a threshold and a watershed."""

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import relabel_sequential, watershed

APART_PX = 5  # between the middles of two nuclei, at least (ours)
SMALLEST_PX = 20  # pixels of a nucleus; fewer are noise (ours)


def find(pixels: np.ndarray) -> np.ndarray:
    """Labels nuclei: above Otsu's threshold, split where their outline has a waist.

    The watershed floods the distance to the background from its peaks.

    Args:
      pixels: [H, W] float of the nuclei's channel.

    Returns:
      [H, W] int32, 1 to N of N nuclei, 0 outside; 0 everywhere where the pixels are all
      alike.
    """
    if pixels.min() == pixels.max():
        return np.zeros(pixels.shape, np.int32)
    bright = pixels > threshold_otsu(pixels)
    distance = ndimage.distance_transform_edt(bright)
    pieces, _ = ndimage.label(bright)
    peaks = peak_local_max(
        distance, min_distance=APART_PX, labels=pieces, exclude_border=False
    )
    middles = np.zeros(pixels.shape, np.int32)
    middles[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    nuclei = watershed(-distance, middles, mask=bright)
    small = np.bincount(nuclei.ravel()) < SMALLEST_PX
    nuclei[small[nuclei]] = 0
    return relabel_sequential(nuclei)[0].astype(np.int32)
