"""Store of the answers of feature sets, written as they are made.

A comparison that was stopped continues from them, and one more workdir costs only the
fits of its own sets.
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

_MARK_CODES = {None: -1, False: 0, True: 1}


class KeptAnswers:
    """The answers to a task's questions as files, each named by its sources.

    Args:
      folder: of the files.
      made_from: sources that all answers have in common, as plain data.
    """

    def __init__(self, folder: epath.Path, made_from: Mapping[str, Any]):
        self._folder, self._made_from = folder, made_from
        self._used: set[str] = set()

    def read_or_make(
        self, sources: Mapping[str, Any], fits: int, make: Callable[[], list[Answer]]
    ) -> list[Answer]:
        """Reads the answers of a set if they are stored, else makes and stores them.

        Args:
          sources: its other sources, besides the common ones: the set and its features.
          fits: number of steps that making them takes, counted by `steps` when they are
            read.
          make: makes them, and counts its steps itself.
        """
        name = f"{sealed_json.digest(plain([self._made_from, sources]))[:32]}.npz"
        self._used.add(name)
        path = self._folder / name
        stored = _read(path)
        if stored is not None:
            steps.add(fits)
            return stored
        answers = make()
        _write(path, answers)
        return answers

    def delete_unused(self) -> None:
        """Deletes the files that were not asked for: their sources have changed."""
        for path in self._folder.glob("*.npz") if self._folder.is_dir() else ():
            if path.name not in self._used:
                path.unlink(missing_ok=True)


def _write(path: epath.Path, answers: list[Answer]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    codes = [
        [_MARK_CODES[answer.mark[key]] for key in marks.NOTHING] for answer in answers
    ]
    arrays = {f"right_{i}": answer.right for i, answer in enumerate(answers)}
    arrays |= {
        f"total_{i}": answer.total
        for i, answer in enumerate(answers)
        if answer.total is not None
    }
    with files.replacing(path) as file:
        np.savez_compressed(file, marks=np.array(codes, np.int8), **arrays)


def _read(path: epath.Path) -> list[Answer] | None:
    """Reads answers; None if there are none, or the file is damaged."""
    try:
        data = io.BytesIO(files.read_bytes(path))
        files.check_unpacked(data)
        with np.load(data, allow_pickle=False) as arrays:
            return [
                Answer(arrays[f"right_{i}"], _mark(codes), arrays.get(f"total_{i}"))
                for i, codes in enumerate(arrays["marks"])
            ]
    except FileNotFoundError:
        return None
    except Exception:  # whatever NumPy and zipfile raise at changed bytes
        print(f"note: {path} is damaged: it is made again", flush=True)
        return None


def _mark(codes: np.ndarray) -> marks.Mark:
    value_of_code = {code: value for value, code in _MARK_CODES.items()}
    return {
        key: value_of_code[int(code)]
        for key, code in zip(marks.NOTHING, codes, strict=True)
    }
