"""What sets have answered, kept as it comes: a comparison that stops goes on there.

One more workdir then costs its own fits alone.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import files, sealed_json
from gandl_jax.judging.task_results import plain
from gandl_jax.tasks import marks, steps
from gandl_jax.tasks.counting import Answer

_KNOWN = {None: -1, False: 0, True: 1}


class KeptAnswers:
    """The answers to a task's questions as files, each named by what it comes from.

    Args:
      folder: of the files.
      made_from: what all of them come from, besides what `of` is told.
    """

    def __init__(self, folder: epath.Path, made_from: Mapping[str, Any]):
        self._folder, self._made_from = folder, made_from
        self._used: set[str] = set()

    def of(
        self, one: Mapping[str, Any], fits: int, make: Callable[[], list[Answer]]
    ) -> list[Answer]:
        """The answers of a set, read where they are kept, else made and kept.

        Args:
          one: what they come from, besides what all do: the set and its features.
          fits: how many steps they take, of which `steps` is told.
          make: gives them, and tells `steps` itself.
        """
        name = f"{sealed_json.digest(plain([self._made_from, one]))[:32]}.npz"
        self._used.add(name)
        path = self._folder / name
        found = _read(path)
        if found is not None:
            steps.add(fits)
            return found
        made = make()
        _write(path, made)
        return made

    def forget_others(self) -> None:
        """Deletes the answers that were not asked for: what they come from changed."""
        for path in self._folder.glob("*.npz") if self._folder.is_dir() else ():
            if path.name not in self._used:
                path.unlink(missing_ok=True)


def _write(path: epath.Path, answers: list[Answer]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = [[_KNOWN[one.mark[key]] for key in marks.NOTHING] for one in answers]
    arrays = {f"right_{i}": one.right for i, one in enumerate(answers)}
    arrays |= {
        f"total_{i}": one.total
        for i, one in enumerate(answers)
        if one.total is not None
    }
    with files.replacing(path) as file:
        np.savez_compressed(file, marks=np.array(known, np.int8), **arrays)


def _read(path: epath.Path) -> list[Answer] | None:
    """None where there are none, or not as they were written."""
    try:
        data = io.BytesIO(files.read_bytes(path))
        files.check_unpacked(data)
        with np.load(data, allow_pickle=False) as found:
            return [
                Answer(found[f"right_{i}"], _mark(known), found.get(f"total_{i}"))
                for i, known in enumerate(found["marks"])
            ]
    except FileNotFoundError:
        return None
    except Exception:  # whatever NumPy and zipfile raise at changed bytes
        print(f"note: {path} is damaged: it is made again", flush=True)
        return None


def _mark(known: np.ndarray) -> marks.Mark:
    words = {number: value for value, number in _KNOWN.items()}
    return {
        key: words[int(number)]
        for key, number in zip(marks.NOTHING, known, strict=True)
    }
