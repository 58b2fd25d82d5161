"""Events of a training, in `events.jsonl`: starts, ends and failures.

One object per line: {"date": ..., "what": ..., and details}. `what` is "started" (step,
devices), "finished" (step), "preempted" (why), "interrupted" (why), "failed" (why),
"passed_over" (step, why: a checkpoint) or "rolled_back" (step, found: the step of
notice, to, why, folder). A run that was killed has no event at its end.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import json_lines

FILE = "events.jsonl"


def add(workdir: epath.PathLike, what: str, **details: Any) -> None:
    """Appends an event.

    Args:
      workdir: of the experiment.
      what: name of the event, see above.
      **details: plain data.
    """
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    json_lines.append(
        epath.Path(workdir) / FILE, {"date": date, "what": what, **details}
    )


def read(workdir: epath.PathLike, what: str | None = None) -> list[dict[str, Any]]:
    """Reads the events so far, oldest first; damaged lines are left out.

    Args:
      workdir: of the experiment.
      what: name of the events to read; None for all.
    """
    lines = json_lines.read(epath.Path(workdir) / FILE, is_event)
    events = [line.content for line in lines if line.content is not None]
    return [event for event in events if what in (None, event["what"])]


def early_end(events: Sequence[Mapping[str, Any]]) -> int | None:
    """Returns the step at which a training stopped early, or None."""
    steps = [event["step"] for event in events if event["what"] == "stopped_early"]
    return steps[-1] if steps else None


def is_event(line: Mapping[str, Any]) -> bool:
    """Whether an object is an event."""
    return isinstance(line.get("what"), str) and isinstance(line.get("date"), str)
