"""The only file that knows Orbax: items of a step, saved together, read singly.

Orbax writes in the background, under another name until all is there. Then every file
is hashed, and from then on the step counts: none is ever restored whose files are not
as they were written.
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

ASIDE = "set_aside"  # the folder of steps that were passed over
TORN = "orbax-checkpoint-tmp"  # in the name of one as it is being written
STEP = "step"  # beside a step's arrays: which it is, whatever its folder is called
COMMITTED = "commit_success.txt"  # Orbax's word that it wrote all
WORTH_TELLING_S = 5.0  # of waiting for a slow disk

# What fails is raised, too, and told in a sentence.
logging.getLogger("absl").addFilter(lambda record: "orbax" not in record.pathname)


def _tell_unless_late(unraisable: Any, tell: Callable = sys.unraisablehook) -> None:
    # After one failed write Orbax closes its loop; later writers raise "Event loop is
    # closed", which adds nothing.
    if str(unraisable.exc_value) != "Event loop is closed":
        tell(unraisable)


sys.unraisablehook = _tell_unless_late


@dataclasses.dataclass(frozen=True)
class _Kept:
    """Orbax's policy: step 0, milestones, and the newest; all else is deleted."""

    newest: int
    milestone_every: int

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list:
        del context
        newest = sorted(found.step for found in checkpoints)[-self.newest :]
        return [self._is_kept(found.step, newest) for found in checkpoints]

    def _is_kept(self, step: int, newest: list[int]) -> bool:
        is_milestone = self.milestone_every and step % self.milestone_every == 0
        return step == 0 or bool(is_milestone) or step in newest


