"""How fast a training was over time, and how much time it lost between its runs."""

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
FEWEST_S = 600  # of time, of which a share is told (ours)
BARS, WIDTH = "▁▂▃▄▅▆▇█", 40


def rates(lines: Lines, starts: Sequence[int]) -> list[tuple[int, float]]:
    """(step, images/s) of every line but each run's first, which holds compiling.

    Args:
      lines: of the metrics.
      starts: steps at which runs started; () is one run from the start.
    """
    found = metric_lines.points(lines, "data/images_per_second")
    steps = [step for step, _ in found]
    firsts = {next((s for s in steps if s > start), None) for start in starts or (0,)}
    return [(step, rate) for step, rate in found if step not in firsts]


def throughput(found: Sequence[tuple[int, float]]) -> Finding | None:
    """Is it as fast as it was?

    Args:
      found: (step, images/s), as of `rates`.
    """
    if len(found) < metric_lines.FEWEST:
        return None
    tenths = _tenths(found)
    first, middle, last = (_rate(tenths[i]) for i in (0, len(tenths) // 2, -1))
    usual = statistics.median(rate for _, rate in found)
    words = (
        f"{sparkline([rate for _, rate in found])}  {first:.3g} images/s in the first "
        f"tenth, {middle:.3g} in the middle, {last:.3g} in the last"
    )
    slowest = min(tenths, key=_rate)
    if _rate(slowest) < SLOW * usual:
        words += (
            f"; slowest between steps {slowest[0][0]:,} and {slowest[-1][0]:,}: "
            f"{_rate(slowest):.3g}"
        )
    state = BAD if last < VERY_SLOW * usual else NOTE if last < SLOW * usual else GOOD
    do = "see what else this machine does, and how fast the disk with the screen is"
    return Finding("images/s", state, words, "" if state == GOOD else do)


def _tenths(found: Sequence[tuple[int, float]]) -> list[Sequence[tuple[int, float]]]:
    edges = [len(found) * i // 10 for i in range(11)]
    return [found[a:b] for a, b in itertools.pairwise(edges) if b > a]


def _rate(found: Sequence[tuple[int, float]]) -> float:
    return statistics.median(rate for _, rate in found)


def sparkline(values: Sequence[float]) -> str:
    """Positive values as a line of bars from 0 to the greatest, at most 40 wide."""
    count = min(WIDTH, len(values))
    edges = [len(values) * i // count for i in range(count + 1)]
    means = [statistics.fmean(values[a:b]) for a, b in itertools.pairwise(edges)]
    top = max(means)
    heights = [math.ceil(len(BARS) * mean / top) if top else 0 for mean in means]
    return "".join(BARS[max(height, 1) - 1] for height in heights)


def lost(
    events: Sequence[Mapping[str, Any]], trained_s: float, until: float
) -> Finding | None:
    """How much of the time did not train: between runs, and what was done again?

    Args:
      events: with their time in "at", Unix seconds.
      trained_s: what the metrics say.
      until: the last sign of life, Unix seconds.
    """
    spans = spans_wanted(events, until)
    wanted = sum(end - start for start, end in spans)
    if wanted < FEWEST_S:
        return None
    idle = max(0.0, wanted - trained_s)
    share = idle / wanted
    words = (
        f"{share:.0%} of {lasting(wanted)} were no training that lasted: "
        f"{lasting(idle)} between runs, in starts and in steps done again"
    )
    if share <= MUCH_LOST:
        return Finding("time lost", GOOD, words)
    do = "save more often (config.train.checkpoint_every_images) or restart sooner"
    return Finding("time lost", NOTE, words, do)


def spans_wanted(
    events: Sequence[Mapping[str, Any]], until: float
) -> list[tuple[float, float]]:
    """The times from a first start to the end that was wanted, or to the last sign.

    Args:
      events: as of `lost`.
      until: as of `lost`.
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
