"""Writes the findings as a page to read in a terminal."""

import textwrap
from collections.abc import Mapping, Sequence

from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding

WIDTH = 88
Sections = Mapping[str, Sequence[Finding]]


def text(workdir: str, sections: Sections, then: tuple[str, str]) -> str:
    """Makes the page: a verdict, the sections, what to do next.

    Args:
      workdir: as the user gave it.
      sections: heading to findings; empty ones are left out.
      then: next step in any case, and its command or "".
    """
    lines = [f"{workdir}: {verdict(sections)}"]
    for heading, findings in sections.items():
        if findings:
            lines += ["", heading, *(_finding(finding) for finding in findings)]
    lines += ["", "What to do next"]
    for number, (sentence, command) in enumerate([*advice(sections), then], 1):
        lines.append(_wrapped(sentence, f"  {number}. "))
        lines += [f"     {command}"] if command else []
    return "\n".join(lines) + "\n"


def verdict(sections: Sections) -> str:
    """Sums up the state of a workdir in a few words."""
    states = [finding.state for findings in sections.values() for finding in findings]
    bad, noted = states.count(BAD), states.count(NOTE)
    if not bad and not noted:
        return "all is well"
    counts = [f"{bad} bad"] if bad else ["nothing bad"]
    counts += [f"{noted} to note"] if noted else []
    return ", ".join(counts)


def advice(sections: Sections) -> list[tuple[str, str]]:
    """Returns (what to do, command), for bad findings first, without repetition."""
    advised = [
        finding for findings in sections.values() for finding in findings if finding.do
    ]
    advised = sorted(
        advised, key=lambda finding: (BAD, NOTE, GOOD).index(finding.state)
    )
    return list(
        dict.fromkeys(
            (f"{finding.what}: {finding.do}", finding.command) for finding in advised
        )
    )


def _finding(finding: Finding) -> str:
    return _wrapped(finding.result, f"  {finding.state:5}{finding.what:15}")


def _wrapped(sentence: str, head: str) -> str:
    return textwrap.fill(
        sentence,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
