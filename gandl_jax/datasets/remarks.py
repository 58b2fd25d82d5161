"""What is odd about a screen's metadata, but no error: one line each."""

import re
from collections.abc import Iterator

import pandas as pd

from gandl_jax.datasets.screen import Screen

_SAME = re.compile(r"[\s_-]+")  # what two spellings of one name may differ in


def remarks(screen: Screen, table: pd.DataFrame) -> list[str]:
    """Remarks for the person who prepares a screen.

    Args:
      screen: the spec.
      table: its `Metadata_*` columns, N rows.

    Returns:
      Sentences; none where nothing is odd.
    """
    return [*_spellings(table), *_doses(table), *_controls(screen, table)]


def _spellings(table: pd.DataFrame) -> Iterator[str]:
    """Treatments that differ only in case, blanks, hyphens or underscores."""
    if "Metadata_Treatment" not in table:
        return
    names = pd.Series(sorted(table["Metadata_Treatment"].unique()), dtype=str)
    alike = names.groupby(names.map(lambda name: _SAME.sub("", name).casefold()))
    groups = [list(group) for _, group in alike if len(group) > 1]
    if groups:
        first = " and ".join(map(repr, groups[0]))
        seem = "treatment seems" if len(groups) == 1 else "treatments seem"
        yield (
            f"{len(groups)} {seem} to be spelled in several ways, such as "
            f"{first}: they are kept apart; correct the table if they are one"
        )


def _doses(table: pd.DataFrame) -> Iterator[str]:
    """Treated records whose concentrations say nothing of a dose response."""
    if "Metadata_Concentration_uM" not in table:
        return
    doses = table.loc[table["Metadata_Role"] == "treated", "Metadata_Concentration_uM"]
    blank = int(doses.isna().sum())
    if blank:
        yield (
            f"{blank} of {len(doses)} treated records have no concentration: no dose "
            "response can come of them"
        )
    if len(doses) > 1 and not blank and doses.nunique() == 1:
        yield (
            f"all {len(doses)} treated records have one concentration, "
            f"{doses.iloc[0]:g} uM: there is no dose response to fit"
        )


def _controls(screen: Screen, table: pd.DataFrame) -> Iterator[str]:
    """Controls that the spec names and no record is."""
    for role in ("response_0", "response_1"):
        rule = getattr(screen, role)
        if rule and not (table["Metadata_Role"] == role).any():
            told = "; ".join(f"{k}={'|'.join(v)}" for k, v in rule.items())
            yield (
                f"no record is the control {role} ({told}): what needs it will be "
                "left out"
            )
