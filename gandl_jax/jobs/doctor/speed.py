"""Rates of a training over time, and the time it lost between its runs."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax.methods import metric_lines
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding, lasting
from gandl_jax.methods.metric_lines import Lines

SLOW, VERY_SLOW = 0.8, 0.5  # of the usual rate (ours)
MUCH_LOST = 0.2  # of the time since the first start (ours)
FEWEST_S = 600  # of time, before a share of it is reported (ours)
BARS, WIDTH = "▁▂▃▄▅▆▇█", 40


def rates(lines: Lines, starts: Sequence[int]) -> list[tuple[int, float]]:
    """Returns (step, images/s) of every line except each run's first, which compiles.

    Args:
      lines: of the metrics.
      starts: steps at which runs started; () is one run from the start.
    """
    points = metric_lines.points(lines, "data/images_per_second")
    steps = [step for step, _ in points]
    firsts = {
        next((step for step in steps if step > start), None) for start in starts or (0,)
    }
    return [(step, rate) for step, rate in points if step not in firsts]


def throughput(step_rates: Sequence[tuple[int, float]]) -> Finding | None:
    """Compares the present rate with the usual one.

    Args:
      step_rates: (step, images/s), as from `rates`.
    """
    if len(step_rates) < metric_lines.FEWEST:
        return None
    tenths = _tenths(step_rates)
    first, middle, last = (_rate(tenths[i]) for i in (0, len(tenths) // 2, -1))
    usual = statistics.median(rate for _, rate in step_rates)
    sentence = (
        f"{sparkline([rate for _, rate in step_rates])}  {first:.3g} images/s in the "
        f"first tenth, {middle:.3g} in the middle, {last:.3g} in the last"
    )
    slowest = min(tenths, key=_rate)
    if _rate(slowest) < SLOW * usual:
        sentence += (
            f"; slowest between steps {slowest[0][0]:,} and {slowest[-1][0]:,}: "
            f"{_rate(slowest):.3g}"
        )
    state = BAD if last < VERY_SLOW * usual else NOTE if last < SLOW * usual else GOOD
    remedy = "see what else this machine does, and how fast the disk with the screen is"
    return Finding("images/s", state, sentence, "" if state == GOOD else remedy)


def _tenths(
    step_rates: Sequence[tuple[int, float]],
) -> list[Sequence[tuple[int, float]]]:
    edges = [len(step_rates) * i // 10 for i in range(11)]
    return [
        step_rates[start:end] for start, end in itertools.pairwise(edges) if end > start
    ]


def _rate(step_rates: Sequence[tuple[int, float]]) -> float:
    return statistics.median(rate for _, rate in step_rates)


def sparkline(values: Sequence[float]) -> str:
    """Draws positive values as a line of bars from 0 to the greatest, 40 at most."""
    count = min(WIDTH, len(values))
    edges = [len(values) * i // count for i in range(count + 1)]
    means = [
        statistics.fmean(values[start:end]) for start, end in itertools.pairwise(edges)
    ]
    top = max(means)
    heights = [math.ceil(len(BARS) * mean / top) if top else 0 for mean in means]
    return "".join(BARS[max(height, 1) - 1] for height in heights)


def lost(
    events: Sequence[Mapping[str, Any]], trained_s: float, until: float
) -> Finding | None:
    """Reports the share of time that did not train: between runs, or steps done again.

    Args:
      events: with their time in "at", Unix seconds.
      trained_s: seconds of training by the metrics.
      until: the last sign of life, Unix seconds.
    """
    spans = spans_wanted(events, until)
    wanted = sum(end - start for start, end in spans)
    if wanted < FEWEST_S:
        return None
    idle = max(0.0, wanted - trained_s)
    share = idle / wanted
    sentence = (
        f"{share:.0%} of {lasting(wanted)} were no training that lasted: "
        f"{lasting(idle)} between runs, in starts and in steps done again"
    )
    if share <= MUCH_LOST:
        return Finding("time lost", GOOD, sentence)
    remedy = "save more often (config.train.checkpoint_every_images) or restart sooner"
    return Finding("time lost", NOTE, sentence, remedy)


def spans_wanted(
    events: Sequence[Mapping[str, Any]], until: float
) -> list[tuple[float, float]]:
    """Returns the times from a first start to the training's end, or the last sign.

    Args:
      events: as for `lost`.
      until: as for `lost`.
    """
    spans, began = [], None
    for event in events:
        if event["what"] == "started" and began is None:
            began = event["at"]
        elif event["what"] == "finished" and began is not None:
            spans.append((began, max(began, event["at"])))
            began = None
    if began is not None:
        spans.append((began, max(began, until)))
    return spans
