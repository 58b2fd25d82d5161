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
    """Wells of a screen as one feature set sees them.

    Attributes:
      role: of the encoder, as `encoder_roles.roles` names it.
      row: of well_map, without its wells.
      frame: a line per well; "plate_name" is unique, and missing without plates.
    """

    role: str
    row: Row
    frame: pd.DataFrame

    @property
    def dose_unit(self) -> str:
        """Unit of the wells' doses."""
        return dose_unit.named_in(self.row)

    @property
    def has_responses(self) -> bool:
        """Returns True if some wells were judged by controls."""
        return bool(self.frame["response"].notna().any())

    @property
    def has_plates(self) -> bool:
        """Returns True if wells have positions on plates."""
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
    by_role = {}
    for row in rows:
        role = encoder_roles.role_of(row, names, features)
        if role:
            without_wells = {key: value for key, value in row.items() if key != "wells"}
            by_role[role] = Wells(role, without_wells, _frame(row["wells"]))
    return {role: by_role[role] for role in names if role in by_role}


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
    """Returns [W] bool, True where a well looks more like the wanted state."""
    return frame["response"] > HALF_WAY


def control_names(frame: pd.DataFrame) -> dict[str, str]:
    """Names the controls as the screen does.

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
                values = [value for value in wells[column].dropna().unique() if value]
                if len(values) == 1:
                    names[role] = str(values[0]).replace("_", " ")
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
    sentence = (
        f"{hits:,} of {len(treated):,} treated wells ({hits / len(treated):.0%}) look "
        f"more like {goal} than like the controls without effect."
    )
    shares = []
    for role, description in (
        ("response_0", "controls without effect"),
        ("response_1", f"controls in the wanted state ({goal})"),
    ):
        wells = known[known["role"] == role]
        if len(wells):
            shares.append(f"{wanted(wells).mean():.0%} of the {description}")
    if shares:
        sentence += f" For comparison: {' and '.join(shares)} do."
    unknown = len(frame) - len(known)
    if unknown:
        count = page.count(unknown, "well")
        sentence += (
            f" Without a response, as controls are missing or not told apart: {count}."
        )
    return sentence


def best_plates(frame: pd.DataFrame) -> list[str]:
    """Names the plates, those with most treated wells in the wanted state first."""
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
    """Names the plates that lack wells of one control or of both."""
    if "plate_name" not in frame:
        return []
    roles = frame.groupby("plate_name", sort=False)["role"].agg(set)
    lacking = [
        name
        for name, roles_of_plate in roles.items()
        if not {"response_0", "response_1"} <= roles_of_plate
    ]
    return natural(lacking)


def numbers(all_wells: Iterable[Wells]) -> pd.DataFrame:
    """Joins all wells of all sets into one table, for the CSV file."""
    frames = []
    for shown in all_wells:
        frame = shown.frame.drop(columns="plate_name", errors="ignore")
        frame.insert(0, "set", shown.row["set"])
        if "concentration_um" in frame:
            frame[dose_unit.KEY] = shown.dose_unit
        frame[marks.LABELS] = shown.row.get(marks.LABELS)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def words(frame: pd.DataFrame, unit: str = dose_unit.MICROMOLAR) -> list[str]:
    """Describes what each well holds, its dose and its response.

    Args:
      frame: of `Wells`.
      unit: of its doses.
    """
    roles = {"response_0": "control without effect", "response_1": "wanted control"}
    nothing = [""] * len(frame)

    def column(name: str) -> list:
        return frame[name].tolist() if name in frame else nothing

    texts = []
    for well, treatment, dose, condition, role, response in zip(
        *map(column, ("well", "treatment", "concentration_um", "condition")),
        frame["role"].map(roles).fillna("").tolist(),
        frame["response"].tolist(),
        strict=True,
    ):
        has_dose = dose and dose > 0
        treated = f"{treatment} {page.dose(dose, unit)}" if has_dose else treatment
        response_text = "" if np.isnan(response) else f"response {response:.2f}"
        parts = (well, treated, condition, role, response_text)
        texts.append(" · ".join(str(part) for part in parts if _known(part)))
    return texts


def _known(part: object) -> bool:
    return part is not None and part == part and part != ""
