"""Shapes of plain data, to check that data read is built like data written."""

from typing import Any

OPTIONAL = "?"  # suffix of a key that may be missing


def fits(value: Any, shape: Any) -> bool:
    """Whether a value of JSON has a shape.

    Args:
      value: as parsed.
      shape: `str`, `bool`, `int`, or `float` for any number; `object` for anything;
        None; a tuple of alternatives; [shape] for a list of such; {str: shape} for a
        dictionary of any keys; or {"key": shape, "other?": shape} for one with these
        keys, of which "other" may be missing, and any others.
    """
    if isinstance(shape, tuple):
        return any(fits(value, alternative) for alternative in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and _fits_keys(value, shape)
    if shape is object:
        return True
    if shape is float:
        return type(value) in (int, float)
    return value is None if shape is None else type(value) is shape


def _fits_keys(value: dict[str, Any], shape: dict[Any, Any]) -> bool:
    if str in shape:
        return all(fits(item, shape[str]) for item in value.values())
    return all(
        fits(value[name], key_shape)
        if (name := key.removesuffix(OPTIONAL)) in value
        else key.endswith(OPTIONAL)
        for key, key_shape in shape.items()
    )
