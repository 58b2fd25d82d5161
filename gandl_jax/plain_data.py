"""Shapes of plain data: is what was read built as what was written?"""

from typing import Any

OPTIONAL = "?"  # at the end of a key that may lack


def fits(value: Any, shape: Any) -> bool:
    """Whether a value of JSON has a shape.

    Args:
      value: as parsed.
      shape: `str`, `bool`, `int`, or `float` for any number; `object` for anything;
        None; a tuple of alternatives; [shape] for a list of such; {str: shape} for a
        dictionary of any keys; or {"key": shape, "other?": shape} for one with these
        keys, of which "other" may lack, and any besides.
    """
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(x, shape[0]) for x in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and _fits_keys(value, shape)
    if shape is object:
        return True
    if shape is float:
        return type(value) in (int, float)
    return value is None if shape is None else type(value) is shape


def _fits_keys(value: dict[str, Any], shape: dict[Any, Any]) -> bool:
    if str in shape:
        return all(fits(x, shape[str]) for x in value.values())
    return all(
        fits(value[name], one)
        if (name := key.removesuffix(OPTIONAL)) in value
        else key.endswith(OPTIONAL)
        for key, one in shape.items()
    )
