"""Candidates as they are drawn, in files: a run that was killed draws only the rest.

A candidate is named by its class and its number from 0, and depends on nothing else of
what is drawn. A file holds those of one class, one batch.
"""

import concurrent.futures
import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import files, progress
from gandl_jax.jobs.generate.drawn_by import SEEN, SHOWN
from gandl_jax.reading import levels

NOTE = "made_from.json"


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Files of candidates.

    Attributes:
      folder: where they are.
      batch: candidates in a file.
    """

    folder: epath.Path
    batch: int

    def begin(self, made_from: Mapping[str, Any]) -> None:
        """Makes the folder, without what was drawn from something else before."""
        note, text = self.folder / NOTE, json.dumps(made_from, sort_keys=True)
        if self.folder.exists() and not (
            note.exists() and files.read_text(note) == text
        ):
            self.folder.rmtree()
        self.folder.mkdir(parents=True, exist_ok=True)
        files.replace(note, text)

    def draw(
        self,
        asked: Mapping[int, int],
        images: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]],
        ends: Callable[[int, np.ndarray], np.ndarray],
        select: ModuleType,
        features: Any,
        bit_depth: int,
    ) -> None:
        """Draws what is not there yet.

        Args:
          asked: class to the number of candidates.
          images: from {"number": [B], "code": [B]} to images, as of
            `Generator.function`.
          ends: from a class and numbers [B] to [B, 2, C], levels that are -1 and +1.
          select: a module of `selection`.
          features: as it takes them.
          bit_depth: of the levels.
        """
        every = [
            (code, number)
            for code, count in asked.items()
            for number in range(-(-count // self.batch))
        ]
        todo = [one for one in every if not self._file(*one).exists()]
        done = (len(every) - len(todo)) * self.batch
        line = progress.Progress("draw", len(every) * self.batch, "images", start=done)
        # A file is written while the next images are drawn.
        with concurrent.futures.ThreadPoolExecutor(1) as writer:
            waiting: concurrent.futures.Future | None = None
            for code, number in todo:
                numbers = number * self.batch + np.arange(self.batch, dtype=np.int32)
                drawn = images({"number": numbers, "code": np.full_like(numbers, code)})
                if waiting:
                    waiting.result()
                waiting = writer.submit(
                    self._write,
                    (code, number),
                    drawn,
                    ends(code, numbers),
                    bit_depth,
                    functools.partial(select.measured, features=features),
                )
                line.update(self.batch)
            if waiting:
                waiting.result()
        line.close()

    def _write(
        self,
        which: tuple[int, int],
        drawn: Mapping[str, np.ndarray],
        ends: np.ndarray,
        bit_depth: int,
        measured: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Writes a file: what the selection measured, then the levels."""
        shown = drawn.get(SHOWN, drawn[SEEN])
        with files.replacing(self._file(*which)) as file:
            np.save(file, measured(drawn[SEEN]))
            made = levels.unstretched(shown, ends, bit_depth)
            np.save(file, np.ascontiguousarray(made))  # as `_opened` maps it

    def measured(self, code: int, count: int) -> np.ndarray:
        """[count, M] what the selection measured of the first candidates."""
        parts = []
        for number in range(-(-count // self.batch)):
            with self._file(code, number).open("rb") as file:
                parts.append(np.load(file))
        return np.concatenate(parts)[:count]

    def levels(self, code: int, number: int) -> np.ndarray:
        """[H, W, C] uint8 or uint16, a candidate's grey levels."""
        part, place = divmod(number, self.batch)
        return _opened(str(self._file(code, part)))[place]

    def _file(self, code: int, number: int) -> epath.Path:
        return self.folder / f"{code}-{number:06d}.npy"


@functools.lru_cache(256)
def _opened(path: str) -> np.ndarray:
    """The levels of a file, of which only what is asked for is read."""
    with epath.Path(path).open("rb") as file:
        np.load(file)  # what was measured stands before them
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return np.memmap(path, dtype, "r", file.tell(), shape)
