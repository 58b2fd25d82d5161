"""The unit of a screen's doses, `config.data.dose_unit`: names on pages and in tables.

Doses are numbers as the screen's table has them; no unit changes a result. Rows of the
tasks that are about doses hold theirs as "dose_unit". Keys of rows and columns end in
`_um`, which is micromolar, whatever the unit is; files for people name the unit.
"""

import re
from collections.abc import Mapping
from typing import Any

from gandl_jax.errors import InputError

MICROMOLAR = "uM"
KEY = "dose_unit"  # of a row
LONGEST = 20  # characters
_UM = re.compile(r"_u[mM]$")
_MICRO = re.compile(r"^u(?=[Mglm])")


def check(unit: str) -> None:
    """Checks that a unit can stand in a sentence and name a column.

    Raises:
      InputError: it is empty, too long, or has signs that no unit has.
    """
    named = any(sign.isalpha() or sign == "%" for sign in unit)
    if not named or not unit.isprintable() or len(unit) > LONGEST:
        raise InputError(
            f"config.data.dose_unit={unit!r} should be a unit such as uM, nM or ug/mL: "
            f"at most {LONGEST} characters, with a letter or % among them"
        )


def named_in(content: Mapping[str, Any]) -> str:
    """The unit that a task's row or options name; uM where they name none.

    Rows of former versions name none.
    """
    return content.get(KEY, MICROMOLAR)


def shown(unit: str) -> str:
    """A unit as it is printed on pages and figures: "µM" of "uM"."""
    return _MICRO.sub("µ", unit)


def column(name: str, unit: str) -> str:
    """A column's name with the unit that its doses have: "ec50_nm" of "ec50_um"."""
    return name if unit == MICROMOLAR else _UM.sub(f"_{_slug(unit)}", name)


def _slug(unit: str) -> str:
    """A unit as a part of a name: "ug_per_ml" of "ug/mL"."""
    words = unit.replace("%", " percent ").replace("/", " per ").lower()
    return "_".join(re.findall(r"[^\W_]+", words))
