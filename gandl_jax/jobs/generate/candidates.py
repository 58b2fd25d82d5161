"""Candidates in files: a run that was killed draws only the missing ones.

A candidate has a class and a number from 0, and depends on no other candidate. A file
holds one batch of one class.
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
      folder: that holds the files.
      batch: candidates in a file.
    """

    folder: epath.Path
    batch: int

    def begin(self, made_from: Mapping[str, Any]) -> None:
        """Makes the folder; deletes files in it that were made from something else."""
        note, text = self.folder / NOTE, json.dumps(made_from, sort_keys=True)
        if self.folder.exists() and not (
            note.exists() and files.read_text(note) == text
        ):
            self.folder.rmtree()
        self.folder.mkdir(parents=True, exist_ok=True)
        files.replace(note, text)

    def draw(
        self,
        counts: Mapping[int, int],
        images: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]],
        ends: Callable[[int, np.ndarray], np.ndarray],
        select: ModuleType,
        features: Any,
        bit_depth: int,
    ) -> None:
        """Draws the candidates that are missing.

        Args:
          counts: class to the number of candidates.
          images: function of {"number": [B], "code": [B]} to images, as of
            `Generator.function`.
          ends: function of a class and numbers [B] to [B, 2, C], levels that are -1
            and +1.
          select: a module of `selection`.
          features: function of images that it takes.
          bit_depth: of the levels.
        """
        batches = [
            (code, number)
            for code, count in counts.items()
            for number in range(-(-count // self.batch))
        ]
        missing = [batch for batch in batches if not self._file(*batch).exists()]
        done = (len(batches) - len(missing)) * self.batch
        line = progress.Progress(
            "draw", len(batches) * self.batch, "images", start=done
        )
        # A file is written while the next images are drawn.
        with concurrent.futures.ThreadPoolExecutor(1) as writer:
            waiting: concurrent.futures.Future | None = None
            for code, number in missing:
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
        batch: tuple[int, int],
        drawn: Mapping[str, np.ndarray],
        ends: np.ndarray,
        bit_depth: int,
        measure: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Writes the file of a batch: the selection's measures, then the levels."""
        shown = np.clip(drawn.get(SHOWN, drawn[SEEN]), -1, 1)
        with files.replacing(self._file(*batch)) as file:
            np.save(file, measure(drawn[SEEN]))
            unstretched = levels.unstretched(shown, ends, bit_depth)
            np.save(file, np.ascontiguousarray(unstretched))  # as `_opened` maps it

    def measured(self, code: int, count: int) -> np.ndarray:
        """Reads the selection's measures [count, M] of the first candidates."""
        parts = []
        for number in range(-(-count // self.batch)):
            with files.reading(self._file(code, number)) as file:
                parts.append(np.load(file))
        return np.concatenate(parts)[:count]

    def levels(self, code: int, number: int) -> np.ndarray:
        """Reads a candidate's grey levels, [H, W, C] uint8 or uint16."""
        batch, row = divmod(number, self.batch)
        return _opened(str(self._file(code, batch)))[row]

    def _file(self, code: int, number: int) -> epath.Path:
        return self.folder / f"{code}-{number:06d}.npy"


@functools.lru_cache(256)
def _opened(path: str) -> np.ndarray:
    """Maps the levels of a file into memory, of which only used parts are read."""
    with files.reading(path) as file:
        np.load(file)  # the measures stand before them
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return np.memmap(path, dtype, "r", file.tell(), shape)
