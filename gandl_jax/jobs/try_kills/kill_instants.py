"""When to kill a training or an embedding, and what it was killed in."""

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
    """Waits for instants of a training by what it does to its checkpoints.

    Args:
      folder: `checkpoints` of its workdir; on a disk.
      rng: draws how long it may go on.
    """

    def __init__(self, folder: epath.Path, rng: np.random.Generator):
        self._folder, self._rng = folder, rng
        self._start = self._finished()

    def wait(self, kind: str, alive: Callable[[], bool]) -> None:
        """Waits, while the training lives, until it is in what is asked for.

        So many checkpoints are finished before that every kill leaves the training
        farther than the one before.
        """
        after = 1 + int(self._rng.integers(0, 2))
        _until(lambda: len(self._finished() - self._start) >= after, alive)
        if kind == STEP:
            time.sleep(self._rng.uniform(0, 0.5))
        elif kind == SAVE:
            _until(lambda: any(TORN in name for name in self._names()), alive)
            time.sleep(self._rng.uniform(0, 0.02))
        elif kind == FINALISING:
            _until(lambda: self._unlisted() is not None, alive)
        elif kind == DELETING:
            before = {n: self._size(n) for n in self._finished()}
            _until(lambda: self._is_shrinking(before), alive)

    def hit(self) -> str:
        """What the training was killed in, by what it left."""
        names = self._names()
        if any(TORN in name for name in names):
            return SAVE
        steps = sorted(int(name) for name in names if name.isdecimal())
        broken = [s for s in steps if file_hashes.damage(self._folder / str(s))]
        if not broken:
            return STEP
        return FINALISING if broken == steps[-1:] else DELETING

    def _names(self) -> list[str]:
        if not self._folder.exists():
            return []
        return [path.name for path in self._folder.iterdir()]

    def _finished(self) -> set[str]:
        steps = [name for name in self._names() if name.isdecimal()]
        return {n for n in steps if file_hashes.is_listed(self._folder / n)}

    def _unlisted(self) -> str | None:
        for name in self._names():
            if name.isdecimal() and not file_hashes.is_listed(self._folder / name):
                return name
        return None

    def _size(self, name: str) -> int:
        """How many entries a step has, down to its items' folders."""
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
    """Waits until an embedding has written a part or two more, and a while.

    Args:
      folder: `profiles` of its workdir.
      rng: draws how long.
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
