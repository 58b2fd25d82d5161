"""Choice of the wells of drugs to compare, and of the wells to compare them with."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import by_controls, held_out_part
from gandl_jax.tasks.by_controls import Reference

DOSES = ("highest", "all")
MIN_CONTROLS = 5  # to compare with; if there are fewer, other drugs are used (ours)
MAX_WELLS = 1_000  # of drugs, per cell model (ours)
MAX_CONTROLS = 200  # to compare with, per cell model (ours)
CONTROLS, OTHERS = "controls", "other mechanisms"
SHOWN = 3  # names in a sentence


@dataclasses.dataclass(frozen=True)
class DrugWells:
    """Wells of a cell model that are compared.

    Attributes:
      group: the cell model.
      wells: [U] int: n wells of drugs, then the controls to compare with.
      drug: [n] int, the drug of each well.
      mechanism: [n] int, the mechanism of the drug: K judged ones, then those of a
        single drug.
      names: of the K mechanisms.
      against: wells to compare with, `CONTROLS` or `OTHERS`.
      reference: records by which profiles are normalised; no control to compare with is
        among them.
    """

    group: str
    wells: np.ndarray
    drug: np.ndarray
    mechanism: np.ndarray
    names: Sequence[str]
    against: str
    reference: Reference

    @property
    def is_judged(self) -> np.ndarray:
        """[n] bool: the drugs' wells of the K mechanisms."""
        return self.mechanism < len(self.names)

    @property
    def is_near(self) -> np.ndarray:
        """[n, n] bool: wells of two drugs of one of the K mechanisms."""
        same = self.mechanism[:, None] == self.mechanism
        return same & (self.drug[:, None] != self.drug) & self.is_judged

    @property
    def is_far(self) -> np.ndarray:
        """[n, U] bool: the wells that each well of a drug is compared with."""
        if self.against == OTHERS:
            return self.mechanism[:, None] != self.mechanism
        is_control = np.arange(len(self.wells)) >= len(self.drug)
        return np.broadcast_to(is_control, (len(self.drug), len(is_control)))


def wells_of(metadata: pd.DataFrame) -> pd.DataFrame:
    """Returns metadata of the judged wells, in the order of `well_means`."""
    judged = metadata.iloc[held_out_part.rows(metadata)]
    no_features = np.zeros((len(judged), 0), np.float32)
    return well_means(FeatureSet("", judged, no_features)).metadata


