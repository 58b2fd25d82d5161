"""Instants at which to kill a training or an embedding, and what a kill hit."""

import time
from collections.abc import Callable

import numpy as np
from etils import epath

from gandl_jax import file_hashes
from gandl_jax.checkpoint import TORN

SAVE, FINALISING, DELETING, STEP, PART = (
    "in a save",
    "in finalising one",
    "in deleting one",
    "in a step",
    "in embedding",
)


class Checkpoints:
    """Waits for instants of a training, seen from its checkpoints.

    Args:
      folder: `checkpoints` of its workdir; on a disk.
      rng: draws the time until the kill.
    """

    def __init__(self, folder: epath.Path, rng: np.random.Generator):
        self._folder, self._rng = folder, rng
        self._start = self._finished()

    def wait(self, operation: str, alive: Callable[[], bool]) -> None:
        """Waits, while the training lives, until it is in the wanted operation.

        A checkpoint or two are finished first, so that every kill leaves the training
        farther than the last.
        """
        after = 1 + int(self._rng.integers(0, 2))
        _until(lambda: len(self._finished() - self._start) >= after, alive)
        if operation == STEP:
            time.sleep(self._rng.uniform(0, 0.5))
        elif operation == SAVE:
            _until(lambda: any(TORN in name for name in self._names()), alive)
            time.sleep(self._rng.uniform(0, 0.02))
        elif operation == FINALISING:
            _until(lambda: self._unlisted() is not None, alive)
        elif operation == DELETING:
            before = {name: self._size(name) for name in self._finished()}
            _until(lambda: self._is_shrinking(before), alive)

    def hit(self) -> str:
        """Tells what the training was killed in, by what it left."""
        names = self._names()
        if any(TORN in name for name in names):
            return SAVE
        steps = sorted(int(name) for name in names if name.isdecimal())
        broken = [
            step for step in steps if file_hashes.damage(self._folder / str(step))
        ]
        if not broken:
            return STEP
        return FINALISING if broken == steps[-1:] else DELETING

    def _names(self) -> list[str]:
        if not self._folder.exists():
            return []
        return [path.name for path in self._folder.iterdir()]

    def _finished(self) -> set[str]:
        steps = [name for name in self._names() if name.isdecimal()]
        return {name for name in steps if file_hashes.is_listed(self._folder / name)}

    def _unlisted(self) -> str | None:
        for name in self._names():
            if name.isdecimal() and not file_hashes.is_listed(self._folder / name):
                return name
        return None

    def _size(self, name: str) -> int:
        """Counts the folders of a step's items."""
        folder = self._folder / name
        try:
            return sum(1 for path in folder.iterdir() if path.is_dir())
        except FileNotFoundError:
            return 0

    def _is_shrinking(self, before: dict[str, int]) -> bool:
        return any(self._size(name) < size for name, size in before.items())


def wait_for_parts(
    folder: epath.Path, rng: np.random.Generator, alive: Callable[[], bool]
) -> None:
    """Waits until an embedding has written one or two more parts, and a short time.

    Args:
      folder: `profiles` of its workdir.
      rng: draws parts and time.
      alive: whether it still runs.
    """

    def parts() -> int:
        return len(list(folder.glob("*/*/part-*.parquet")))

    enough = parts() + int(rng.integers(1, 3))
    _until(lambda: parts() >= enough, alive)
    time.sleep(rng.uniform(0, 0.1))


def _until(reached: Callable[[], bool], alive: Callable[[], bool]) -> None:
    while not reached() and alive():
        time.sleep(0.0005)
