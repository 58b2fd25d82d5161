"""State of a workdir: plain data that the rules look at."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

from gandl_jax import commands
from gandl_jax import config as configs
from gandl_jax.methods import metric_lines


@dataclasses.dataclass(frozen=True)
class Saved:
    """Checkpoints of a workdir.

    Attributes:
      steps: of those that were finished, oldest first.
      newest: the step of the newest undamaged one, or None if there is none.
      passed_over: (step, what is wrong) of newer, damaged ones.
      trouble: why there is no undamaged one; "" if there is, or nothing was saved.
      date: of the newest undamaged one, Unix seconds.
      bytes: its size.
      aside: names of damaged ones that were set aside.
    """

    steps: Sequence[int] = ()
    newest: int | None = None
    passed_over: Sequence[tuple[int, str]] = ()
    trouble: str = ""
    date: float = math.nan
    bytes: int = 0
    aside: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Disk:
    """Disk on which the workdir lies.

    Attributes:
      free_bytes: of the disk.
      writable: whether it can be written at all.
    """

    free_bytes: int
    writable: bool


@dataclasses.dataclass(frozen=True)
class Profiles:
    """Folder of a feature set: profiles/<dataset>/<encoder>.

    Attributes:
      dataset: the screen.
      encoder: such as "gan@500".
      trouble: what it lacks or what is damaged; "" if it is complete.
      parts: number of parts.
    """

    dataset: str
    encoder: str
    trouble: str
    parts: int

    @property
    def complete(self) -> bool:
        """True if all its parts are there, undamaged."""
        return not self.trouble


@dataclasses.dataclass(frozen=True)
class State:
    """All data that the rules look at.

    Attributes:
      workdir: as the user gave it.
      now: Unix seconds.
      config: the workdir's own, or the command's if that cannot be read.
      config_trouble: why it cannot be read; "" if it can.
      given: the command's config.
      record: `config.json`; {} if it cannot be read.
      lines: of `metrics.jsonl`, one for each step, in order.
      cut_off: names of files whose last line was cut off as it was written.
      damaged_lines: file name -> numbers of damaged lines.
      last_line: when `metrics.jsonl` was last written, Unix seconds; nan if never.
      events: oldest first, each with its time in "at", Unix seconds.
      holder: the running process that works here, or None.
      saved: the checkpoints.
      disk: None in a bucket.
      profiles: in the order of their names.
      tasks: "<dataset>/<task>" that were evaluated.
      damaged_results: paths, below the workdir, of results that are damaged.
      has_report: whether there is a report.
    """

    workdir: str
    now: float
    config: ml_collections.ConfigDict
    config_trouble: str
    given: ml_collections.ConfigDict
    record: Mapping[str, Any]
    lines: metric_lines.Lines
    cut_off: Sequence[str]
    damaged_lines: Mapping[str, list[int]]
    last_line: float
    events: Sequence[Mapping[str, Any]]
    holder: Mapping[str, Any] | None
    saved: Saved
    disk: Disk | None
    profiles: Sequence[Profiles]
    tasks: Sequence[str]
    damaged_results: Sequence[str]
    has_report: bool

    @property
    def batch(self) -> int:
        """Images per step."""
        return self.config.train.batch

    @property
    def total(self) -> int:
        """Number of all steps."""
        return configs.steps(self.config.train.total_images, self.batch)

    @property
    def step(self) -> int:
        """Last step that is known to be done."""
        logged = self.lines[-1]["step"] if self.lines else 0
        return max(logged, self.saved.newest or 0)

    def command(
        self, job: str, settings: Mapping[str, str] | None = None, workdir: str = ""
    ) -> str:
        """Returns the command that was recorded, for another job.

        Args:
          job: to run.
          settings: key of the config to another value.
          workdir: another workdir; "" is this one.
        """
        name, workdir = self.config.name, workdir or self.workdir
        options = commands.recorded(self.record.get("command"), name, self.workdir)
        if workdir != f"runs/{name}" or "--workdir" in options:
            options = commands.with_flag(options, "workdir", workdir)
        for key, value in (settings or {}).items():
            options = commands.with_flag(options, f"config.{key}", value)
        return commands.whole(commands.with_flag(options, "job", job))
