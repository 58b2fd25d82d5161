"""A commented config as text, from what was found."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax.jobs.init.proposal import Proposal

WIDTH = 88
COMMENTS = {  # what stands above a group of keys
    "data": "Where it is. `dir` is made, and may be deleted and made again.",
    "screen": (
        "The files: a name in braces is a column; {channel} is a channel's code, * any "
        "text."
    ),
    "screen.columns": "The columns: on the left our name, on the right the table's.",
    "screen.response": (
        'The controls, as "column=value|value; column=value"; an empty value is a '
        "blank."
    ),
    "evaluate": "What is held apart when scores are made.",
}
GROUPS = ("data", "model", "embed", "screen", "screen.columns", "evaluate")
APART = ("screen.response_0", "screen.response_1")


def write(
    proposal: Proposal, facts: Sequence[str], notes: Sequence[str], file: str
) -> str:
    """The text of a config file.

    Args:
      proposal: keys, guesses and what is not known.
      facts: what was found, sentences.
      notes: what was decided on the way, sentences.
      file: its path, for the commands in it.
    """
    lines = [
        f'"""{proposal.settings["screen.name"]}, as --job=init describes it: read it '
        "once, mend it, run it.",
        "",
        f"  python -m gandl_jax.main --config={file}:smoke --job=all   # a trial",
        f"  python -m gandl_jax.main --config={file} --job=all",
        "",
        *_section("Found", [*facts, *notes]),
        *_section("Guessed, so look", proposal.guesses),
        *_section("Could not be told", proposal.unknown),
    ]
    while not lines[-1]:
        lines.pop()
    lines += ['"""', "", "from gandl_jax import config as configs", "", ""]
    lines += ['def get_config(text: str = ""):']
    lines += ["    options = configs.options(text)"]
    lines += ['    config = configs.small(configs.default(options["method"]))']
    for group in GROUPS:
        lines += _group(group, proposal.settings)
    lines += _controls(proposal.settings)
    lines += ["    return configs.finish(config, options)", ""]
    return "\n".join(lines)


def _section(title: str, sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    made = [f"{title}:"]
    for sentence in sentences:
        made += _wrapped(_safe(sentence), "- ", "  ")
    return [*made, ""]


def _safe(sentence: str) -> str:
    """A sentence that ends no string and has no line breaks."""
    plain = sentence.replace("\\", "/").replace('"""', "'''").replace("\n", " ")
    return plain + ("" if plain.endswith(".") else ".")


def _wrapped(text: str, first: str, others: str) -> list[str]:
    """Lines of at most WIDTH characters, with what stands before each."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _group(group: str, settings: Mapping[str, Any]) -> list[str]:
    """The keys of a group as one update; those below are groups of their own."""
    own = {
        key.removeprefix(f"{group}."): value
        for key, value in settings.items()
        if key.startswith(f"{group}.") and key not in APART
    }
    flat = {key: value for key, value in own.items() if "." not in key}
    below = {key: value for key, value in own.items() if "." in key}
    if group == "screen":
        below = {}
    lines = _comment(group) if flat else []
    if flat:
        lines.append(f"    config.{group}.update(")
        lines += [f"        {key}={_value(value)}," for key, value in flat.items()]
        lines.append("    )")
    for key, value in below.items():
        lines.append(f"    config.{group}.{key} = {_value(value)}")
    return lines


def _controls(settings: Mapping[str, Any]) -> list[str]:
    own = {key: settings[key] for key in APART if key in settings}
    lines = _comment("screen.response") if own else []
    return lines + [f"    config.{key} = {_value(value)}" for key, value in own.items()]


def _comment(group: str) -> list[str]:
    if group not in COMMENTS:
        return []
    return _wrapped(COMMENTS[group], "    # ", "    # ")


def _value(value: Any) -> str:
    """A value as Python writes it, in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, tuple):
        return repr(value)
    words = [_value(word) for word in value]
    return f"({', '.join(words)}{',' * (len(words) == 1)})"
