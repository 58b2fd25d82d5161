"""Progress lines of a task: a line for each count that it makes."""

import threading
from types import TracebackType

from gandl_jax.progress import Progress
from gandl_jax.tasks import steps

AGAIN_S = 10.0  # a line is printed again so often where a step takes long


class StepLines:
    """Prints what tasks count within the block, with rate and ETA.

    Args:
      name: of the task.
    """

    def __init__(self, name: str):
        self._name = name
        self._line: Progress | None = None
        self._told = steps.told(self)
        self._one_by_one, self._ended = threading.Lock(), threading.Event()
        self._clock = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> "StepLines":
        """Begins to listen."""
        self._told.__enter__()
        self._clock.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the last line, unless the task was broken off."""
        self._told.__exit__(kind, error, traceback)
        self._ended.set()
        self._clock.join()
        if error is None:
            self._end()

    def begin(self, total: int, unit: str) -> None:
        """Begins a line, and ends the one before."""
        with self._one_by_one:
            self._end()
            self._line = Progress(self._name, total, unit)

    def done(self, count: int) -> None:
        """Counts on."""
        with self._one_by_one:
            if self._line:
                self._line.update(count)

    def _tell(self) -> None:
        """Prints the line again while nothing is done."""
        while not self._ended.wait(AGAIN_S):
            self.done(0)

    def _end(self) -> None:
        if self._line:
            self._line.close()
        self._line = None
