"""The only file that uses Orbax: items of a step, saved together, read singly.

Orbax writes in the background, under another name until all is written. Then every file
is hashed, and from then on the step counts: only steps whose files are unchanged are
restored.
"""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from gandl_jax import file_hashes, files, hosts, parallel
from gandl_jax.errors import InputError, RunError

ASIDE = "set_aside"  # folder of steps that were skipped
TORN = "orbax-checkpoint-tmp"  # in the names of unfinished ones
STEP = "step"  # among a step's notes: its number, whatever its folder's name
COMMITTED = "commit_success.txt"  # Orbax's mark that all is written
WORTH_TELLING_S = 5.0  # of waiting for a slow disk, from which a line is printed

# Orbax's failures are raised too, and explained here.
logging.getLogger("absl").addFilter(lambda record: "orbax" not in record.pathname)


def _tell_unless_late(unraisable: Any, tell: Callable = sys.unraisablehook) -> None:
    # After one failed write Orbax closes its loop; later writers raise "Event loop is
    # closed", which adds nothing.
    if str(unraisable.exc_value) != "Event loop is closed":
        tell(unraisable)


sys.unraisablehook = _tell_unless_late


@dataclasses.dataclass(frozen=True)
class _Kept:
    """Orbax's policy: keeps step 0, milestones and the newest, deletes all others."""

    newest: int
    milestone_every: int

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list:
        del context
        newest = sorted(saved.step for saved in checkpoints)[-self.newest :]
        return [self._is_kept(saved.step, newest) for saved in checkpoints]

    def _is_kept(self, step: int, newest: list[int]) -> bool:
        is_milestone = self.milestone_every and step % self.milestone_every == 0
        return step == 0 or bool(is_milestone) or step in newest


