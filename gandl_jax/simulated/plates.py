"""Lays out a simulated screen: its compounds, its wells, and their latent states.

It makes two tables, which are both written beside the images as the truth: `compounds`,
one row per compound and cell model, and `wells`, one row per well with everything that
the drawing of its sites depends on.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.simulated.stains import MECHANISMS


@dataclasses.dataclass(frozen=True)
class Plate:
    """The imaged wells of a plate, by names of rows and numbers of columns."""

    rows: tuple[str, ...]
    columns: range

    @property
    def wells(self) -> int:
        """Number of wells."""
        return len(self.rows) * len(self.columns)

    def check(self, wanted: int) -> None:
        """Raises InputError if more wells are wanted than the plate has."""
        if wanted > self.wells:
            raise InputError(
                f"config.simulate asks for {wanted} wells on a plate, which has "
                f"{self.wells}; raise plates_per_experiment or ask for less"
            )


# RxRx19a's wells of a 1536-well plate.
PLATE = Plate(
    (*"BCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB", "AC", "AD", "AE"), range(2, 48)
)
HALF_LOG_UM = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
MOCK, UV, ACTIVE = "Mock", "UV Inactivated SARS-CoV-2", "Active SARS-CoV-2"

# Infection of a well: mean and well-to-well standard deviation (ours, see
# `simulated.py` on difficulty).
INFECTION = {MOCK: (0.05, 0.06), UV: (0.12, 0.06), ACTIVE: (0.78, 0.12)}
PLATE_GAIN, WELL_GAIN, CHANNEL_GAIN = 0.10, 0.05, 0.04  # sd of log brightness
DENSITY = 0.14  # sd of the log number of cells


def four_parameter(dose_um, ec50_um, slope, top):
    """Returns responses top / (1 + (ec50 / dose)^slope), [N] for doses [N] uM."""
    return top / (1 + (ec50_um / dose_um) ** slope)


def compounds(options: Mapping, cell_models: list[str]) -> pd.DataFrame:
    """Draws the compounds.

    A compound has a kind (`rescuer`, `inactive`, `toxic`) and, independent of it, a
    mechanism: a small morphological change with its own curve. Kinds are spread over
    the mechanisms, and names reveal neither.

    Args:
      options: `seed` and the counts `rescuers`, `inactive`, `toxic`.
      cell_models: names of the cell models.

    Returns:
      One row per compound and cell model: treatment, cell_type, mechanism, kind;
      ec50_um, slope, top of rescue (for toxic ones of toxicity; for inactive ones NaN);
      mechanism_ec50_um.
    """
    rng = np.random.default_rng([options["seed"], 1])
    all_kinds = [
        kind_name
        for kind_name in ("rescuers", "inactive", "toxic")
        for _ in range(options[kind_name])
    ]
    names = [f"SIM-{number + 1:03d}" for number in rng.permutation(len(all_kinds))]
    rows = []
    for position, (name, kind) in enumerate(zip(names, all_kinds, strict=True)):
        low, high = (0.6, 4.0) if kind == "toxic" else (0.03, 0.6)  # uM
        ec50 = np.exp(rng.uniform(*np.log([low, high])))
        slope = rng.uniform(0.9, 2.0)
        for cell_model in cell_models:
            potency = np.exp(0.4 * rng.standard_normal())
            top = rng.uniform(0.75, 1.0)
            row = {
                "treatment": name,
                "cell_type": cell_model,
                "mechanism": MECHANISMS[position % len(MECHANISMS)],
                "kind": kind.removesuffix("s"),
            }
            if kind != "inactive":
                row |= {"ec50_um": ec50 * potency, "slope": slope, "top": top}
            rows.append(row | {"mechanism_ec50_um": np.exp(rng.normal(-2, 0.7))})
    columns = ["treatment", "cell_type", "mechanism", "kind"]
    columns += ["ec50_um", "slope", "top", "mechanism_ec50_um"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["treatment", "cell_type"], ignore_index=True)


def wells(
    options: Mapping, truth: pd.DataFrame, cell_models: list[str]
) -> pd.DataFrame:
    """Lays out every plate at random and draws the latent state of its wells.

    Args:
      options: see `config.simulate`.
      truth: as from `compounds`.
      cell_models: names of the cell models, with experiments NAME-1, NAME-2 ...

    Returns:
      One row per well: well_id and RxRx19a's well columns, `row` and `column` on the
      plate, then infection, rescue, toxicity, mechanism and mechanism_strength,
      density, blur_px, state_1.., gain_1.., offset_1...

    Raises:
      InputError: there are more wells than a plate has.
    """
    rng = np.random.default_rng([options["seed"], 2])
    tables = []
    for cell_model in cell_models:
        model_compounds = truth[truth["cell_type"] == cell_model]
        for experiment in range(1, options["experiments_per_cell_model"] + 1):
            name = f"{cell_model}-{experiment}"
            for plate, content in enumerate(
                _contents(options, model_compounds), start=1
            ):
                table = place_wells(rng, content, PLATE)
                table.insert(0, "cell_type", cell_model)
                table.insert(1, "experiment", name)
                table.insert(2, "plate", str(plate))
                tables.append(
                    optics(rng, _state(rng, table, model_compounds), PLATE, 5)
                )
    table = pd.concat(tables, ignore_index=True)
    key = table["experiment"] + "_" + table["plate"] + "_" + table["well"]
    table.insert(0, "well_id", key)
    return table


def _contents(options: Mapping, truth: pd.DataFrame) -> list[pd.DataFrame]:
    """Deals condition, treatment and concentration of every well to the plates.

    Replicates of a dose are on different plates, if there are enough plates.
    """
    plates = options["plates_per_experiment"]
    counts = (MOCK, "mock_wells"), (UV, "uv_wells"), (ACTIVE, "active_wells")
    controls = [
        (condition, "", "")
        for condition, option in counts
        for _ in range(options[option])
    ]
    plate_wells = [list(controls) for _ in range(plates)]
    doses = HALF_LOG_UM[-options["doses"] :]
    treatments = [(name, dose) for name in truth["treatment"] for dose in doses]
    for number, (name, dose) in enumerate(treatments):
        for replicate in range(options["replicates"]):
            plate_wells[(number + replicate) % plates].append((ACTIVE, name, str(dose)))
    PLATE.check(max(map(len, plate_wells)))
    columns = ["disease_condition", "treatment", "treatment_conc"]
    return [pd.DataFrame(rows, columns=columns) for rows in plate_wells]


def place_wells(
    rng: np.random.Generator, content: pd.DataFrame, plate: Plate
) -> pd.DataFrame:
    """Places each well on the plate at random, none twice.

    Args:
      rng: the screen's generator.
      content: one row per well.
      plate: the available wells.

    Returns:
      The rows with well, row and column, in the order of the plate.
    """
    positions = rng.permutation(plate.wells)[: len(content)]
    row, column = np.divmod(positions, len(plate.columns))
    names = [
        f"{plate.rows[row_index]}{plate.columns[column_index]:02d}"
        for row_index, column_index in zip(row, column, strict=True)
    ]
    content = content.assign(row=row, column=column)
    content.insert(0, "well", names)
    return content.sort_values(["row", "column"], ignore_index=True)


def _state(rng, table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Draws the biology of the wells of one plate."""
    count = len(table)
    dose = pd.to_numeric(table["treatment_conc"], errors="coerce").to_numpy()
    well_truth = truth.set_index("treatment").reindex(table["treatment"])
    effect = four_parameter(
        dose, well_truth["ec50_um"], well_truth["slope"], well_truth["top"]
    )
    effect = effect.fillna(0).to_numpy()
    rescue = np.where(well_truth["kind"] == "rescuer", effect, 0)
    changed = four_parameter(dose, well_truth["mechanism_ec50_um"], 1.5, 1.0)
    centre, spread = np.array(
        [INFECTION[condition] for condition in table["disease_condition"]]
    ).T
    infection = np.clip(rng.normal(centre, spread), 0, 1) * (1 - rescue)
    state = rng.standard_normal((5, count)).clip(-2.5, 2.5)
    return table.assign(
        infection=infection,
        rescue=rescue,
        toxicity=np.where(well_truth["kind"] == "toxic", effect, 0),
        mechanism=well_truth["mechanism"].fillna("").to_numpy(),
        mechanism_strength=changed.fillna(0).to_numpy(),
        density=np.exp(DENSITY * rng.standard_normal(count)),
        **{f"state_{number + 1}": values for number, values in enumerate(state)},
    )


