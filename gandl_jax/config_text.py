"""Parses options and values of a config from text; nothing is executed."""

import ast
import re
from collections.abc import Mapping
from typing import Any

from gandl_jax.errors import InputError, nearest

# An item of a list, in double quotes if it holds a comma.
_WORD = re.compile(r'\s*("[^"]*")\s*(?=,|$)|([^,]+)')


def options(text: str, **defaults: bool | int | float | str) -> dict[str, Any]:
    """Parses the options behind a config file's colon: `smoke,method=gan,size=3`.

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
    """Parses declared options only; arguments, result and errors as in `options`."""
    values = dict(defaults)
    for item in filter(None, text.split(",")):
        key, equals, value = item.partition("=")
        if key not in defaults:
            raise InputError(
                f"the config has no option {key!r}: {nearest(key, defaults)}"
            )
        parsed = parse(key, value if equals else "true", defaults[key])
        values = values | {key: parsed}
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
        items = _items(text)
        return tuple(parse(key, item, like[0]) for item in items) if like else items
    try:
        value = ast.literal_eval(text.replace("_", ""))
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # nested, too
        value = None
    if isinstance(like, float) and type(value) in (int, float):
        return float(value)
    if type(value) is type(like):
        return value
    type_name = {int: "a whole number", float: "a number"}[type(like)]
    raise InputError(f"{key}={text!r} should be {type_name}")


def write(value: Any) -> str:
    """Writes a value as the text that `parse` reads."""
    if not isinstance(value, tuple):
        return str(value)
    return ",".join(f'"{item}"' if "," in str(item) else str(item) for item in value)


def _items(text: str) -> tuple[str, ...]:
    """Splits a list: `a,b`, `(a,b)`, or `"a, with a comma",b`."""
    texts = [
        quoted or text for quoted, text in _WORD.findall(_without_parentheses(text))
    ]
    items = (text[1:-1] if text[:1] == '"' else text.strip() for text in texts)
    return tuple(text for text in items if text)


def _without_parentheses(text: str) -> str:
    """Removes one pair of parentheses around the whole text."""
    inside = text.strip()[1:-1]
    around = text.strip()[:1] == "(" and text.strip()[-1:] == ")"
    # "(a),(b)" are two items, each in parentheses.
    return inside if around and inside.find("(") <= inside.find(")") else text
