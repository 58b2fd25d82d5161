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
from gandl_jax.jobs.generate import thumbnails
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
        missing = [batch for batch in batches if not self._levels(*batch).exists()]
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
        """Writes the files of a batch, the levels last: if they exist, all do."""
        shown = np.clip(drawn.get(SHOWN, drawn[SEEN]), -1, 1)
        self._save(self._measured(*batch), measure(drawn[SEEN]))
        self._save(self._small(*batch), thumbnails.make(shown))
        self._save(self._levels(*batch), levels.unstretched(shown, ends, bit_depth))

    def _save(self, path: epath.Path, array: np.ndarray) -> None:
        with files.replacing(path) as file:
            np.save(file, array)

    def measured(self, code: int, count: int) -> np.ndarray:
        """Reads the selection's measures [count, M] of the first candidates."""
        return self._first(self._measured, code, count)

    def thumbnails(self, code: int, count: int) -> np.ndarray:
        """Reads the thumbnails [count, s, s, C] of the first candidates."""
        return self._first(self._small, code, count)

    def levels(self, code: int, number: int) -> np.ndarray:
        """Reads a candidate's grey levels, [H, W, C] uint8 or uint16."""
        batch, row = divmod(number, self.batch)
        return _opened(str(self._levels(code, batch)))[row]

    def _first(self, path: Callable, code: int, count: int) -> np.ndarray:
        parts = [
            np.load(path(code, number)) for number in range(-(-count // self.batch))
        ]
        return np.concatenate(parts)[:count]

    def _levels(self, code: int, number: int) -> epath.Path:
        return self.folder / f"{code}-{number:06d}-levels.npy"

    def _measured(self, code: int, number: int) -> epath.Path:
        return self.folder / f"{code}-{number:06d}-measured.npy"

    def _small(self, code: int, number: int) -> epath.Path:
        return self.folder / f"{code}-{number:06d}-small.npy"


@functools.lru_cache(256)
def _opened(path: str) -> np.ndarray:
    """Maps an array on disk into memory, of which only used parts are read."""
    return np.load(path, mmap_mode="r")
