"""Findings from any method's metrics: are they finite, and gradients as usual?

Each function takes the lines of `metrics.jsonl` and returns a finding; None if there is
no such metric, or it is too early to say.
"""

import math
from collections.abc import Sequence

from gandl_jax import modules
from gandl_jax.methods import metric_lines
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding
from gandl_jax.methods.metric_lines import Lines

SPIKE = 100.0  # times the usual gradient; a healthy training had 7 (ours)


def judge_networks(lines: Lines, config, steps: Sequence[int]) -> list[Finding]:
    """Judges the soundness of a training's networks, also by its method's own module.

    Args:
      lines: of `metrics.jsonl`.
      config: of the training.
      steps: of the checkpoints, from which features can be taken.
    """
    if not lines:
        return []
    diagnosis = modules.part("methods", config.method.name, "diagnosis")
    findings = [numbers(lines)]
    if diagnosis:
        findings += diagnosis.findings(lines, config, steps)
    findings.append(gradients(lines))
    return [finding for finding in findings if finding]


def numbers(lines: Lines) -> Finding:
    """Checks that all metrics are finite."""
    for line in lines:
        for name, value in line.items():
            if metric_lines.is_number(value) and not math.isfinite(value):
                return Finding(
                    "numbers",
                    BAD,
                    f"{name} is {value} at step {line['step']:,}: it diverged",
                    "lower the learning rate, in a new workdir",
                )
    return Finding("numbers", GOOD, "every metric on record is finite")


def gradients(lines: Lines) -> Finding | None:
    """Compares gradients with their usual size, after the start."""
    peaks = []
    for name in sorted({name for line in lines for name in line}):
        usual = name.endswith("/gradient_norm") and metric_lines.former(lines, name)
        if usual:
            later = metric_lines.points(lines, name)[
                metric_lines.FEWEST :
            ]  # starts are steep
            step, most = max(later, key=lambda point: point[1], default=(0, 0.0))
            peaks.append((most / usual, name, step, most, usual))
    if not peaks:
        return None
    times, name, step, most, usual = max(peaks)
    if times > SPIKE:
        return Finding(
            "gradients",
            NOTE,
            f"{name} was {most:.3g} at step {step:,}, {times:,.0f} times its usual "
            f"{usual:.2g}",
            "if it comes again, lower the learning rate, in a new workdir",
        )
    return Finding("gradients", GOOD, f"at most {times:.1f} times their usual size")
