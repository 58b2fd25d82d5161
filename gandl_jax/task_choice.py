"""The tasks that `config.evaluate.tasks` names; imports nothing slow."""

from gandl_jax import modules
from gandl_jax.errors import InputError, nearest

ALL = "all"


def names(wanted: str) -> list[str]:
    """The tasks' names.

    Args:
      wanted: "all", "all,-clustering" (all but that), or names with commas between.

    Raises:
      InputError: a name that no task has; some left out, but not of all.
    """
    known = modules.names("tasks", "run")
    words = [word.strip() for word in wanted.split(",")]
    for word in words:
        if word != ALL and word.removeprefix("-") not in known:
            raise InputError(f"there is no task {word!r}; {nearest(word, known)}")
    if not are_all(wanted):
        if out := [word for word in words if word.startswith("-")]:
            raise InputError(
                f"config.evaluate.tasks={wanted!r} leaves out {out[0][1:]} of nothing: "
                f"write all,{out[0]}"
            )
        return words
    return [name for name in known if f"-{name}" not in words]


def are_all(wanted: str) -> bool:
    """Whether none is asked for by its name, so that one may be left out."""
    return ALL in [word.strip() for word in wanted.split(",")]
