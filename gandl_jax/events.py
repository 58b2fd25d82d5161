"""What befell a training, in `events.jsonl`: starts, ends, and all that went wrong.

One object per line: {"date": ..., "what": ..., and what belongs to it}. `what` is
"started" (step, devices), "finished" (step), "preempted" (why), "interrupted" (why),
"failed" (why), "passed_over" (step, why: a checkpoint) or "rolled_back" (step, found:
at which step, to, why, folder). A run that was killed says nothing at its end.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import json_lines

FILE = "events.jsonl"


def add(workdir: epath.PathLike, what: str, **details: Any) -> None:
    """Writes down one event.

    Args:
      workdir: of the experiment.
      what: see above.
      **details: plain data.
    """
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    json_lines.append(
        epath.Path(workdir) / FILE, {"date": date, "what": what, **details}
    )


def read(workdir: epath.PathLike, what: str | None = None) -> list[dict[str, Any]]:
    """The events so far, oldest first; damaged lines are left out.

    Args:
      workdir: of the experiment.
      what: only these; None is all.
    """
    lines = json_lines.read(epath.Path(workdir) / FILE, is_event)
    found = [line.content for line in lines if line.content is not None]
    return [event for event in found if what in (None, event["what"])]


def early_end(events: Sequence[Mapping[str, Any]]) -> int | None:
    """The step at which a training was done before its last, if it was."""
    steps = [event["step"] for event in events if event["what"] == "stopped_early"]
    return steps[-1] if steps else None


def is_event(line: Mapping[str, Any]) -> bool:
    """Whether an object is an event."""
    return isinstance(line.get("what"), str) and isinstance(line.get("date"), str)
