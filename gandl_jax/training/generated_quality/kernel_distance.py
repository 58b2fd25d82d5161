"""Kernel distance of two sets of features (Binkowski et al. 2018, 1801.01401).

It is the squared maximum mean discrepancy under the kernel (x y / D + 1)^3, by its
unbiased estimate over all pairs of different images (their eq. 4): its expectation is 0
if both sets have one distribution, so that single estimates may be below 0.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

DEGREE = 3  # of the polynomial (their sec. 4)
BLOCKS = 20  # left out in turn, for the interval (ours)
LEVEL = 0.95
ROWS = 500  # of the kernel matrix that are held at a time


class Estimate(NamedTuple):
    """Estimate with its 95 % interval; the ends are NaN with fewer than two blocks."""

    value: float
    low: float
    high: float


def distance(
    first: np.ndarray,
    second: np.ndarray,
    first_groups: np.ndarray,
    second_groups: np.ndarray,
) -> Estimate:
    """Estimates the kernel distance, and its interval by a jackknife over blocks.

    A block holds whole groups of both sets; each block is left out in turn, and the
    interval is Student's.

    Args:
      first: [N, D] floating, N at least 2.
      second: [M, D] floating, M at least 2.
      first_groups: [N] int; images of one group, as crops of one record, are not
        independent and stay together.
      second_groups: [M] int.
    """
    first_blocks, second_blocks = _blocks(first_groups), _blocks(second_groups)
    count = min(first_blocks.max(), second_blocks.max()) + 1
    first_blocks, second_blocks = first_blocks % count, second_blocks % count
    within = [
        _sums(x, x, blocks, blocks, count, without_itself=True)
        for x, blocks in ((first, first_blocks), (second, second_blocks))
    ]
    between = _sums(first, second, first_blocks, second_blocks, count)
    sizes = [
        np.bincount(blocks, minlength=count) for blocks in (first_blocks, second_blocks)
    ]
    all_blocks = np.ones(count)
    value = _from_sums(within, between, sizes, all_blocks)
    if count < 2 or any(
        len(features) - size.max() < 2
        for features, size in zip((first, second), sizes, strict=True)
    ):
        return Estimate(value, np.nan, np.nan)
    left_out = [
        _from_sums(within, between, sizes, all_blocks - block)
        for block in np.eye(count)
    ]
    error = np.sqrt((count - 1) * np.var(left_out))
    margin = stats.t.ppf((1 + LEVEL) / 2, count - 1) * error
    return Estimate(value, value - margin, value + margin)


def _blocks(groups: np.ndarray) -> np.ndarray:
    """Returns [N] int, each image's block; groups are dealt to blocks in turn."""
    _, first_rows, codes = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first_rows), int)
    rank[np.argsort(first_rows)] = np.arange(len(first_rows))
    return rank[codes] % BLOCKS


def _sums(
    first: np.ndarray,
    second: np.ndarray,
    first_blocks: np.ndarray,
    second_blocks: np.ndarray,
    count: int,
    *,
    without_itself: bool = False,
) -> np.ndarray:
    """Sums the kernel over pairs of blocks, [count, count]."""
    rows, columns = np.eye(count)[first_blocks], np.eye(count)[second_blocks]
    total, width = np.zeros((count, count)), first.shape[1]
    for start in range(0, len(first), ROWS):
        chunk = slice(start, start + ROWS)
        kernel = (first[chunk] @ second.T / width + 1) ** DEGREE
        if without_itself:
            diagonal = np.arange(len(kernel))
            kernel[diagonal, start + diagonal] = 0
        total += rows[chunk].T @ kernel @ columns
    return total


def _from_sums(
    within: list[np.ndarray],
    between: np.ndarray,
    sizes: list[np.ndarray],
    kept: np.ndarray,
) -> float:
    """Computes the estimate by the blocks that are kept, [count] of 0 and 1."""
    n, m = (float(kept @ size) for size in sizes)
    first, second = (float(kept @ sums @ kept) for sums in within)
    both = float(kept @ between @ kept)
    return first / (n * (n - 1)) + second / (m * (m - 1)) - 2 * both / (n * m)
