"""Simple measures of images, and which images stand out by them.

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
FEWEST = 20  # images of a channel, to say what is usual there

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
    """[K] int64, the ascending levels at which the pixels above are counted."""
    levels = 2.0 ** (np.arange(PER_OCTAVE * bit_depth) / PER_OCTAVE)
    return np.unique(np.rint(levels).astype(np.int64))


def measure(pixels: np.ndarray, histogram: np.ndarray) -> np.ndarray:
    """Measures an image.

    Args:
      pixels: [H, W] uint8 or uint16.
      histogram: [levels] int64, how many pixels have each level.

    Returns:
      [2 + K] float16: focus (NaN where that has no meaning), entropy, and the shares of
      pixels at each of the `counted_levels` or above.
    """
    above = np.cumsum(histogram[::-1])[::-1] / pixels.size
    bits = len(histogram).bit_length() - 1
    measured = focus(pixels), entropy(histogram), *above[counted_levels(bits)]
    return np.array(measured, np.float16)


def focus(pixels: np.ndarray) -> float:
    """The measure of that name of [H, W] pixels; NaN of an even or a tiny image."""
    near, far = np.zeros(2), np.zeros(2)
    for axis, lines in enumerate((pixels, pixels.T)):
        some = lines[:: -(-len(lines) // LINES)].astype(np.float32)
        if some.shape[1] < 2 * APART:
            return np.nan
        near[axis] = np.mean(np.square(some[:, 1:] - some[:, :-1]))
        far[axis] = np.mean(np.square(some[:, APART:] - some[:, :-APART]))
    return float(near.sum() / far.sum()) if far.sum() else np.nan


def entropy(histogram: np.ndarray) -> float:
    """Of the grey levels of a histogram, in bits."""
    share = histogram[histogram > 0] / histogram.sum()
    return float(-np.sum(share * np.log2(share)))


@dataclasses.dataclass(frozen=True)
class Quality:
    """Measures of N images of C channels, and what stands out.

    Attributes:
      focus: [N, C] float32.
      entropy: [N, C] float32, bits.
      foreground: [N, C] float32, from 0 to 1.
      odd: kind, of KINDS, to [N, C] bool.
    """

    focus: np.ndarray
    entropy: np.ndarray
    foreground: np.ndarray
    odd: Mapping[str, np.ndarray]


def judge(measured: np.ndarray, histograms: np.ndarray) -> Quality:
    """Says which images stand out among those of their channel.

    Args:
      measured: [N, C, 2 + K] as from `measure`.
      histograms: [C, levels] int64, pixel counts of all images.
    """
    wide = measured.astype(np.float32)
    focus_, entropy_, above = wide[..., 0], wide[..., 1], wide[..., 2:]
    at = [_nearest_level(histogram) for histogram in histograms]
    foreground = np.stack([above[:, c, k] for c, k in enumerate(at)], axis=1)
    noise = focus_ > NOISE
    empty = _empty(foreground, entropy_) & ~noise
    odd = {
        "noise": noise,
        "empty": empty,
        "blurred": _blurred(focus_) & ~empty,
    }
    return Quality(focus_, entropy_, foreground, odd)


def table(
    found: Quality,
    channels: Sequence[str],
    records: Sequence[str],
    name: Callable[[int, int], str],
) -> pd.DataFrame:
    """The images that stand out, one row for each image and reason.

    Args:
      found: of N images of C channels.
      channels: C names.
      records: N names.
      name: what to call the image of a record and a channel, both from 0.
    """
    rows = [
        {
            "record": records[n],
            "image": name(n, c),
            "channel": channels[c],
            "what": kind,
            "focus": _figure(found.focus[n, c]),
            "entropy_bits": _figure(found.entropy[n, c]),
            "foreground_frac": _figure(found.foreground[n, c]),
        }
        for kind, marked in found.odd.items()
        for n, c in np.argwhere(marked)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _figure(value: float) -> float:
    """Three digits; more the measures do not have."""
    return float(f"{value:.3g}")


def _empty(foreground: np.ndarray, entropy_: np.ndarray) -> np.ndarray:
    """[N, C] bool; constant images are told apart from these."""
    if len(foreground) < FEWEST:
        return np.zeros(foreground.shape, bool)
    dark = foreground < np.minimum(EMPTY, EMPTY_FRAC * np.median(foreground, axis=0))
    plain = entropy_ < PLAIN_FRAC * np.median(entropy_, axis=0)
    return (dark | plain) & (entropy_ > 0)


def _blurred(focus_: np.ndarray) -> np.ndarray:
    """[N, C] bool; images without a focus are not."""
    blurred = np.zeros(focus_.shape, bool)
    for c, column in enumerate(focus_.T):
        known = np.isfinite(column)
        if known.sum() >= FEWEST:
            blurred[known, c] = _far_smoother(column[known])
    return blurred


def _far_smoother(focus_: np.ndarray) -> np.ndarray:
    """[n] bool: than the usual image of the channel, and than its spread explains."""
    sharp = np.log(np.maximum(focus_ - SMOOTH, SMOOTH / 100))
    usual = np.median(sharp)
    spread = 1.4826 * np.median(np.abs(sharp - usual))
    return sharp < usual - max(-np.log(BLURRED_FRAC), SPREADS * spread)


def _nearest_level(histogram: np.ndarray) -> int:
    """The place in `counted_levels` of the nearest to a channel's threshold."""
    levels = counted_levels(len(histogram).bit_length() - 1)
    threshold = otsu(histogram)
    return int(np.argmin(np.abs(np.log(levels) - np.log(max(threshold, 1)))))


def otsu(histogram: np.ndarray) -> float:
    """The level from which on pixels are bright, by logarithmic levels.

    Args:
      histogram: [levels] int64 pixel counts.

    Returns:
      The level that parts the pixels so that the variance between both parts is the
      largest, amid the levels that no pixel has; 0 where there is one level alone.
    """
    found = np.flatnonzero(histogram)
    if len(found) < 2:
        return 0.0
    share, level = histogram[found] / histogram.sum(), np.log(found + 1.0)
    below = np.cumsum(share)[:-1]
    sums = np.cumsum(share * level)
    between = (sums[-1] * below - sums[:-1]) ** 2 / (below * (1 - below))
    best = int(np.argmax(between))
    return float(np.exp(np.mean(level[best : best + 2])) - 1)