class Checkpoints:
    """The checkpoints of a workdir: `checkpoints/<step>/{encoder,train,config}`.

    Step 0 is kept for ever: it is the untrained floor.

    Args:
      workdir: of the experiment.
      keep: how many of the newest steps to keep besides.
      milestone_every: multiples of this step are kept for ever; 0 is none.
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
        self._whole: set[int] = set()  # steps whose files were looked at
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._completing: concurrent.futures.Future | None = None

    @property
    def _manager(self) -> ocp.CheckpointManager:
        if self._opened is None:
            directory = files.absolute(self._directory)
            self._opened = ocp.CheckpointManager(directory, options=self._options)
        return self._opened

    def steps(self) -> list[int]:
        """The steps that were finished, oldest first; none where nothing was saved."""
        return [s for s in self._folders() if file_hashes.is_listed(self._folder(s))]

    def newest(self, on_bad: Callable[[int, str], Any]) -> int | None:
        """Newest undamaged checkpoint, or None if there is no checkpoint.

        Args:
          on_bad: called with every newer step and what is wrong with it.

        Raises:
          RunError: there are steps, and not one of them is whole.
        """
        return next(self.whole(on_bad), None)

    def whole(self, on_bad: Callable[[int, str], Any]) -> Iterator[int]:
        """The steps whose files are as they were written, newest first.

        Args:
          on_bad: called with every other step and what is wrong with it.

        Raises:
          RunError: there are steps, and not one of them is whole.
        """
        self._whole.clear()
        folders, found = self._folders(), False
        for step in reversed(folders):
            if told := self._damage(step):
                on_bad(step, told)
            else:
                found = True
                yield step
        if found:
            return
        if any(folders) or self.steps():  # else step 0 alone, as it was being written
            raise RunError(
                f"no checkpoint in {self._directory} is as it was written: restore one "
                "from a copy, or move that folder away to train from the start"
            )

    def tidy(self, newest: int | None) -> None:
        """Clears what a killed run left, and sets newer steps aside.

        Args:
          newest: the step from which the training goes on.
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
        """Looks again at what there is, where another host has tidied."""
        if self._opened is not None:
            self._opened.reload()

    def _set_aside(self, step: int) -> None:
        folder = self._folder(step)
        if not file_hashes.is_listed(folder) and not (folder / COMMITTED).exists():
            folder.rmtree()  # in a bucket, where it has no other name until it is whole
            return
        self._aside.mkdir(parents=True, exist_ok=True)
        places = (self._aside / f"{step}-{n}" for n in itertools.count(1))
        folder.rename(next(place for place in places if not place.exists()))

    def save(self, step: int, items: dict[str, Any], notes: dict) -> None:
        """Saves arrays in the background, with notes as JSON; on all hosts.

        Args:
          step: steps completed.
          items: name to a tree of arrays.
          notes: plain data, kept as the item "config".

        Raises:
          RunError: this one, or the one before, cannot be written.
        """
        self.wait()
        hosts.meet()  # Orbax's own waiting for one another has a limit
        with _told_of(self._directory, step):
            self._directory.mkdir(parents=True, exist_ok=True)
            items = parallel.over_hosts(items)
            args = {name: ocp.args.StandardSave(x) for name, x in items.items()}
            args["config"] = ocp.args.JsonSave(notes | {STEP: step})
            if not self._manager.save(step, args=ocp.args.Composite(**args)):
                raise RuntimeError("Orbax did not take it")
        self._completing = self._thread.submit(self._complete, step)

    def _complete(self, step: int) -> None:
        with _told_of(self._directory, step):
            self._manager.wait_until_finished()
            if hosts.leads():
                file_hashes.write(self._folder(step))

    def wait(self) -> None:
        """Waits until everything is written; tells where that takes long.

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
        """Tells at once where the last one could not be written; waits for none.

        Raises:
          RunError: it could not.
        """
        if self._completing is not None and self._completing.done():
            self.wait()

    def restore(self, step: int, item: str, like: Any) -> Any:
        """Reads one item.

        Args:
          step: one of `steps()`.
          item: "encoder" or "train".
          like: a tree of arrays or shapes that says what is expected.

        Raises:
          InputError: the step's files are not as they were written.
        """
        self._require_whole(step)
        args = ocp.args.Composite(**{item: ocp.args.StandardRestore(like)})
        return self._manager.restore(step, args=args)[item]

    def arrays(self, step: int, item: str) -> dict[str, np.ndarray]:
        """Reads one item without knowing what is in it.

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
        found, _ = jax.tree_util.tree_flatten_with_path(tree)
        return {jax.tree_util.keystr(path): np.asarray(x) for path, x in found}

    def notes(self, step: int) -> dict:
        """The notes that were saved beside the arrays of a step.

        Raises:
          InputError: the step's files are not as they were written.
        """
        self._require_whole(step)
        return {k: v for k, v in self._read_notes(step).items() if k != STEP}

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
          defaults: flat {key: value} of what a former version did not save; what is
            not there either was empty.

        Raises:
          InputError: naming the first key that differs.
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
                # It would tell once more what `wait` has told.
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
        told = file_hashes.damage(self._folder(step)) or self._other_step(step)
        if not told:
            self._whole.add(step)
        return told

    def _other_step(self, step: int) -> str | None:
        """Tells where another step lies in a folder; former versions did not say."""
        saved = self._read_notes(step).get(STEP, step)
        return None if saved == step else f"it holds step {saved}"

    def _require_whole(self, step: int) -> None:
        # Of several hosts the first has looked; a network disk may show others less.
        if hosts.leads() and (told := self._damage(step)):
            raise InputError(
                f"the checkpoint {self._folder(step)} is damaged, {told}: restore it "
                "from a copy, or name another step"
            )


@contextlib.contextmanager
def _told_of(directory: epath.Path, step: int) -> Iterator[None]:
    """Turns what Orbax says of a disk into a sentence that says what to do."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise RunError(
            f"the checkpoint of step {step} cannot be written to {directory} "
            f"({reason[0][:300]}): see that the disk has room and can be written; the "
            "same command goes on from the checkpoint before"
        ) from error
