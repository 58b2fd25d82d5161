"""The doctor's findings: a sentence each, with advice."""

import dataclasses
import math

GOOD, NOTE, BAD = "ok", "note", "BAD"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Result of one examination.

    Attributes:
      what: the subject, in a word or two.
      state: GOOD, NOTE or BAD.
      result: of the examination, a clause.
      do: advice, a sentence; "" is none.
      command: the command line that does it; "" is none.
    """

    what: str
    state: str
    result: str
    do: str = ""
    command: str = ""


def lasting(seconds: float) -> str:
    """Formats a time in its largest two units: "3 h 5 min"; "?" if unknown."""
    if not math.isfinite(seconds):
        return "?"
    left, texts = max(0, round(seconds)), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count or texts:
            texts.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, texts[:2])) or "0 s"


def size(count: float) -> str:
    """Formats a number of bytes: "3.4 MB"."""
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count:.0f} bytes"