def choose(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[list[DrugWells], list[str]]:
    """Chooses the wells to compare in each cell model.

    Args:
      metadata: [N] rows of Metadata_* columns, with Role, Treatment and Mechanism.
      options: doses, of `DOSES`, and seed.

    Returns:
      The wells of each cell model that allows it, and notes on what is left out.
    """
    wells = wells_of(metadata)
    models = profile_table.cell_models(wells)
    treated = (wells["Metadata_Role"] == "treated").to_numpy()
    has_mechanism = treated & (wells["Metadata_Mechanism"].astype(str) != "").to_numpy()
    if not has_mechanism.any():
        return [], ["no treated well has a mechanism"]
    chosen, notes = [], []
    for model in np.unique(models[treated]):
        in_model = models == model
        drugs = _at_doses(
            wells, np.flatnonzero(has_mechanism & in_model), options["doses"]
        )
        notes += [f"{model}: {note}" for note in _drug_notes(wells.iloc[drugs])]
        drawn = drugs[
            _thinned(wells["Metadata_Treatment"].iloc[drugs], options["seed"])
        ]
        if len(drawn) < len(drugs):
            notes.append(
                f"{model}: {len(drawn):,} of {len(drugs):,} wells of drugs, drawn at "
                "random, are compared"
            )
        more, more_notes = _compared(
            wells, str(model), drawn, in_model, options["seed"]
        )
        chosen, notes = chosen + more, notes + more_notes
    return chosen, notes


def _at_doses(wells: pd.DataFrame, drugs: np.ndarray, doses: str) -> np.ndarray:
    """Returns the wells [n] of each drug's highest dose; all if it has no doses."""
    column = "Metadata_Concentration_uM"
    if doses == "all" or column not in wells:
        return drugs
    dose = wells[column].iloc[drugs]
    highest = dose.groupby(wells["Metadata_Treatment"].iloc[drugs]).transform("max")
    return drugs[(highest.isna() | (dose == highest)).to_numpy()]


def _drug_notes(wells: pd.DataFrame) -> Iterator[str]:
    """Yields notes on drugs of one well and mechanisms of one drug."""
    counts = wells["Metadata_Treatment"].astype(str).value_counts()
    alone = sorted(counts.index[counts == 1])
    if alone:
        yield (
            f"{len(alone):,} of {len(counts):,} drugs have one well ({_some(alone)}): "
            "what is said of them is said of that well"
        )
    drugs = _count_drugs(wells)
    if single := sorted(drugs.index[drugs == 1]):
        yield (
            f"{len(single):,} of {len(drugs):,} mechanisms have one drug "
            f"({_some(single)}) and are not judged"
        )


def _count_drugs(wells: pd.DataFrame) -> pd.Series:
    """Counts the drugs of each mechanism, by its name."""
    columns = wells[["Metadata_Mechanism", "Metadata_Treatment"]].astype(str)
    return columns.groupby("Metadata_Mechanism")["Metadata_Treatment"].nunique()


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _thinned(treatments: pd.Series, seed: int) -> np.ndarray:
    """Draws positions of at most `MAX_WELLS` wells, equally many of each drug."""
    if len(treatments) <= MAX_WELLS:
        return np.arange(len(treatments))
    drawn = np.random.default_rng(seed).permutation(len(treatments))
    turn = treatments.iloc[drawn].groupby(treatments.iloc[drawn]).cumcount()
    most = max(1, MAX_WELLS // treatments.nunique())
    return np.sort(drawn[turn.to_numpy() < most])


def _compared(
    wells: pd.DataFrame, model: str, drugs: np.ndarray, in_model: np.ndarray, seed: int
) -> tuple[list[DrugWells], list[str]]:
    """Returns the wells of a cell model to compare, or nothing, and notes.

    Args:
      wells: [W] rows of Metadata_* columns.
      model: the cell model.
      drugs: [n] int, its wells of drugs.
      in_model: [W] bool, all of its wells.
      seed: of the choice of controls.
    """
    counts = _count_drugs(wells.iloc[drugs])
    several = sorted(counts.index[counts > 1])
    if not several:
        return [], [f"{model}: no mechanism has two drugs to be compared"]
    classes = np.where(in_model, profile_table.control_classes(wells), -1)
    searched, notes = _half(wells, np.flatnonzero(classes == 0), seed), []
    against = CONTROLS if len(searched) >= MIN_CONTROLS else OTHERS
    if against == OTHERS:
        if len(counts) == 1:
            note = "no controls and no drug of another mechanism to be compared with"
            return [], [f"{model}: {note}"]
        searched = searched[:0]
        notes.append(
            f"{model}: drugs are compared with drugs of other mechanisms, for fewer "
            f"than {2 * MIN_CONTROLS} wells are of response 0"
        )
    controls = np.flatnonzero(classes >= 0)
    order = pd.Index([*several, *sorted(counts.index[counts == 1])], dtype=object)
    treatments = wells["Metadata_Treatment"].iloc[drugs].astype(str).to_numpy(str)
    compared = DrugWells(
        group=model,
        wells=np.concatenate([drugs, searched]),
        drug=np.unique(treatments, return_inverse=True)[1],
        mechanism=order.get_indexer(
            wells["Metadata_Mechanism"].iloc[drugs].astype(str)
        ),
        names=several,
        against=against,
        reference=by_controls.reference(np.setdiff1d(controls, searched), drugs),
    )
    return [compared], notes


def _half(wells: pd.DataFrame, controls: np.ndarray, seed: int) -> np.ndarray:
    """Draws every other control well, evenly over plates, at most MAX_CONTROLS.

    The other half normalises: wells that determine a plate's centre lie nearer to it
    than others do.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(controls)
    by_plate = np.argsort(profile_table.plates(wells)[drawn], kind="stable")
    return np.sort(rng.permutation(drawn[by_plate][1::2])[:MAX_CONTROLS])
