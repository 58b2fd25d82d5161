"""Reports the state of a workdir, and what to do next.

It writes nothing and takes neither device nor lock: a training may run there meanwhile.
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
    """Prints the findings.

    Args:
      config: the command's; the workdir's own is used instead if it can be read.
      workdir: of an experiment.

    Raises:
      InputError: there is no such folder.
    """
    if not workdir.exists():
        raise InputError(
            f"there is no workdir {workdir}: name one with --workdir, or start a "
            "training, which makes it"
        )
    state = reading.read(config, workdir)
    print(page.text(str(workdir), examine(state), outputs.next_step(state)), end="")


def examine(state: State) -> dict[str, list[Finding]]:
    """Returns heading to findings, without empty ones."""
    most = state.config.train.rollbacks
    sections = {
        "Configuration": [progress.experiment(state), progress.given_config(state)],
        "Progress": [
            progress.training(state),
            progress.silence(state),
            *(
                retrain_command.with_command(finding, state)
                for finding in progress.starts_and_rollbacks(state, most)
            ),
            *progress.lines(state),
        ],
        "Checkpoints": [*progress.checkpoints(state), *progress.disk(state)],
        "Networks": networks(state),
        "Speed": [
            speed.throughput(speed.rates(state.lines, progress.starts(state))),
            speed.lost(state.events, _trained_s(state), _last_sign(state)),
        ],
        "Features and scores": [*outputs.features(state), *outputs.scores(state)],
    }
    return {name: list(filter(None, findings)) for name, findings in sections.items()}


def networks(state: State) -> list[Finding]:
    """Judges the networks, and adds the command to run if they are unsound."""
    config, steps = state.config, state.saved.steps
    findings = metric_findings.judge_networks(state.lines, config, steps)
    return [retrain_command.with_command(finding, state) for finding in findings]


def _trained_s(state: State) -> float:
    seconds = [value for _, value in metric_lines.points(state.lines, "seconds")]
    return seconds[-1] if seconds else 0.0


def _last_sign(state: State) -> float:
    """Returns the last sign of life, Unix seconds; now for a training that runs."""
    if state.holder is not None:
        return state.now
    heard = [event["at"] for event in state.events]
    return max([*heard, state.last_line if state.lines else 0.0], default=0.0)
