"""What the doctor finds: each in words, with what to do about it."""

import dataclasses
import math

GOOD, NOTE, BAD = "ok", "note", "BAD"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
      what: it is, in a word or two.
      state: GOOD, NOTE or BAD.
      words: how it is.
      do: what to do about it, a sentence; "" is nothing.
      command: the command line that does it; "" is none.
    """

    what: str
    state: str
    words: str
    do: str = ""
    command: str = ""


def lasting(seconds: float) -> str:
    """A time in words, in its largest two units: "3 h 5 min"; "?" where unknown."""
    if not math.isfinite(seconds):
        return "?"
    left, words = max(0, round(seconds)), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count or words:
            words.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, words[:2])) or "0 s"


def size(count: float) -> str:
    """Bytes in words: "3.4 MB"."""
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count:.0f} bytes"
