"""What befell a training, in `events.jsonl`: starts, ends, and all that went wrong.

One object per line: {"date": ..., "what": ..., and what belongs to it}. `what` is
"started" (step, devices), "finished" (step), "preempted" (why), "interrupted" (why),
"failed" (why), "passed_over" (step, why: a checkpoint) or "rolled_back" (step, found:
at which step, to, why, folder). A run that was killed says nothing at its end.
"""

import datetime
import json
from typing import Any

from etils import epath

from gandl_jax import files

FILE = "events.jsonl"


def add(workdir: epath.PathLike, what: str, **details: Any) -> None:
    """Writes down one event.

    Args:
      workdir: of the experiment.
      what: see above.
      **details: plain data.
    """
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    line = json.dumps({"date": date, "what": what, **details})
    file = epath.Path(workdir) / FILE
    is_cut_off = file.exists() and not files.read_bytes(file).endswith(b"\n")
    with file.open("a") as opened:
        opened.write("\n" * is_cut_off + f"{line}\n")


def read(workdir: epath.PathLike, what: str | None = None) -> list[dict[str, Any]]:
    """The events so far, oldest first; a line that was cut off is left out.

    Args:
      workdir: of the experiment.
      what: only these; None is all.
    """
    file = epath.Path(workdir) / FILE
    found = []
    for text in files.read_bytes(file).splitlines() if file.exists() else ():
        try:
            event = json.loads(text)
            if what in (None, event["what"]):
                found.append(event)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found
