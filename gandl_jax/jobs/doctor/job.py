"""Reads a workdir and says in words what state it is in, and what to do next.

It writes nothing, takes no device and no lock: a training may run there meanwhile.
"""

from etils import epath

from gandl_jax.errors import InputError
from gandl_jax.jobs.doctor import (
    metric_findings,
    outputs,
    page,
    progress,
    reading,
    retrain_command,
    speed,
)
from gandl_jax.jobs.doctor.state import State
from gandl_jax.methods import metric_lines
from gandl_jax.methods.findings import Finding

WORKDIR = "read"


def run(config, workdir: epath.Path) -> None:
    """Prints what it finds.

    Args:
      config: the command's; the workdir's own is what counts, where it can be read.
      workdir: of an experiment.

    Raises:
      InputError: there is no such folder.
    """
    if not workdir.exists():
        raise InputError(
            f"there is no workdir {workdir}: name one with --workdir, or start a "
            "training, which makes it"
        )
    found = reading.read(config, workdir)
    print(page.text(str(workdir), examined(found), outputs.next_step(found)), end="")


def examined(found: State) -> dict[str, list[Finding]]:
    """Heading to findings, those without anything to say left out."""
    most = found.config.train.rollbacks
    sections = {
        "Configuration": [progress.experiment(found), progress.given_config(found)],
        "Progress": [
            progress.training(found),
            progress.silence(found),
            *(
                retrain_command.with_command(f, found)
                for f in progress.befell(found, most)
            ),
            *progress.lines(found),
        ],
        "Checkpoints": [*progress.checkpoints(found), *progress.disk(found)],
        "Networks": networks(found),
        "Speed": [
            speed.throughput(speed.rates(found.lines, progress.starts(found))),
            speed.lost(found.events, _trained_s(found), _last_sign(found)),
        ],
        "Features and scores": [*outputs.features(found), *outputs.scores(found)],
    }
    return {name: list(filter(None, some)) for name, some in sections.items()}


def networks(found: State) -> list[Finding]:
    """The health of the networks, with what to run where they are ill."""
    config, steps = found.config, found.saved.steps
    judged = metric_findings.of_networks(found.lines, config, steps)
    return [retrain_command.with_command(one, found) for one in judged]


def _trained_s(found: State) -> float:
    seconds = [value for _, value in metric_lines.points(found.lines, "seconds")]
    return seconds[-1] if seconds else 0.0


def _last_sign(found: State) -> float:
    """When it was last heard of, Unix seconds: one that runs is heard of now."""
    if found.holder is not None:
        return found.now
    heard = [event["at"] for event in found.events]
    return max([*heard, found.last_line if found.lines else 0.0], default=0.0)
