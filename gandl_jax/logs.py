"""Logs of metrics: JSONL, which is read again, and TensorBoard."""

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath
from tensorboardX import event_file_writer, record_writer
from tensorboardX.proto import event_pb2, summary_pb2

from gandl_jax import files, json_lines

FILE = "metrics.jsonl"


class _EventFile:
    """A file of TensorBoard's events, opened like all other files."""

    def __init__(self, path: str):
        self._opened = contextlib.ExitStack()
        self._file = self._opened.enter_context(epath.Path(path).open("wb"))

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._opened.close()


class _EventFiles:
    """tensorboardX's access to gs://.

    Its own access needs a further library, with its own credentials.
    """

    def open(self, path: str) -> _EventFile:
        return _EventFile(path)

    def directory_check(self, path: str) -> None:
        """Does nothing, as buckets need no folders."""


record_writer.register_writer_factory("gs", _EventFiles())


class _Board:
    """Events for TensorBoard, written at once.

    tensorboardX's own writer does so in a thread, which dies on a full disk and leaves
    the program waiting for it.

    Args:
      folder: of the events; made if needed.
      purge_step: step from which events of former runs do not count.
    """

    def __init__(self, folder: epath.Path, purge_step: int):
        folder.mkdir(parents=True, exist_ok=True)
        self._events = event_file_writer.EventsWriter(str(folder / "events"))
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(event_pb2.Event(step=purge_step, session_log=start))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        scalars = [
            summary_pb2.Summary.Value(tag=name, simple_value=value)
            for name, value in values.items()
        ]
        summary = summary_pb2.Summary(value=scalars)
        self._write(event_pb2.Event(step=step, summary=summary))

    def _write(self, event: event_pb2.Event) -> None:
        event.wall_time = time.time()
        self._events.write_event(event)
        self._events.flush()

    def close(self) -> None:
        self._events.close()


@dataclasses.dataclass(frozen=True)
class Former:
    """The log of former runs, up to the step that a run resumes from.

    Lines of later steps belong to work that is done again. If a resumed run wrote a
    step twice, the later line counts.

    Attributes:
      file: `metrics.jsonl`.
      step: steps completed before this run.
      stored: all lines of the file, damaged ones too.
    """

    file: epath.Path
    step: int
    stored: Sequence[json_lines.Line]

    @classmethod
    def read(cls, workdir: epath.PathLike, step: int) -> "Former":
        """Reads the file of a workdir, if it has one."""
        file = epath.Path(workdir) / FILE
        return cls(file, step, json_lines.read(file, is_metrics))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Lines that count, in the order of their steps."""
        kept = [
            line for line in _newest(self.stored) if line.content["step"] <= self.step
        ]
        return [line.content for line in kept]

    @property
    def seconds(self) -> float:
        """Recorded training time in seconds; 0 without lines."""
        return max((line.get("seconds", 0.0) for line in self.lines), default=0.0)

    def drop_later(self) -> None:
        """Removes lines that do not count; reports damaged lines, which stay."""
        if not self.file.exists():
            return
        damaged = [line for line in self.stored if line.content is None]
        if damaged:
            damage = json_lines.describe_damage([line.number for line in damaged])
            print(f"note: {self.file}: {damage} and left out", flush=True)
        newest = {line.number for line in _newest(self.stored)}
        kept = [
            line.text + b"\n"
            for line in self.stored
            if line.content is None
            or line.content["step"] <= self.step
            and line.number in newest
        ]
        files.replace(self.file, b"".join(kept))


class Metrics:
    """Writer of `metrics.jsonl` and TensorBoard's events.

    Lines of steps after `former.step` are removed: they are written again.

    Args:
      former: the log of former runs.
    """

    def __init__(self, former: Former):
        self._file = former.file
        former.drop_later()
        self._board = _Board(former.file.parent / "tensorboard", former.step + 1)

    def write(self, step: int, images: int, seconds: float, values: Mapping) -> None:
        """Appends a line: {"step", "images", "seconds", "group/name": value, ...}."""
        line = {"step": step, "images": images, "seconds": round(seconds, 3), **values}
        json_lines.append(self._file, line)
        self._board.write(step, values)

    def close(self) -> None:
        """Closes TensorBoard's events."""
        self._board.close()


def read(workdir: epath.PathLike) -> list[dict[str, Any]]:
    """Reads the log so far, without damaged lines.

    If a resumed run wrote a step twice, the later line counts.

    Args:
      workdir: of the experiment; it may have no metrics.

    Returns:
      The lines in the order of their steps.
    """
    stored = json_lines.read(epath.Path(workdir) / FILE, is_metrics)
    return [line.content for line in _newest(stored)]


def is_metrics(line: Mapping[str, Any]) -> bool:
    """Whether an object is a line of metrics: a step, and numbers."""
    return type(line.get("step")) is int and all(
        type(value) in (int, float) for value in line.values()
    )


def _newest(stored: Sequence[json_lines.Line]) -> list[json_lines.Line]:
    """Returns the last line of each step, in the order of the steps."""
    by_step = {
        line.content["step"]: line for line in stored if line.content is not None
    }
    return [by_step[step] for step in sorted(by_step)]
