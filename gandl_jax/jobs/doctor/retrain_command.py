"""Makes the command that trains again with a gentler recipe, in a new workdir."""

import dataclasses

from etils import epath

from gandl_jax.jobs.doctor.state import State
from gandl_jax.methods.findings import BAD, Finding
from gandl_jax.training import gentler


def with_command(finding: Finding, state: State) -> Finding:
    """Adds that command to a bad training's finding, if a gentler recipe is known."""
    settings = gentler.settings(finding.what, state.config)
    if finding.state != BAD or not settings:
        return finding
    command = state.command("train", settings, free_name(state.workdir))
    return dataclasses.replace(finding, command=command)


def free_name(workdir: str) -> str:
    """Returns an unused folder name beside the workdir: runs/demo-2, say."""
    number = 2
    while epath.Path(f"{workdir}-{number}").exists():
        number += 1
    return f"{workdir}-{number}"
