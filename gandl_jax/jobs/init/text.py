"""Text of a commented config, from a proposal."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax.jobs.init.proposal import Proposal

WIDTH = 88
COMMENTS = {  # comments above groups of keys
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
    """Writes the text of a config file.

    Args:
      proposal: keys, guesses and what is not known.
      facts: sentences on the screen.
      notes: sentences on what was decided.
      file: path of the config, for the commands in it.
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
    lines += ["    config = configs.augmented(config)  # gan's recipe for few images"]
    for group in GROUPS:
        lines += _group(group, proposal.settings)
    lines += _controls(proposal.settings)
    lines += ["    return configs.finish(config, options)", ""]
    return "\n".join(lines)


def _section(title: str, sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    lines = [f"{title}:"]
    for sentence in sentences:
        lines += _wrapped(_safe(sentence), "- ", "  ")
    return [*lines, ""]


def _safe(sentence: str) -> str:
    """Makes a sentence safe in a docstring: no end of a string, no line break."""
    escaped = sentence.replace("\\", "/").replace('"""', "'''").replace("\n", " ")
    return escaped + ("" if escaped.endswith(".") else ".")


def _wrapped(text: str, first: str, others: str) -> list[str]:
    """Wraps a text into lines of at most WIDTH characters, with prefixes."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _group(group: str, settings: Mapping[str, Any]) -> list[str]:
    """Writes the keys of a group as one update; subgroups are updates after it."""
    values = {
        key.removeprefix(f"{group}."): value
        for key, value in settings.items()
        if key.startswith(f"{group}.") and key not in APART
    }
    keys_of_group = {key: value for key, value in values.items() if "." not in key}
    keys_of_subgroups = {key: value for key, value in values.items() if "." in key}
    if group == "screen":
        keys_of_subgroups = {}
    lines = _comment(group) if keys_of_group else []
    if keys_of_group:
        lines.append(f"    config.{group}.update(")
        lines += [
            f"        {key}={_value(value)}," for key, value in keys_of_group.items()
        ]
        lines.append("    )")
    for key, value in keys_of_subgroups.items():
        lines.append(f"    config.{group}.{key} = {_value(value)}")
    return lines


def _controls(settings: Mapping[str, Any]) -> list[str]:
    values = {key: settings[key] for key in APART if key in settings}
    lines = _comment("screen.response") if values else []
    return lines + [
        f"    config.{key} = {_value(value)}" for key, value in values.items()
    ]


def _comment(group: str) -> list[str]:
    if group not in COMMENTS:
        return []
    return _wrapped(COMMENTS[group], "    # ", "    # ")


def _value(value: Any) -> str:
    """Writes a value as Python does, in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, tuple):
        return repr(value)
    items = [_value(item) for item in value]
    return f"({', '.join(items)}{',' * (len(items) == 1)})"
