"""Progress lines of a task: a line for each count that it makes."""

import threading
from types import TracebackType

from gandl_jax.progress import Progress
from gandl_jax.tasks import steps

AGAIN_S = 10.0  # between repeated lines while a step takes long


class StepLines:
    """Prints a line for each count within the block, with rate and ETA.

    Args:
      name: of the task.
    """

    def __init__(self, name: str):
        self._name = name
        self._line: Progress | None = None
        self._reporting = steps.reported_to(self)
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._clock = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> "StepLines":
        """Begins to listen."""
        self._reporting.__enter__()
        self._clock.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the last line, unless the task failed."""
        self._reporting.__exit__(error_type, error, traceback)
        self._ended.set()
        self._clock.join()
        if error is None:
            self._end()

    def begin(self, total: int, unit: str) -> None:
        """Ends the line before, and begins one."""
        with self._lock:
            self._end()
            self._line = Progress(self._name, total, unit)

    def done(self, count: int) -> None:
        """Adds to the count."""
        with self._lock:
            if self._line:
                self._line.update(count)

    def _repeat(self) -> None:
        """Prints the line again during long steps."""
        while not self._ended.wait(AGAIN_S):
            self.done(0)

    def _end(self) -> None:
        if self._line:
            self._line.close()
        self._line = None
