"""Scale and likeness of channels on the judged records.

Weights of channels can be compared if channels are of one scale, and are identified if
channels differ. Both are measured on the pixels as the networks see them.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError

# A channel's spread is between these percentiles of its pixels, so that rare pixels do
# not count. They are the defaults of config.data.
PERCENTILES = 0.1, 99.9
BINS = 4096  # of a channel's levels from -1 to 1 (ours)
APART = 4.0  # times the spread of another channel: no longer one scale (ours)
SAME = 0.999  # correlation of two channels that are the same (ours)


@dataclasses.dataclass(frozen=True)
class Looks:
    """Spread and correlation of channels.

    Attributes:
      spread: [C] float64 in [0, 2], between PERCENTILES; 0 for a constant channel.
      correlation: [C, C] float64, of pixels; 0 if a channel is constant.
    """

    spread: np.ndarray
    correlation: np.ndarray

    def table(self, channels: Sequence[str]) -> pd.DataFrame:
        """Makes a row for each channel: its name, its spread, its correlations."""
        rows = pd.DataFrame(self.correlation, columns=list(channels))
        rows.insert(0, "spread", self.spread)
        rows.insert(0, "channel", channels)
        return rows


def from_table(table: pd.DataFrame) -> Looks:
    """Reads the table of `Looks.table`, every cell as str."""
    numbers = table.iloc[:, 1:].astype(np.float64).to_numpy()
    return Looks(numbers[:, 0], numbers[:, 1:])


def measure(images: Iterable[np.ndarray], count: int) -> Looks:
    """Measures channels in one pass over images.

    Args:
      images: [..., C] float32 in [-1, 1] each.
      count: C.
    """
    histogram = np.zeros((count, BINS), np.int64)
    total, products, pixels = np.zeros(count), np.zeros((count, count)), 0
    ends = np.full((2, count), [[np.inf], [-np.inf]])
    for batch in images:
        flat = batch.reshape(-1, count).astype(np.float64)
        pixels += len(flat)
        total += flat.sum(0)
        products += flat.T @ flat
        ends = np.stack([np.minimum(ends[0], flat.min(0)),
                         np.maximum(ends[1], flat.max(0))])  # fmt: skip
        bins = np.minimum((flat + 1) / 2 * BINS, BINS - 1).astype(np.int64)
        for channel in range(count):
            histogram[channel] += np.bincount(bins[:, channel], minlength=BINS)
    spread = np.where(ends[0] < ends[1], _spread(histogram), 0.0)
    return Looks(spread, _correlation(total / pixels, products / pixels, spread > 0))


def _spread(histogram: np.ndarray) -> np.ndarray:
    """Measures [C] from the low percentile's bin to the high one's, at least one."""
    shares = histogram.cumsum(1) / histogram.sum(1, keepdims=True)
    low, high = ((shares < percentile / 100).sum(1) for percentile in PERCENTILES)
    return (high - low + 1) * 2 / BINS


def _correlation(
    mean: np.ndarray, square: np.ndarray, varies: np.ndarray
) -> np.ndarray:
    covariance = square - np.outer(mean, mean)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    both = np.outer(deviation, deviation)
    known = np.outer(varies, varies) & (both > 0)
    return np.divide(covariance, both, out=np.zeros_like(both), where=known)


def refuse(looks: Looks, channels: Sequence[str], records: int) -> None:
    """Refuses channels that cannot be compared.

    Args:
      looks: of C channels.
      channels: their names.
      records: that were looked at.

    Raises:
      InputError: a channel is constant, or two are not of one scale.
    """
    constant = [
        name for name, spread in zip(channels, looks.spread, strict=True) if not spread
    ]
    if constant:
        raise InputError(
            f"the channel {constant[0]} is constant over the {records:,} records that "
            "are judged, and matters for nothing: leave it out of "
            "config.data.channels, and train again"
        )
    least, most = looks.spread.argmin(), looks.spread.argmax()
    ratio = looks.spread[most] / looks.spread[least]
    if ratio > APART:
        raise InputError(
            f"the channels {channels[least]} and {channels[most]} are of different "
            f"scales: as the networks see them, the one spreads {ratio:.1f} times as "
            "far as the other, and weights of channels cannot be compared; stretch "
            "them alike, by percentiles that rare pixels do not decide "
            "(config.data.low_percentile, high_percentile) and that hold for the "
            "records that are judged (config.data.scaling=plate), and train again"
        )


def same(looks: Looks, channels: Sequence[str]) -> list[tuple[str, str]]:
    """Returns pairs of channels that are the same except for a factor and an offset."""
    pairs = np.argwhere(np.triu(np.abs(looks.correlation) >= SAME, 1))
    return [(channels[first], channels[second]) for first, second in pairs]
