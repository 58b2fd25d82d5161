"""Shape of `_made_from.json`, the note that says what a feature set was made from."""

from collections.abc import Mapping
from typing import Any

from gandl_jax import plain_data, sealed_json

POLICY = "skips_bad_records"  # it may change between runs
_ELSEWHERE = (
    {"file": str, "channels?": [(int, None)]},
    {"experiment": str, "dataset": str},
)
_SHAPE = {
    "prepared?": str,
    "channels?": [str],
    "saw_images?": (bool, None),
    "weights?": str,
    "weights_sha256?": str,
    "encoder?": _ELSEWHERE,
    "start?": {"from": str, "sha256": str},
    "random?": {},
    "learnt_label?": str,
    "trained_on_sha256?": str,
    "orientations?": int,
    "more_sets?": [str],
    "classical?": {"cp_measure": str, "nuclei": str},
    POLICY + "?": bool,
    "file?": str,
    "key?": [str],
    "level?": str,
    "unmatched?": str,
}


def check(note: Any) -> None:
    """Refuses a note of another shape.

    Raises:
      ValueError: a value is of another type than it should be.
    """
    if not plain_data.fits(note, _SHAPE):
        raise ValueError("a value is of another type than it should be")


def digest(note: Mapping[str, Any]) -> str:
    """Returns the SHA-256, in hex, of the keys that stay the same between runs."""
    return sealed_json.digest(
        {key: value for key, value in note.items() if key != POLICY}
    )
