"""Runs of a sweep: a config, a workdir and a command line each."""

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import config_checks, config_files, config_text, sealed_json
from gandl_jax.errors import InputError, known

# Keys that change no result of a run.
FREE = ("sweep.", "embed.reuse", "benchmark.", "kills.", "plan.", "compare.", "choose.")
FREE += ("evaluate.cluster",)
# Not passed on to runs: one on a worker would wait for its own worker to be free.
OF_SWEEP = ("sweep.", "evaluate.cluster")


@dataclasses.dataclass(frozen=True)
class Run:
    """One config of a sweep.

    Attributes:
      name: of the run, and of its workdir.
      config: of the run.
      workdir: of the run.
      options: command line without --job and --workdir.
    """

    name: str
    config: ml_collections.ConfigDict
    workdir: epath.Path
    options: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the config without keys that change no result."""
        flat = configs.plain(self.config)
        return sealed_json.digest(
            {key: value for key, value in flat.items() if not key.startswith(FREE)}
        )

    def command(self, jobs: Sequence[str], workdir: epath.Path | None = None) -> str:
        """Returns the options that run jobs, as a shell reads them.

        Args:
          jobs: names, in order.
          workdir: another than its own.
        """
        target = workdir or self.workdir
        return shlex.join(
            [*self.options, f"--workdir={target}", f"--job={','.join(jobs)}"]
        )

    def with_settings(self, settings: Mapping[str, str]) -> "Run":
        """Returns the run with more `--config.KEY=VALUE`."""
        config = self.config.copy_and_resolve_references()
        configs.override(config, settings)
        more = (f"--config.{key}={text}" for key, text in settings.items())
        return dataclasses.replace(self, config=config, options=(*self.options, *more))


def read(config: ml_collections.ConfigDict, workdir: epath.Path) -> list[Run]:
    """Reads the runs that a config asks for, and checks them before any begins.

    Args:
      config: of the sweep, with what the command line sets; `sweep` is read.
      workdir: of the sweep; each run's is in it.

    Raises:
      InputError: the config is of no sweep, names an unknown run, or is not possible
        for one of them.
    """
    source = config.sweep.source
    if not source:
        raise InputError(
            "--job=sweep takes a list of configs: "
            "--config=configs/sweeps/methods.py:screen=NAME"
        )
    config_of_run = config_files.load_sweep(source)
    for name in config.sweep.runs:
        known(f"run of {source}", name, config_of_run)
    settings = _set_by_user(config, source)
    runs = []
    for name in config.sweep.runs:
        path, _, text = source.rpartition(":")
        options = (f"--config={path}:{','.join(filter(None, [text, f'run={name}']))}",)
        moved = _moved(config_of_run[name], f"runs/{config.name}", workdir)
        run = Run(name, config_of_run[name], workdir / name, options).with_settings(
            moved | settings
        )
        config_checks.validate(run.config, configs.all_jobs(run.config))
        runs.append(run)
    if not runs:
        raise InputError("config.sweep.runs is empty: name some, or leave it out")
    return runs


def _moved(
    config: ml_collections.ConfigDict, usual: str, workdir: epath.Path
) -> dict[str, str]:
    """Returns settings that name folders of other runs of the sweep where they are.

    Args:
      config: of a run; its data.extra may name such folders.
      usual: workdir of the sweep without --workdir, which the sweep's file assumes.
      workdir: of the sweep.
    """
    moved = tuple(
        re.sub(f"^{re.escape(usual)}(?=/)", lambda _: str(workdir), place)
        for place in config.data.extra
    )
    if moved == config.data.extra or epath.Path(usual) == workdir:
        return {}
    return {"data.extra": config_text.write(moved)}


def _set_by_user(config: ml_collections.ConfigDict, source: str) -> dict[str, str]:
    """Returns what the command line sets besides the sweep's own keys, as text."""
    before = configs.flatten(config_files.load(source))
    return {
        key: config_text.write(value)
        for key, value in configs.flatten(config).items()
        if value != before[key] and not key.startswith(OF_SWEEP)
    }
