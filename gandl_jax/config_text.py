"""Reads options and values of a config that are typed as text; nothing is executed."""

import ast
import re
from collections.abc import Mapping
from typing import Any

from gandl_jax.errors import InputError, nearest

# Of a list: in double quotes where a comma is a part of it.
_WORD = re.compile(r'\s*("[^"]*")\s*(?=,|$)|([^,]+)')


def options(text: str, **defaults: bool | int | float | str) -> dict[str, Any]:
    """Parses what follows a config file's colon: `smoke,method=gan,size=3`.

    Args:
      text: comma-separated `key=value`; a bare word is true.
      **defaults: options that the file declares besides `smoke`, `method` and
        `recipe`, with their defaults.

    Returns:
      Every declared option with its value.

    Raises:
      InputError: an option that the file does not declare, or a value of another type.
    """
    always = {"smoke": False, "method": "gan", "recipe": ""}
    return read_options(text, always | defaults)


def read_options(
    text: str, defaults: Mapping[str, bool | int | float | str]
) -> dict[str, Any]:
    """As `options`, of those that are declared alone."""
    values = dict(defaults)
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if key not in defaults:
            raise InputError(
                f"the config has no option {key!r}: {nearest(key, defaults)}"
            )
        read = parse(key, value if equals else "true", defaults[key])
        values = values | {key: read}
    return values


def parse(key: str, text: str, like: Any) -> Any:
    """Reads `text` as a value of the type that `like` has; nothing is executed.

    Raises:
      InputError: the text is not of that type.
    """
    if isinstance(like, str):
        return text
    if isinstance(like, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise InputError(f"{key}={text!r} should be true or false")
    if isinstance(like, tuple):
        words = _words(text)
        return tuple(parse(key, word, like[0]) for word in words) if like else words
    try:
        value = ast.literal_eval(text.replace("_", ""))
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # nested, too
        value = None
    if isinstance(like, float) and type(value) in (int, float):
        return float(value)
    if type(value) is type(like):
        return value
    kind = {int: "a whole number", float: "a number"}[type(like)]
    raise InputError(f"{key}={text!r} should be {kind}")


def write(value: Any) -> str:
    """The text that `parse` reads as a value."""
    if not isinstance(value, tuple):
        return str(value)
    return ",".join(f'"{word}"' if "," in str(word) else str(word) for word in value)


def _words(text: str) -> tuple[str, ...]:
    """The words of a list: `a,b`, `(a,b)`, or `"a, with a comma",b`."""
    found = [
        quoted or word for quoted, word in _WORD.findall(_without_parentheses(text))
    ]
    words = (word[1:-1] if word[:1] == '"' else word.strip() for word in found)
    return tuple(word for word in words if word)


def _without_parentheses(text: str) -> str:
    """The text within one pair of parentheses around all of it; else the text."""
    inside = text.strip()[1:-1]
    around = text.strip()[:1] == "(" and text.strip()[-1:] == ")"
    # "(a),(b)" are two words in parentheses of their own.
    return inside if around and inside.find("(") <= inside.find(")") else text
