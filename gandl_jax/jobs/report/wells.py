"""Wells and their responses: which look like the wanted state, and where they lie."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from gandl_jax import dose_unit
from gandl_jax.jobs.report import encoder_roles, page
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.tasks import marks

HALF_WAY = 0.5  # a response above it is nearer the wanted state than the other


@dataclasses.dataclass(frozen=True)
class Wells:
    """The wells of a screen as one feature set sees them.

    Attributes:
      role: of the encoder, as `encoder_roles.roles` names it.
      row: of well_map, without its wells.
      frame: a line per well; "plate_name" tells plates apart where there are any.
    """

    role: str
    row: Row
    frame: pd.DataFrame

    @property
    def dose_unit(self) -> str:
        """The unit of the wells' doses."""
        return dose_unit.named_in(self.row)

    @property
    def has_responses(self) -> bool:
        """True where some wells were judged by controls."""
        return bool(self.frame["response"].notna().any())

    @property
    def has_plates(self) -> bool:
        """True where wells have places on plates."""
        needed = {"plate_name", "row", "column"}
        return needed <= set(self.frame) and bool(self.frame["row"].notna().any())


def read(
    rows: Iterable[Row], names: Mapping[str, str], features: str
) -> dict[str, Wells]:
    """Sorts the rows of well_map by the role of encoder.

    Args:
      rows: of well_map.
      names: role -> encoder, as `encoder_roles.roles` returns.
      features: the set of the networks' features that is shown.

    Returns:
      Role -> wells, in the order of `names`.
    """
    found = {}
    for row in rows:
        role = encoder_roles.role_of(row, names, features)
        if role:
            plain = {key: value for key, value in row.items() if key != "wells"}
            found[role] = Wells(role, plain, _frame(row["wells"]))
    return {role: found[role] for role in names if role in found}


def _frame(columns: Mapping[str, list]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    for name in ("response", "side_effect", "concentration_um"):
        if name in frame:
            frame[name] = frame[name].astype(float)  # None becomes NaN
    if "plate" in frame:
        plate = frame["plate"].astype(str)
        if "experiment" in frame:
            plate = frame["experiment"].astype(str) + "/" + plate
        frame["plate_name"] = plate
    return frame


def wanted(frame: pd.DataFrame) -> pd.Series:
    """[W] bool: the well looks more like the wanted state than like the other."""
    return frame["response"] > HALF_WAY


def control_names(frame: pd.DataFrame) -> dict[str, str]:
    """What the controls are called in the screen.

    Args:
      frame: of `Wells`.

    Returns:
      "response_0", "response_1" -> the condition or treatment that all its wells
      share; roles without wells, and those of several names, are left out.
    """
    names = {}
    for role in ("response_0", "response_1"):
        wells = frame[frame["role"] == role]
        for column in ("condition", "treatment"):
            if column in frame and role not in names:
                found = [v for v in wells[column].dropna().unique() if v]
                if len(found) == 1:
                    names[role] = str(found[0]).replace("_", " ")
    if len(set(names.values())) < len(names):
        return {}
    return names


def answer(frame: pd.DataFrame) -> str:
    """Counts the treated wells that look like the wanted state.

    Args:
      frame: of `Wells`.
    """
    known = frame[frame["response"].notna()]
    treated = known[known["role"] == "treated"]
    if treated.empty:
        return "No treated well has a response."
    names = control_names(frame)
    goal = names.get("response_1", "the wanted state")
    hits = int(wanted(treated).sum())
    words = (
        f"{hits:,} of {len(treated):,} treated wells ({hits / len(treated):.0%}) look "
        f"more like {goal} than like the controls without effect."
    )
    shares = []
    for role, of in (
        ("response_0", "controls without effect"),
        ("response_1", f"controls in the wanted state ({goal})"),
    ):
        wells = known[known["role"] == role]
        if len(wells):
            shares.append(f"{wanted(wells).mean():.0%} of the {of}")
    if shares:
        words += f" For comparison: {' and '.join(shares)} do."
    lost = len(frame) - len(known)
    if lost:
        count = page.count(lost, "well")
        words += (
            f" Without a response, as controls are missing or not told apart: {count}."
        )
    return words


def best_plates(frame: pd.DataFrame) -> list[str]:
    """Names of the plates, those with most treated wells in the wanted state first."""
    treated = frame[(frame["role"] == "treated") & wanted(frame)]
    counts = treated["plate_name"].value_counts().to_dict()
    return sorted(
        natural(frame["plate_name"].unique()), key=lambda name: -counts.get(name, 0)
    )


def natural(names: Iterable[str]) -> list[str]:
    """Sorts names as people do: plate 2 before plate 10."""

    def parts(name: str) -> list[tuple[int, str]]:
        pieces, digits = [], ""
        for sign in str(name) + "/":
            if sign.isdecimal():
                digits += sign
                continue
            if digits:
                pieces.append((int(digits), ""))
                digits = ""
            pieces.append((-1, sign))
        return pieces

    return sorted(names, key=parts)


def without_controls(frame: pd.DataFrame) -> list[str]:
    """Plates that lack wells of one control or of both."""
    if "plate_name" not in frame:
        return []
    roles = frame.groupby("plate_name", sort=False)["role"].agg(set)
    lacking = [
        name
        for name, found in roles.items()
        if not {"response_0", "response_1"} <= found
    ]
    return natural(lacking)


def numbers(all_wells: Iterable[Wells]) -> pd.DataFrame:
    """All wells of all sets as one table, for the CSV file."""
    frames = []
    for one in all_wells:
        frame = one.frame.drop(columns="plate_name", errors="ignore")
        frame.insert(0, "set", one.row["set"])
        if "concentration_um" in frame:
            frame[dose_unit.KEY] = one.dose_unit
        frame[marks.LABELS] = one.row.get(marks.LABELS)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def words(frame: pd.DataFrame, unit: str = dose_unit.MICROMOLAR) -> list[str]:
    """What each well holds, its dose and its response.

    Args:
      frame: of `Wells`.
      unit: of its doses.
    """
    roles = {"response_0": "control without effect", "response_1": "wanted control"}
    nothing = [""] * len(frame)

    def column(name: str) -> list:
        return frame[name].tolist() if name in frame else nothing

    found = []
    for well, treatment, dose, condition, role, response in zip(
        *map(column, ("well", "treatment", "concentration_um", "condition")),
        frame["role"].map(roles).fillna("").tolist(),
        frame["response"].tolist(),
        strict=True,
    ):
        dosed = dose and dose > 0
        treated = f"{treatment} {page.dose(dose, unit)}" if dosed else treatment
        value = "" if np.isnan(response) else f"response {response:.2f}"
        parts = (well, treated, condition, role, value)
        found.append(" · ".join(str(part) for part in parts if _known(part)))
    return found


def _known(part: object) -> bool:
    return part is not None and part == part and part != ""