class Checkpoints:
    """The checkpoints of a workdir: `checkpoints/<step>/{encoder,train,config}`.

    Step 0, the untrained floor, is always kept.

    Args:
      workdir: of the experiment.
      keep: number of the newest steps to keep.
      milestone_every: multiples of this step are always kept; 0 keeps none.
    """

    def __init__(
        self, workdir: epath.PathLike, keep: int = 3, milestone_every: int = 0
    ):
        self._directory = epath.Path(workdir) / "checkpoints"
        self._aside = epath.Path(workdir) / ASIDE
        self._options = ocp.CheckpointManagerOptions(
            preservation_policy=_Kept(keep, milestone_every), create=False
        )
        self._opened = None
        self._whole: set[int] = set()  # steps whose files were checked
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._completing: concurrent.futures.Future | None = None

    @property
    def _manager(self) -> ocp.CheckpointManager:
        if self._opened is None:
            directory = files.absolute(self._directory)
            self._opened = ocp.CheckpointManager(directory, options=self._options)
        return self._opened

    def steps(self) -> list[int]:
        """Returns the finished steps, oldest first."""
        return [
            step
            for step in self._folders()
            if file_hashes.is_listed(self._folder(step))
        ]

    def usable_steps(self, on_bad: Callable[[int, str], Any]) -> list[int]:
        """Returns the finished steps up to the newest undamaged one, oldest first.

        Args:
          on_bad: called with every newer step and what is wrong with it.

        Raises:
          RunError: there are steps, but none is whole.
        """
        newest = self.newest(on_bad)
        return [s for s in self.steps() if newest is not None and s <= newest]

    def newest(self, on_bad: Callable[[int, str], Any]) -> int | None:
        """Returns the newest undamaged checkpoint, or None if there is none.

        Args:
          on_bad: called with every newer step and what is wrong with it.

        Raises:
          RunError: there are steps, but none is whole.
        """
        return next(self.whole(on_bad), None)

    def whole(self, on_bad: Callable[[int, str], Any]) -> Iterator[int]:
        """Yields the undamaged steps, newest first.

        Args:
          on_bad: called with every other step and what is wrong with it.

        Raises:
          RunError: there are steps, but none is whole.
        """
        self._whole.clear()
        folders, any_whole = self._folders(), False
        for step in reversed(folders):
            if damage := self._damage(step):
                on_bad(step, damage)
            else:
                any_whole = True
                yield step
        if any_whole:
            return
        if any(folders) or self.steps():  # else only an unfinished step 0
            raise RunError(
                f"no checkpoint in {self._directory} is as it was written: restore one "
                "from a copy, or move that folder away to train from the start"
            )

    def tidy(self, newest: int | None) -> None:
        """Deletes remains of a killed run, and sets newer steps aside.

        Args:
          newest: the step from which the training resumes.
        """
        if not self._directory.exists():
            return
        for path in list(self._directory.iterdir()):
            if TORN in path.name:
                path.rmtree()
        for step in self._folders():
            if newest is None or step > newest:
                self._set_aside(step)

    def reload(self) -> None:
        """Reads the list of steps again, after another host has tidied."""
        if self._opened is not None:
            self._opened.reload()

    def _set_aside(self, step: int) -> None:
        folder = self._folder(step)
        if not file_hashes.is_listed(folder) and not (folder / COMMITTED).exists():
            folder.rmtree()  # in a bucket, where unfinished ones have no other name
            return
        self._aside.mkdir(parents=True, exist_ok=True)
        targets = (self._aside / f"{step}-{number}" for number in itertools.count(1))
        folder.rename(next(target for target in targets if not target.exists()))

    def save(self, step: int, items: dict[str, Any], notes: dict) -> None:
        """Saves arrays in the background, with notes as JSON; on all hosts.

        Args:
          step: steps completed.
          items: {name: tree of arrays}.
          notes: plain data, kept as the item "config".

        Raises:
          RunError: this one, or the one before, cannot be written.
        """
        self.wait()
        hosts.meet()  # Orbax's own waiting for one another has a limit
        with _explained_errors(self._directory, step):
            self._directory.mkdir(parents=True, exist_ok=True)
            items = parallel.over_hosts(items)
            args = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
            args["config"] = ocp.args.JsonSave(notes | {STEP: step})
            if not self._manager.save(step, args=ocp.args.Composite(**args)):
                raise RuntimeError("Orbax did not take it")
        self._completing = self._thread.submit(self._complete, step)

    def _complete(self, step: int) -> None:
        with _explained_errors(self._directory, step):
            self._manager.wait_until_finished()
            if hosts.leads():
                file_hashes.write(self._folder(step))

    def wait(self) -> None:
        """Waits until everything is written; prints a line if that takes long.

        Raises:
          RunError: it cannot be written.
        """
        if self._completing is None:
            return
        began = time.monotonic()
        completing, self._completing = self._completing, None
        completing.result()
        waited = time.monotonic() - began
        if waited > WORTH_TELLING_S:
            print(
                f"train     waited {waited:.0f} s for a checkpoint: the disk is slow, "
                "raise config.train.checkpoint_every_images"
            )

    def look(self) -> None:
        """Raises at once if the last one could not be written, without waiting.

        Raises:
          RunError: it could not be written.
        """
        if self._completing is not None and self._completing.done():
            self.wait()

    def restore(self, step: int, item: str, like: Any) -> Any:
        """Reads an item.

        Args:
          step: one of `steps()`.
          item: "encoder" or "train".
          like: tree of arrays or shapes that are expected.

        Raises:
          InputError: the step's files are not as they were written.
        """
        self._require_whole(step)
        args = ocp.args.Composite(**{item: ocp.args.StandardRestore(like)})
        return self._manager.restore(step, args=args)[item]

    def arrays(self, step: int, item: str) -> dict[str, np.ndarray]:
        """Reads an item of unknown structure.

        Args:
          step: one of `steps()`.
          item: "encoder" or "train".

        Returns:
          {path within the tree: array}.

        Raises:
          InputError: the step's files are not as they were written.
        """
        self._require_whole(step)
        folder = files.absolute(self._folder(step) / item)
        tree = ocp.StandardCheckpointer().restore(folder)
        leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
        return {jax.tree_util.keystr(path): np.asarray(array) for path, array in leaves}

    def notes(self, step: int) -> dict:
        """Reads the notes that were saved with the arrays of a step.

        Raises:
          InputError: the step's files are not as they were written.
        """
        self._require_whole(step)
        return {
            key: value for key, value in self._read_notes(step).items() if key != STEP
        }

    def _read_notes(self, step: int) -> dict:
        # Not through Orbax, whose hosts would wait for one another.
        return files.read_json(self._folder(step) / "config" / "metadata")

    def check(
        self, step: int, config: dict, defaults: Mapping[str, Any] | None = None
    ) -> None:
        """Refuses a checkpoint of another architecture.

        Args:
          step: one of `steps()`.
          config: flat {key: value} that the checkpoint must have been saved with.
          defaults: flat {key: value} for keys that a former version did not save; keys
            missing there too were empty.

        Raises:
          InputError: names the first key that differs.
        """
        saved = self.notes(step)
        for key, value in config.items():
            former = saved.get(key, (defaults or {}).get(key))
            if former != value and (former or value):
                raise InputError(
                    f"the checkpoint {self._directory / str(step)} has "
                    f"{key}={former!r}, the config {value!r}: use another "
                    "--workdir, or the config that it was trained with"
                )

    def close(self) -> None:
        """Waits until everything is written."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()
            if self._opened is not None:
                # It would raise once more what `wait` has raised.
                with contextlib.suppress(Exception):
                    self._opened.close()
                self._opened = None

    def _folder(self, step: int) -> epath.Path:
        return self._directory / str(step)

    def _folders(self) -> list[int]:
        if not self._directory.exists():
            return []
        names = [path.name for path in self._directory.iterdir()]
        return sorted(int(name) for name in names if name.isdecimal())

    def _damage(self, step: int) -> str | None:
        if step in self._whole:
            return None
        damage = file_hashes.damage(self._folder(step)) or self._other_step(step)
        if not damage:
            self._whole.add(step)
        return damage

    def _other_step(self, step: int) -> str | None:
        """Describes another step in a step's folder; former versions noted none."""
        saved = self._read_notes(step).get(STEP, step)
        return None if saved == step else f"it holds step {saved}"

    def _require_whole(self, step: int) -> None:
        # The first host checks for all: network disks may show less to others.
        if hosts.leads() and (damage := self._damage(step)):
            raise InputError(
                f"the checkpoint {self._folder(step)} is damaged, {damage}: restore it "
                "from a copy, or name another step"
            )


@contextlib.contextmanager
def _explained_errors(directory: epath.Path, step: int) -> Iterator[None]:
    """Turns Orbax's errors of a disk into a RunError with a remedy."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise RunError(
            f"the checkpoint of step {step} cannot be written to {directory} "
            f"({reason[0][:300]}): see that the disk has room and can be written; the "
            "same command goes on from the checkpoint before"
        ) from error
