"""Doubts about an answer on channels, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.jobs.channel_importance import judged_records, looks, weights

AGREE = 0.5  # rank correlation below which seeds or yardsticks disagree (ours)
ALIKE = (
    0.5  # correlation of pixels from which two channels show the same in part (ours)
)
UNEVEN = 1.5  # times the spread of another channel (ours)
Content = Mapping[str, Any]


def doubts(content: Content) -> list[str]:
    """Lists doubts, the gravest first.

    Args:
      content: of the job.
    """
    return [
        *_accuracy_doubts(content),
        *_same_channel_doubts(content),
        *_seed_doubts(content),
        *_yardstick_doubts(content),
        *_likeness_doubts(content),
        *_scale_doubts(content),
        *_record_doubts(content),
    ]


def left_out(content: Content) -> list[str]:
    """Lists what was not asked, and why."""
    sentences = []
    if content["agreement_of_seeds"] is None:
        sentences.append(
            "No layer of these networks weighs channels by fixed numbers "
            f"(config.model.channels_in={content['channels_in']}): the yardsticks "
            "stand alone; blend and over have such weights"
        )
    elif content["channels_in"] == "collapsed":
        sentences.append(
            "Weights are sizes of those of a convolution, whose signs may cancel "
            "channels: a large one need not matter"
        )
    lacking = [name for name in content["channels"] if name not in content["without"]]
    if lacking:
        sentences.append(
            f"No training without {', '.join(lacking)} was named, so that nobody knows "
            "what a network does that never had it: see configs/sweeps/channels.py"
        )
    if not content["has_controls"]:
        sentences.append(
            "No class of the label is a control, so that nothing is held against "
            "controls"
        )
    return sentences


def _accuracy_doubts(content: Content) -> Iterator[str]:
    for row in content["accuracy"]:
        if row["low"] <= row["chance"]:
            yield (
                f"{row['label']}: held-out records are named no better than by "
                f"guessing ({_score(row)}; guessing {row['chance']:.3f}): what the "
                "networks say of channels means nothing"
            )
            continue
        gain = row["over_intensity"]
        if gain["low"] <= 0:
            yield (
                f"{row['label']}: held-out records are named no better than by plain "
                f"intensities ({_score(row)}; intensities {row['intensity']:.3f}): "
                "what the networks say of channels may be of their brightness alone"
            )


def _score(row: Mapping[str, float]) -> str:
    return f"{row['value']:.3f}, {row['low']:.3f} to {row['high']:.3f}"


def _same_channel_doubts(content: Content) -> Iterator[str]:
    channel_looks = looks.Looks(
        np.array(content["spread"]), np.array(content["correlation"], np.float64)
    )
    for first, second in looks.same(channel_looks, content["channels"]):
        yield (
            f"{first} and {second} are the same image (correlation "
            f"{_correlation(content, first, second):.3f}): how importance is divided "
            "between them is not identified, and either does for both"
        )


def _seed_doubts(content: Content) -> Iterator[str]:
    agreement, seeds = content["agreement_of_seeds"], content["seeds"]
    if len(seeds) < 2:
        yield (
            "There is one seed: nothing is known of what another one would say; train "
            f"{weights.FEW} or more"
        )
    if agreement is None or len(seeds) < 2:
        return
    rank, first = agreement["spearman"], agreement["first"]
    if (rank is not None and rank < AGREE) or max(first) < len(seeds):
        counts = sorted(zip(first, content["channels"], strict=True), reverse=True)
        counts_text = ", ".join(f"{name} in {count}" for count, name in counts if count)
        mean = "" if rank is None else f"; the mean rank correlation is {rank:.2f}"
        yield (
            f"Seeds disagree about the weights: of {len(seeds)} seeds the highest is "
            f"that of {counts_text}{mean}"
        )
    if all(row["weight_low"] <= 1 / len(content["channels"]) <= row["weight_high"]
           for row in _first_label_rows(content)):  # fmt: skip
        yield (
            "No weight differs from an equal share by its interval: the layer has told "
            "no channel from another"
        )
    if len(seeds) < weights.FEW:
        yield (
            f"There are {len(seeds)} seeds: an interval of so few is little more than "
            f"a guess; train {weights.FEW} or more"
        )


def _first_label_rows(content: Content) -> list[Mapping[str, Any]]:
    label = content["rows"][0]["label"]
    return [row for row in content["rows"] if row["label"] == label]


def _yardstick_doubts(content: Content) -> Iterator[str]:
    for row in content["agreement"]:
        rank = row["spearman"]
        about = f"{row['label']}: {row['one']} and {row['other']}"
        value = "" if rank is None else f" (rank correlation {rank:.2f})"
        if rank is not None and rank < AGREE:
            yield f"{about} disagree about the order of channels{value}"
        elif not row["same_first"]:
            yield f"{about} have different channels first{value}"


def _likeness_doubts(content: Content) -> Iterator[str]:
    first, second = content["top"]
    value = _correlation(content, first, second)
    if ALIKE <= abs(value) < looks.SAME:
        yield (
            f"The two channels that matter most, {first} and {second}, are alike "
            f"(correlation of pixels {value:.2f}): each can stand for a part of the "
            "other"
        )


def _correlation(content: Content, first: str, second: str) -> float:
    """Returns the correlation of the pixels of two channels."""
    names = list(content["channels"])
    return content["correlation"][names.index(first)][names.index(second)]


def _scale_doubts(content: Content) -> Iterator[str]:
    spread = dict(zip(content["channels"], content["spread"], strict=True))
    least, most = min(spread, key=spread.get), max(spread, key=spread.get)
    if spread[most] > UNEVEN * spread[least]:
        yield (
            f"Channels are not quite of one scale: {most} spreads "
            f"{spread[most] / spread[least]:.1f} times as far as {least} over the "
            "records that are judged, so that a weight of the one counts for more"
        )


def _record_doubts(content: Content) -> Iterator[str]:
    if content["part"] == judged_records.VALIDATED:
        yield (
            "The records that are judged decided when training stopped "
            "(config.train.validation): hold others out by config.train.hold_out"
        )


def top(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Returns the two channels that matter most, by weights if there are any.

    Args:
      rows: channels of a label.
    """
    key = "permuted" if rows[0]["weight"] is None else "weight"
    first, second, *_ = sorted(rows, key=lambda row: -row[key])
    return first["channel"], second["channel"]
