"""Chooses a checkpoint by a rule of `step_rules`; imports nothing slow."""

import statistics
from collections.abc import Mapping, Sequence

from gandl_jax import modules
from gandl_jax.errors import InputError, known
from gandl_jax.methods import metric_lines
from gandl_jax.methods.metric_lines import Lines

FOLDER = "methods/step_rules"
ALL = "all"  # in place of steps: every checkpoint
MOST_LINES = 10  # before a checkpoint, that count for it (ours)


def names() -> list[str]:
    """Lists the rules."""
    return modules.names(FOLDER, "badness")


def named(wanted: Sequence[str], steps: Sequence[int], lines: Lines) -> dict[str, list]:
    """Returns the checkpoints that `ALL` and the rules among some names stand for.

    Args:
      wanted: as of config.embed.steps.
      steps: of the checkpoints, ascending.
      lines: of metrics.jsonl, in the order of their steps.

    Returns:
      {name: steps}, for those names alone.

    Raises:
      InputError: the training did not log what a rule looks at.
    """
    rules = [name for name in names() if name in wanted]
    chosen = {rule: [choose(lines, steps, rule)] for rule in rules}
    return chosen | ({ALL: list(steps)} if ALL in wanted else {})


def curve(lines: Lines, steps: Sequence[int], rule: str) -> dict[int, float]:
    """Returns how bad each checkpoint after step 0 is, by a rule.

    A line is the mean of few images, so the last `MOST_LINES` since the checkpoint
    before are averaged.

    Args:
      lines: of metrics.jsonl, in the order of their steps.
      steps: of the checkpoints, ascending.
      rule: of `names`.

    Returns:
      {step: badness}, without checkpoints before which nothing was logged.
    """
    module = modules.load(FOLDER, rule)
    points = metric_lines.points(lines, module.METRIC)
    before, badness = 0, {}
    for step in filter(None, steps):
        values = [value for at, value in points if before < at <= step]
        if values:
            badness[step] = module.badness(statistics.fmean(values[-MOST_LINES:]))
        before = step
    return badness


def best(lines: Lines, steps: Sequence[int], rule: str) -> int | None:
    """Returns the checkpoint that a rule chooses; None if it cannot say.

    Args:
      lines, steps, rule: as of `curve`. Of equally good checkpoints the first counts.
    """
    return _lowest(curve(lines, steps, rule))


def _lowest(badness: Mapping[int, float]) -> int | None:
    return min(badness, key=lambda step: badness[step], default=None)


def choose(lines: Lines, steps: Sequence[int], rule: str) -> int:
    """Returns the checkpoint that a rule chooses.

    Args:
      lines, steps, rule: as of `curve`.

    Raises:
      InputError: no such rule, no checkpoint after step 0, or the metric was not
        logged.
    """
    known("step rule", rule, names())
    step = best(lines, steps, rule)
    if step is not None:
        return step
    if not any(steps):
        raise InputError(f"there is no checkpoint after step 0 for the rule {rule}")
    raise InputError(missing(rule))


def missing(rule: str) -> str:
    """Returns a sentence on a training that did not log what a rule looks at."""
    module = modules.load(FOLDER, rule)
    return (
        f"the rule {rule} chooses a checkpoint by {module.METRIC}, which the training "
        f"did not log: {module.NEEDS}"
    )


def why_done(lines: Lines, steps: Sequence[int], rule: str, patience: int) -> str:
    """Returns why to stop training by a rule, a sentence, or "".

    Args:
      lines, steps, rule: as of `curve`.
      patience: checkpoints in a row after the best one that are no better; 0 never
        stops.
    """
    badness = curve(lines, steps, rule)
    chosen = _lowest(badness)
    if not patience or chosen is None:
        return ""
    since = sum(step > chosen for step in badness)
    if since < patience:
        return ""
    return (
        f"by {rule} the checkpoint of step {chosen:,} was best, {since} checkpoints ago"
    )