def optics(
    rng: np.random.Generator, table: pd.DataFrame, plate: Plate, channels: int
) -> pd.DataFrame:
    """Draws the effects of plate, position and staining on the images.

    Args:
      rng: the screen's generator.
      table: the wells of one plate, with row, column and density.
      plate: the available wells.
      channels: number of channels, C.

    Returns:
      The rows with density changed, and blur_px, gain_1 .. gain_C, offset_1 ..
    """
    count = len(table)
    down = table["row"] / (len(plate.rows) - 1) * 2 - 1
    right = table["column"] / (len(plate.columns) - 1) * 2 - 1
    slope = 0.06 * rng.standard_normal((3, 2))
    tilt = slope @ np.stack([down, right])  # of brightness, density, blur
    edge = np.maximum(down.abs(), right.abs()) ** 8
    common = tilt[0] - 0.06 * edge + WELL_GAIN * rng.standard_normal(count)
    gain = PLATE_GAIN * rng.standard_normal((channels, 1)) + common.to_numpy()
    gain = np.exp(gain + CHANNEL_GAIN * rng.standard_normal((channels, count)))
    offset = rng.uniform(0.6, 1.6, (channels, 1))
    offset = offset + 0.05 * rng.standard_normal((channels, count))
    blur = rng.uniform(0.65, 0.95) + tilt[2] + 0.03 * rng.standard_normal(count)
    return table.assign(
        density=table["density"] * np.exp(tilt[1] - 0.1 * edge),
        blur_px=np.clip(blur, 0.5, 1.3),
        **{f"gain_{number + 1}": values for number, values in enumerate(gain)},
        **{f"offset_{number + 1}": values for number, values in enumerate(offset)},
    )
