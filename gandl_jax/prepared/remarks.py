"""Remarks on odd, but not wrong, metadata or images of a screen: one line each."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from gandl_jax.dose_unit import MICROMOLAR
from gandl_jax.prepared import image_quality
from gandl_jax.prepared.prepared import plates
from gandl_jax.raw.screen import Screen

SATURATED_FRAC = 0.01  # of an image's pixels at the largest level (ours)
NAMED = 3  # examples that a remark gives

_SAME = re.compile(r"[\s_-]+")  # differences between spellings of one name


def remarks(screen: Screen, table: pd.DataFrame, unit: str = MICROMOLAR) -> list[str]:
    """Lists remarks for the person who prepares a screen.

    Args:
      screen: the spec.
      table: its `Metadata_*` columns, N rows.
      unit: of its doses.

    Returns:
      Sentences; none if nothing is odd.
    """
    return [
        *_spellings(table),
        *_doses(table, unit),
        *_controls(screen, table),
        *_missing_wells(table),
    ]


def _spellings(table: pd.DataFrame) -> Iterator[str]:
    """Yields a remark on treatments that differ only in case, blanks or hyphens."""
    if "Metadata_Treatment" not in table:
        return
    names = pd.Series(sorted(table["Metadata_Treatment"].unique()), dtype=str)
    alike = names.groupby(names.map(_spelt_alike))
    groups = [list(group) for _, group in alike if len(group) > 1]
    if groups:
        first = " and ".join(map(repr, groups[0]))
        seem = "treatment seems" if len(groups) == 1 else "treatments seem"
        yield (
            f"{len(groups)} {seem} to be spelled in several ways, such as "
            f"{first}: they are kept apart; correct the table if they are one"
        )


def _spelt_alike(name: str) -> str:
    """Returns what spellings of a name share, or the name if that is nothing ("-")."""
    return _SAME.sub("", name).casefold() or name


def _doses(table: pd.DataFrame, unit: str) -> Iterator[str]:
    """Yields remarks on treated records whose concentrations give no dose response."""
    if "Metadata_Concentration_uM" not in table:
        return
    doses = table.loc[table["Metadata_Role"] == "treated", "Metadata_Concentration_uM"]
    blank = int(doses.isna().sum())
    if blank:
        yield (
            f"{blank} of {len(doses)} treated records have no concentration: no dose "
            "response can come of them"
        )
    if len(doses) > 1 and not blank and doses.nunique() == 1:
        yield (
            f"all {len(doses)} treated records have one concentration, "
            f"{doses.iloc[0]:g} {unit}: there is no dose response to fit"
        )


def _controls(screen: Screen, table: pd.DataFrame) -> Iterator[str]:
    """Yields remarks on controls that the spec names but no record has."""
    for role in ("response_0", "response_1"):
        rule = getattr(screen, role)
        if rule and not (table["Metadata_Role"] == role).any():
            rule_text = "; ".join(
                f"{column}={'|'.join(values)}" for column, values in rule.items()
            )
            yield (
                f"no record is the control {role} ({rule_text}): what needs it will be "
                "left out"
            )


def left_out(before: pd.DataFrame, kept: pd.DataFrame) -> Iterator[str]:
    """Yields remarks on controls that were lost with the records that lack images.

    Args:
      before: the table of all records, as from `screen.table`.
      kept: the table of the records that are left.
    """
    for role in ("response_0", "response_1"):
        lost = int((before["Metadata_Role"] == role).sum())
        if lost and not (kept["Metadata_Role"] == role).any():
            yield (
                f"all {lost} records of the control {role} lack images and are left "
                "out: what needs the control will be left out too"
            )


def _missing_wells(table: pd.DataFrame) -> Iterator[str]:
    """Yields a remark on plates without wells that most other plates have."""
    names = plates(table)
    if names is None or "Metadata_Well" not in table:
        return
    is_present = pd.crosstab(names, table["Metadata_Well"]) > 0  # plates x wells
    shared = 2 * is_present.sum() > len(is_present)
    if 2 * shared.sum() < len(shared):  # each plate has its own layout
        return
    others = is_present.sum() - is_present  # number of other plates with the well
    lacking = ~is_present & (2 * others > len(is_present) - 1)
    counts = lacking.sum(axis=1)
    short = counts[counts > 0]
    if len(short):
        examples = [
            f"{plate} ({count}, such as {lacking.columns[lacking.loc[plate]][0]})"
            for plate, count in short.items()
        ]
        lack = "lacks" if len(short) == 1 else "lack"
        yield (
            f"{len(short)} of {len(is_present)} plates {lack} wells that most of the "
            f"other plates have: {_first(examples)}"
        )


def levels(statistics: Mapping[str, Mapping[str, float]], bit_depth: int) -> list[str]:
    """Lists remarks on grey levels: a constant channel, or 16 bits that hold 12.

    Args:
      statistics: channel to its min and max over all images, in grey levels.
      bit_depth: 8 or 16.

    Returns:
      Sentences; none if nothing is odd.
    """
    lines = [
        f"channel {name!r} is constant, {channel['min']:g} in every pixel of every "
        "image, and tells nothing: are its files the right ones?"
        for name, channel in statistics.items()
        if channel["min"] == channel["max"]
    ]
    largest = int(max(channel["max"] for channel in statistics.values()))
    if bit_depth == 16 and largest < 2**15:
        lines.append(
            f"the 16-bit images use {largest.bit_length()} bits (largest level "
            f"{largest}); the percentiles of each channel scale them"
        )
    return lines


def images(
    seen: np.ndarray,
    channels: Sequence[str],
    name: Callable[[int, int], str],
    *,
    pixels: int,
) -> list[str]:
    """Lists remarks on single images: constant, saturated, or the same under two names.

    Args:
      seen: [N, C, 3] uint64, each image's digest, largest level and number of pixels of
        that level.
      channels: C names.
      name: names the image of a record and a channel, both from 0.
      pixels: of every image.

    Returns:
      Sentences; none if nothing is odd.
    """
    digest, largest, at_largest = np.moveaxis(seen, -1, 0)
    constant = at_largest == pixels
    # 12 bits in 16 saturate at 4095: the screen's largest level shows that.
    full = 2 ** max(int(largest.max()).bit_length(), 8) - 1
    saturated = (largest == full) & (at_largest > SATURATED_FRAC * pixels) & ~constant
    return [
        *_marked(constant, channels, name, "constant, one level in every pixel"),
        *_marked(
            saturated,
            channels,
            name,
            f"saturated, over {SATURATED_FRAC:.0%} of the pixels at {full}",
        ),
        *_identical(digest, ~constant, name),
    ]


def quality(
    measured: image_quality.Quality,
    channels: Sequence[str],
    name: Callable[[int, int], str],
) -> list[str]:
    """Lists remarks on images that stand out by simple measures.

    Args:
      measured: of N images of C channels.
      channels: C names.
      name: names the image of a record and a channel, both from 0.
    """
    return [
        line
        for reason, marked in measured.odd.items()
        for line in _marked(marked, channels, name, image_quality.KINDS[reason])
    ]


def _marked(
    marked: np.ndarray, channels: Sequence[str], name: Callable, reason: str
) -> Iterator[str]:
    """Yields one line for each channel with marked images, [N, C] bool."""
    for i, channel in enumerate(channels):
        records = np.flatnonzero(marked[:, i])
        if len(records):
            image_names = (name(record, i) for record in records[: NAMED + 1])
            yield (
                f"{len(records)} of {len(marked)} images of channel {channel!r} "
                f"{_is(records)} {reason}: {_first(list(image_names))}"
            )


def _identical(digest: np.ndarray, judged: np.ndarray, name: Callable) -> Iterator[str]:
    """Yields a remark on images that are the same under two names, unless constant."""
    positions = np.argwhere(judged)
    _, first, group = np.unique(digest[judged], return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group] != np.arange(len(group)))
    if len(again):
        pairs = [(positions[first[group[i]]], positions[i]) for i in again[: NAMED + 1]]
        examples = [
            f"{name(*first_image)} = {name(*other_image)}"
            for first_image, other_image in pairs
        ]
        yield (
            f"{len(again)} of {digest.size} images {_is(again)} identical to one of "
            f"another name: {_first(examples)}"
        )


def _is(records: np.ndarray) -> str:
    return "is" if len(records) == 1 else "are"


def _first(names: list[str]) -> str:
    """Joins the first few names, for a sentence."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
