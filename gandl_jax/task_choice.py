"""The tasks that `config.evaluate.tasks` names; imports nothing slow."""

from gandl_jax import modules
from gandl_jax.errors import InputError, nearest

ALL = "all"


def names(wanted: str) -> list[str]:
    """Returns the names of the chosen tasks.

    Args:
      wanted: "all", "all,-clustering" (all but that), or names separated by commas.

    Raises:
      InputError: no task has a name; or tasks are left out, but not of "all".
    """
    known = modules.names("tasks", "run")
    choices = [choice.strip() for choice in wanted.split(",")]
    for choice in choices:
        if choice != ALL and choice.removeprefix("-") not in known:
            raise InputError(f"there is no task {choice!r}; {nearest(choice, known)}")
    if not are_all(wanted):
        if out := [choice for choice in choices if choice.startswith("-")]:
            raise InputError(
                f"config.evaluate.tasks={wanted!r} leaves out {out[0][1:]} of nothing: "
                f"write all,{out[0]}"
            )
        return choices
    return [name for name in known if f"-{name}" not in choices]


def are_all(wanted: str) -> bool:
    """Whether all tasks are chosen, so that some may be skipped."""
    return ALL in [choice.strip() for choice in wanted.split(",")]
