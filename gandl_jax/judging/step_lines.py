"""Progress lines of a task: a line for each count that it makes."""

from types import TracebackType

from gandl_jax.progress import Progress
from gandl_jax.tasks import steps


class StepLines:
    """Prints what tasks count within the block, with rate and ETA.

    Args:
      name: of the task.
    """

    def __init__(self, name: str):
        self._name = name
        self._line: Progress | None = None
        self._told = steps.told(self)

    def __enter__(self) -> "StepLines":
        """Begins to listen."""
        self._told.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the last line, unless the task was broken off."""
        self._told.__exit__(kind, error, traceback)
        if error is None:
            self._end()

    def begin(self, total: int, unit: str) -> None:
        """Begins a line, and ends the one before."""
        self._end()
        self._line = Progress(self._name, total, unit)

    def done(self, count: int) -> None:
        """Counts on."""
        if self._line:
            self._line.update(count)

    def _end(self) -> None:
        if self._line:
            self._line.close()
        self._line = None
