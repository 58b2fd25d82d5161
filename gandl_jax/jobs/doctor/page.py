"""The findings as a page to read in a terminal."""

import textwrap
from collections.abc import Mapping, Sequence

from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding

WIDTH = 88
Sections = Mapping[str, Sequence[Finding]]


def text(workdir: str, sections: Sections, then: tuple[str, str]) -> str:
    """The page: a verdict, the sections, what to do next.

    Args:
      workdir: as the user gave it.
      sections: heading to findings; empty ones are left out.
      then: what comes next in any case, and its command or "".
    """
    lines = [f"{workdir}: {verdict(sections)}"]
    for heading, found in sections.items():
        if found:
            lines += ["", heading, *(_finding(one) for one in found)]
    lines += ["", "What to do next"]
    for number, (words, command) in enumerate([*advice(sections), then], 1):
        lines.append(_wrapped(words, f"  {number}. "))
        lines += [f"     {command}"] if command else []
    return "\n".join(lines) + "\n"


def verdict(sections: Sections) -> str:
    """How all is, in a few words."""
    states = [one.state for found in sections.values() for one in found]
    bad, noted = states.count(BAD), states.count(NOTE)
    if not bad and not noted:
        return "all is well"
    told = [f"{bad} bad"] if bad else ["nothing bad"]
    told += [f"{noted} to note"] if noted else []
    return ", ".join(told)


def advice(sections: Sections) -> list[tuple[str, str]]:
    """(what to do, command), first for what is bad, each once."""
    found = [one for some in sections.values() for one in some if one.do]
    found = sorted(found, key=lambda one: (BAD, NOTE, GOOD).index(one.state))
    return list(dict.fromkeys((f"{one.what}: {one.do}", one.command) for one in found))


def _finding(one: Finding) -> str:
    return _wrapped(one.words, f"  {one.state:5}{one.what:15}")


def _wrapped(words: str, head: str) -> str:
    return textwrap.fill(
        words,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
