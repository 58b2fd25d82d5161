"""Findings about BYOL from its metrics; imports nothing slow."""

from collections.abc import Sequence

from gandl_jax.methods import metric_lines, self_distilled_options
from gandl_jax.methods.findings import BAD, GOOD, Finding
from gandl_jax.methods.metric_lines import Lines

LEAST = self_distilled_options.OPTIONS["least_spread"]
SLOWER = 0.5  # times the learning rate (ours)


def findings(lines: Lines, config, steps: Sequence[int]) -> list[Finding]:
    """Judges whether views differ, and whether projections do.

    Args:
      lines: of the metrics.
      config: of the training.
      steps: of the checkpoints.
    """
    del steps
    both = [views(config), spread(lines)]
    return [finding for finding in both if finding]


def gentler(what: str, config) -> dict[str, str]:
    """Returns {key of the config: value} to train again with.

    Args:
      what: name of the finding or the check.
      config: of the training that went bad.
    """
    if what == "views":
        return {"method.crops": "2x.4-1"}
    return {"method.learning_rate": f"{SLOWER * config.method.learning_rate:g}"}


def views(config) -> Finding | None:
    """Judges whether the views of an image differ at all."""
    doubt = self_distilled_options.doubt(config)
    if not doubt:
        return None
    do = "give it crops of several places, or augment them, in a new workdir"
    return Finding("views", BAD, doubt, do)


def spread(lines: Lines) -> Finding | None:
    """Judges whether the projections of a batch lie at one place."""
    recent = metric_lines.recent(lines, "byol/spread")
    if recent is None:
        return None
    words = f"projections of a batch have a spread of {recent:.2g} of late (0 to 1)"
    if recent < LEAST:
        do = "lower the learning rate, or let the target move less, in a new workdir"
        return Finding("spread", BAD, f"{words}: they have collapsed", do)
    return Finding("spread", GOOD, words)
