"""What a run tells: metrics to JSONL (the truth) and TensorBoard."""

import json
from collections.abc import Mapping

from etils import epath
from tensorboardX import SummaryWriter

from gandl_jax import files


class Metrics:
    """Appends to `metrics.jsonl` and TensorBoard.

    Lines of steps that come after `first_step` belong to work that is done again
    after a resume: they are dropped.

    Args:
      workdir: of the experiment.
      first_step: steps completed before this run.
    """

    def __init__(self, workdir: epath.PathLike, first_step: int):
        self._file = epath.Path(workdir) / "metrics.jsonl"
        _keep_until(self._file, first_step)
        self._board = SummaryWriter(
            str(epath.Path(workdir) / "tensorboard"), purge_step=first_step + 1
        )

    def write(self, step: int, images: int, seconds: float, values: Mapping) -> None:
        """Adds one line: {"step", "images", "seconds", "group/name": value, ...}."""
        line = {"step": step, "images": images, "seconds": round(seconds, 3), **values}
        with self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flushes TensorBoard's events."""
        self._board.close()


def last_seconds(workdir: epath.PathLike) -> float:
    """Training time on record, seconds; 0 where there is none."""
    lines = _lines(epath.Path(workdir) / "metrics.jsonl")
    return lines[-1]["seconds"] if lines else 0.0


def _keep_until(file: epath.Path, step: int) -> None:
    lines = _lines(file)
    kept = [line for line in lines if line["step"] <= step]
    if len(kept) < len(lines) or file.exists():
        files.replace(file, "".join(json.dumps(line) + "\n" for line in kept))


def _lines(file: epath.Path) -> list[dict]:
    """The complete lines; a line torn by a kill is left out."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found
