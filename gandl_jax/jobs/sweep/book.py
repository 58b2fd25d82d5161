"""Record of a sweep's runs in its file `sweep.json`: how each ended."""

from collections.abc import Iterable
from typing import Any

from etils import epath

from gandl_jax import plain_data, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs.sweep.programs import Ended
from gandl_jax.jobs.sweep.runs import Run

FILE = "sweep.json"
SHAPE = {
    "runs": {str: {"digest": str, "code": int, "seconds": float, "last": str}},
    "steps": {str: {"minutes": float, "total_images": int, "seconds_per_step": float}},
}


class Book:
    """Records how runs ended, and how many images fit into a time.

    Args:
      folder: of the sweep.

    Raises:
      InputError: its file is damaged.
    """

    def __init__(self, folder: epath.Path):
        self._file = folder / FILE
        self._content: dict[str, Any] = {"runs": {}, "steps": {}}
        if self._file.exists():
            self._content = _read(self._file)

    def is_done(self, run: Run) -> bool:
        """Tells whether a run of this config has finished."""
        known = self._content["runs"].get(run.name)
        return bool(known) and known["digest"] == run.digest and not known["code"]

    def seconds(self, run: Run) -> float:
        """Returns the seconds of a run's programs so far, including stopped ones."""
        known = self._content["runs"].get(run.name, {})
        return known.get("seconds", 0.0) if known.get("digest") == run.digest else 0.0

    def note(self, run: Run, ended: Ended) -> None:
        """Records how a run's program ended."""
        self._content["runs"][run.name] = {
            "digest": run.digest,
            "code": ended.code,
            "seconds": self.seconds(run) + ended.seconds,
            "last": ended.last,
        }
        self._write()

    def failures(self, runs: Iterable[Run]) -> dict[str, str]:
        """Returns name to last line of each failed run."""
        known = self._content["runs"]
        return {
            run.name: known[run.name]["last"]
            for run in runs
            if run.name in known and known[run.name]["code"]
        }

    def steps(self, key: str) -> dict[str, Any] | None:
        """Returns the result of timing a training; None if it was not timed."""
        return self._content["steps"].get(key)

    def note_steps(self, key: str, timing_result: dict[str, Any]) -> None:
        """Records the result of timing a training."""
        self._content["steps"][key] = timing_result
        self._write()

    def _write(self) -> None:
        sealed_json.write(self._file, self._content)


def _read(file: epath.Path) -> dict[str, Any]:
    try:
        content = sealed_json.read(file)
        if not plain_data.fits(content, SHAPE):
            raise ValueError("a value lacks, or is of another type than it should be")
        return content
    except ValueError as error:
        raise InputError(
            f"{file} is damaged ({error}): delete it; runs that have ended are then "
            "begun once more, and find all that they had done"
        ) from error
