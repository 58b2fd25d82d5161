"""What any method's metrics say: are they finite, are gradients as they were?

Each function takes the lines of `metrics.jsonl` and gives a finding; None where there
is no such metric, or where it is too early to say.
"""

import math
from collections.abc import Sequence

from gandl_jax import modules
from gandl_jax.methods import metric_lines
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding
from gandl_jax.methods.metric_lines import Lines

SPIKE = 100.0  # times the usual gradient; a healthy training had 7 (ours)


def of_networks(lines: Lines, config, steps: Sequence[int]) -> list[Finding]:
    """The health of a training's networks: as any method's, and as its module judges.

    Args:
      lines: of the metrics.
      config: of the training.
      steps: of the checkpoints, from which features can be taken.
    """
    if not lines:
        return []
    diagnosis = modules.part("methods", config.method.name, "diagnosis")
    judged = [numbers(lines)]
    if diagnosis:
        judged += diagnosis.findings(lines, config, steps)
    judged.append(gradients(lines))
    return [one for one in judged if one]


def numbers(lines: Lines) -> Finding:
    """Are all metrics finite?"""
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
    """Are gradients what they were, after the start?"""
    found = []
    for name in sorted({name for line in lines for name in line}):
        usual = name.endswith("/gradient_norm") and metric_lines.former(lines, name)
        if usual:
            begun = metric_lines.points(lines, name)[
                metric_lines.FEWEST :
            ]  # starts are steep
            step, most = max(begun, key=lambda point: point[1], default=(0, 0.0))
            found.append((most / usual, name, step, most, usual))
    if not found:
        return None
    times, name, step, most, usual = max(found)
    if times > SPIKE:
        return Finding(
            "gradients",
            NOTE,
            f"{name} was {most:.3g} at step {step:,}, {times:,.0f} times its usual "
            f"{usual:.2g}",
            "if it comes again, lower the learning rate, in a new workdir",
        )
    return Finding("gradients", GOOD, f"at most {times:.1f} times their usual size")
