"""Simple measures of images, and the images that stand out by them.

focus       mean squared difference of neighbouring pixels over that of pixels 8 apart:
            about 1 where neighbours have nothing in common (noise), 1/64 where levels
            rise evenly (the limit of blur)
entropy     of the grey levels, in bits (Shannon 1948)
foreground  share of pixels above the level that parts a channel's dark pixels from its
            bright ones (Otsu 1979, on logarithmic levels, over the whole screen)

The limits are ours; docs/data.md says how they were chosen. Imports nothing slow.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

APART = 8  # pixels: more than a camera's blur, less than a cell
LINES = 128  # of an image, at most, that focus is taken from
PER_OCTAVE = 2  # levels at which the pixels above are counted
FEWEST = 20  # images of a channel, to know what is usual

NOISE = 0.9  # focus
SMOOTH = 1 / APART**2  # focus of an even slope
BLURRED_FRAC = 0.1  # of what the usual image has above SMOOTH
EMPTY_FRAC = 0.1  # of the usual foreground
EMPTY = 0.01  # foreground
PLAIN_FRAC = 0.2  # of the usual entropy
SPREADS = 5  # robust standard deviations of log focus

COLUMNS = (
    "record",
    "image",
    "channel",
    "what",
    "focus",
    "entropy_bits",
    "foreground_frac",
)
KINDS = {
    "noise": "noise: neighbouring pixels have nothing in common",
    "empty": "nearly empty: hardly a pixel is as bright as cells are",
    "blurred": "out of focus: far smoother than the others",
}


def counted_levels(bit_depth: int) -> np.ndarray:
    """Returns [K] int64, the ascending levels at which the pixels above are counted."""
    levels = 2.0 ** (np.arange(PER_OCTAVE * bit_depth) / PER_OCTAVE)
    return np.unique(np.rint(levels).astype(np.int64))


def measure(pixels: np.ndarray, histogram: np.ndarray) -> np.ndarray:
    """Measures an image.

    Args:
      pixels: [H, W] uint8 or uint16.
      histogram: [levels] int64, number of pixels of each level.

    Returns:
      [2 + K] float16: focus (NaN if undefined), entropy, and the shares of
      pixels at each of the `counted_levels` or above.
    """
    above = np.cumsum(histogram[::-1])[::-1] / pixels.size
    bits = len(histogram).bit_length() - 1
    measured = focus(pixels), entropy(histogram), *above[counted_levels(bits)]
    return np.array(measured, np.float16)


def focus(pixels: np.ndarray) -> float:
    """Measures the focus of [H, W] pixels; NaN for a constant or a tiny image."""
    near, far = np.zeros(2), np.zeros(2)
    for axis, lines in enumerate((pixels, pixels.T)):
        chosen_lines = lines[:: -(-len(lines) // LINES)].astype(np.float32)
        if chosen_lines.shape[1] < 2 * APART:
            return np.nan
        near[axis] = np.mean(np.square(chosen_lines[:, 1:] - chosen_lines[:, :-1]))
        far[axis] = np.mean(
            np.square(chosen_lines[:, APART:] - chosen_lines[:, :-APART])
        )
    return float(near.sum() / far.sum()) if far.sum() else np.nan


def entropy(histogram: np.ndarray) -> float:
    """Measures the entropy of the grey levels of a histogram, in bits."""
    share = histogram[histogram > 0] / histogram.sum()
    return float(-np.sum(share * np.log2(share)))


@dataclasses.dataclass(frozen=True)
class Quality:
    """Measures of N images of C channels, and those that stand out.

    Attributes:
      focus: [N, C] float32.
      entropy: [N, C] float32, bits.
      foreground: [N, C] float32, from 0 to 1.
      odd: reason, a key of KINDS, to [N, C] bool.
    """

    focus: np.ndarray
    entropy: np.ndarray
    foreground: np.ndarray
    odd: Mapping[str, np.ndarray]


def judge(measured: np.ndarray, histograms: np.ndarray) -> Quality:
    """Finds the images that stand out among those of their channel.

    Args:
      measured: [N, C, 2 + K] as from `measure`.
      histograms: [C, levels] int64, pixel counts of all images.
    """
    wide = measured.astype(np.float32)
    focus_values, entropies, above = wide[..., 0], wide[..., 1], wide[..., 2:]
    level_index = [_nearest_level(histogram) for histogram in histograms]
    foreground = np.stack(
        [above[:, channel, level] for channel, level in enumerate(level_index)], axis=1
    )
    noise = focus_values > NOISE
    empty = _empty(foreground, entropies) & ~noise
    odd = {
        "noise": noise,
        "empty": empty,
        "blurred": _blurred(focus_values) & ~empty,
    }
    return Quality(focus_values, entropies, foreground, odd)


def table(
    measured: Quality,
    channels: Sequence[str],
    records: Sequence[str],
    name: Callable[[int, int], str],
) -> pd.DataFrame:
    """Lists the images that stand out, one row for each image and reason.

    Args:
      measured: of N images of C channels.
      channels: C names.
      records: N names.
      name: names the image of a record and a channel, both from 0.
    """
    rows = [
        {
            "record": records[record],
            "image": name(record, channel),
            "channel": channels[channel],
            "what": reason,
            "focus": _figure(measured.focus[record, channel]),
            "entropy_bits": _figure(measured.entropy[record, channel]),
            "foreground_frac": _figure(measured.foreground[record, channel]),
        }
        for reason, marked in measured.odd.items()
        for record, channel in np.argwhere(marked)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _figure(value: float) -> float:
    """Rounds to three digits; the measures have no more."""
    return float(f"{value:.3g}")


def _empty(foreground: np.ndarray, entropies: np.ndarray) -> np.ndarray:
    """Finds nearly empty images: [N, C] bool; false for constant ones."""
    if len(foreground) < FEWEST:
        return np.zeros(foreground.shape, bool)
    dark = foreground < np.minimum(EMPTY, EMPTY_FRAC * np.median(foreground, axis=0))
    plain = entropies < PLAIN_FRAC * np.median(entropies, axis=0)
    return (dark | plain) & (entropies > 0)


def _blurred(focus_values: np.ndarray) -> np.ndarray:
    """Finds blurred images: [N, C] bool; false for images without a focus."""
    blurred = np.zeros(focus_values.shape, bool)
    for channel, column in enumerate(focus_values.T):
        known = np.isfinite(column)
        if known.sum() >= FEWEST:
            blurred[known, channel] = _far_smoother(column[known])
    return blurred


def _far_smoother(focus_values: np.ndarray) -> np.ndarray:
    """Finds images far smoother than usual, and than the spread explains: [n] bool."""
    sharp = np.log(np.maximum(focus_values - SMOOTH, SMOOTH / 100))
    usual = np.median(sharp)
    spread = 1.4826 * np.median(np.abs(sharp - usual))
    return sharp < usual - max(-np.log(BLURRED_FRAC), SPREADS * spread)


def _nearest_level(histogram: np.ndarray) -> int:
    """Returns the index in `counted_levels` nearest to a channel's threshold."""
    levels = counted_levels(len(histogram).bit_length() - 1)
    threshold = otsu(histogram)
    return int(np.argmin(np.abs(np.log(levels) - np.log(max(threshold, 1)))))


def otsu(histogram: np.ndarray) -> float:
    """Returns the threshold between dark and bright pixels, on logarithmic levels.

    Args:
      histogram: [levels] int64 pixel counts.

    Returns:
      The level that splits the pixels with the largest variance between both classes,
      in the middle of the empty levels there; 0 if there is only one level.
    """
    levels = np.flatnonzero(histogram)
    if len(levels) < 2:
        return 0.0
    share, level = histogram[levels] / histogram.sum(), np.log(levels + 1.0)
    below = np.cumsum(share)[:-1]
    sums = np.cumsum(share * level)
    between = (sums[-1] * below - sums[:-1]) ** 2 / (below * (1 - below))
    best = int(np.argmax(between))
    return float(np.exp(np.mean(level[best : best + 2])) - 1)
