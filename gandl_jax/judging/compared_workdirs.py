"""The workdirs of a comparison: those of config.compare.workdirs, or of a sweep."""

import ml_collections
from etils import epath

from gandl_jax.errors import InputError


def named(config: ml_collections.ConfigDict, workdir: epath.Path) -> tuple[str, ...]:
    """Returns paths or patterns of workdirs; of a sweep the runs' workdirs, if empty.

    Args:
      config: compare and sweep are read.
      workdir: of the comparison, which is the sweep's.

    Raises:
      InputError: there are none, or a run of the sweep has none.
    """
    if config.compare.workdirs:
        return tuple(config.compare.workdirs)
    if config.sweep.source:
        return tuple(str(_of_run(workdir, name)) for name in config.sweep.runs)
    raise InputError(
        "config.compare.workdirs is empty: name workdirs of one screen, as in "
        "--config.compare.workdirs='runs/methods/demo/*'"
    )


def _of_run(workdir: epath.Path, name: str) -> epath.Path:
    if not (workdir / name).is_dir():
        raise InputError(
            f"the run {name} of the sweep has no workdir in {workdir}: run --job=sweep "
            "there; if its rows are kept, so that it is not repeated, with another "
            "--config.sweep.results"
        )
    return workdir / name
