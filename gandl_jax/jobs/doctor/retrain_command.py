"""The command that trains anew, in a workdir of its own, with a gentler recipe."""

import dataclasses

from etils import epath

from gandl_jax.jobs.doctor.state import State
from gandl_jax.methods.findings import BAD, Finding

D_TOO_STRONG = ("discriminator", "generator")  # findings that more variety answers
SLOWER, STRONGER = 0.5, 4.0  # times the learning rate, times R1's weight (ours)


def with_command(finding: Finding, state: State) -> Finding:
    """The finding with that command, where it is of a network that went bad."""
    if finding.state != BAD:
        return finding
    workdir = free_name(state.workdir)
    command = state.command("train", gentler(finding.what, state.config), workdir)
    return dataclasses.replace(finding, command=command)


def gentler(what: str, config) -> dict[str, str]:
    """What to change in the recipe: key of the config to its value.

    Args:
      what: the finding is of.
      config: of the training that went bad.
    """
    method = config.method
    if what not in D_TOO_STRONG:
        return {"method.learning_rate": f"{SLOWER * method.learning_rate:g}"}
    if method.augment == "none":
        return {"method.augment": "fixed"}
    return {"method.r1_weight": f"{STRONGER * method.r1_weight or 1.0:g}"}


def free_name(workdir: str) -> str:
    """A folder beside the workdir that is not there yet: runs/demo-2, say."""
    number = 2
    while epath.Path(f"{workdir}-{number}").exists():
        number += 1
    return f"{workdir}-{number}"
