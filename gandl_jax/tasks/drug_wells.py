"""Which wells of drugs are compared with which, to tell mechanisms from others."""

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
MIN_CONTROLS = 5  # to be compared with; where there are fewer, drugs are (ours)
MAX_WELLS = 1_000  # of drugs, per cell model (ours)
MAX_CONTROLS = 200  # that they are compared with, per cell model (ours)
CONTROLS, OTHERS = "controls", "other mechanisms"
SHOWN = 3  # names in a sentence


@dataclasses.dataclass(frozen=True)
class DrugWells:
    """Which wells of a cell model are compared.

    Attributes:
      group: the cell model.
      wells: [U] int: n wells of drugs, then those of the controls that they are
        compared with.
      drug: [n] int, the drug of each.
      mechanism: [n] int, that of its drug, of K and, after them, those of one drug.
      names: of the K mechanisms.
      against: what drugs are compared with, `CONTROLS` or `OTHERS`.
      reference: by which profiles are normalised; no control that is compared with.
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
        """[n, U] bool: what each well of a drug is compared with."""
        if self.against == OTHERS:
            return self.mechanism[:, None] != self.mechanism
        is_control = np.arange(len(self.wells)) >= len(self.drug)
        return np.broadcast_to(is_control, (len(self.drug), len(is_control)))


def wells_of(metadata: pd.DataFrame) -> pd.DataFrame:
    """Metadata of the wells that are judged, in the order that `well_means` has."""
    own = metadata.iloc[held_out_part.rows(metadata)]
    nothing = np.zeros((len(own), 0), np.float32)
    return well_means(FeatureSet("", own, nothing)).metadata


def choose(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[list[DrugWells], list[str]]:
    """Chooses what is compared in each cell model.

    Args:
      metadata: [N] rows of Metadata_* columns, with Role, Treatment and Mechanism.
      options: doses, of `DOSES`, and seed.

    Returns:
      Of each cell model that allows it, and sentences on what is left out.
    """
    wells = wells_of(metadata)
    models = profile_table.cell_models(wells)
    treated = (wells["Metadata_Role"] == "treated").to_numpy()
    known = treated & (wells["Metadata_Mechanism"].astype(str) != "").to_numpy()
    if not known.any():
        return [], ["no treated well has a mechanism"]
    made, said = [], []
    for model in np.unique(models[treated]):
        own = models == model
        drugs = _of_doses(wells, np.flatnonzero(known & own), options["doses"])
        said += [f"{model}: {words}" for words in _drugs_said(wells.iloc[drugs])]
        kept = drugs[_thinned(wells["Metadata_Treatment"].iloc[drugs], options["seed"])]
        if len(kept) < len(drugs):
            said.append(
                f"{model}: {len(kept):,} of {len(drugs):,} wells of drugs, drawn at "
                "random, are compared"
            )
        found, words = _compared(wells, str(model), kept, own, options["seed"])
        made, said = made + found, said + words
    return made, said


def _of_doses(wells: pd.DataFrame, drugs: np.ndarray, doses: str) -> np.ndarray:
    """The wells [n] of each drug's highest dose; all of a drug without doses."""
    column = "Metadata_Concentration_uM"
    if doses == "all" or column not in wells:
        return drugs
    dose = wells[column].iloc[drugs]
    highest = dose.groupby(wells["Metadata_Treatment"].iloc[drugs]).transform("max")
    return drugs[(highest.isna() | (dose == highest)).to_numpy()]


def _drugs_said(wells: pd.DataFrame) -> Iterator[str]:
    """Sentences on drugs of one well and mechanisms of one drug."""
    counts = wells["Metadata_Treatment"].astype(str).value_counts()
    alone = sorted(counts.index[counts == 1])
    if alone:
        yield (
            f"{len(alone):,} of {len(counts):,} drugs have one well ({_some(alone)}): "
            "what is said of them is said of that well"
        )
    drugs = _drugs_of(wells)
    if single := sorted(drugs.index[drugs == 1]):
        yield (
            f"{len(single):,} of {len(drugs):,} mechanisms have one drug "
            f"({_some(single)}) and are not judged"
        )


def _drugs_of(wells: pd.DataFrame) -> pd.Series:
    """How many drugs each mechanism has, by its name."""
    both = wells[["Metadata_Mechanism", "Metadata_Treatment"]].astype(str)
    return both.groupby("Metadata_Mechanism")["Metadata_Treatment"].nunique()


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _thinned(treatments: pd.Series, seed: int) -> np.ndarray:
    """Positions of at most `MAX_WELLS` wells, as many of each drug, at least one."""
    if len(treatments) <= MAX_WELLS:
        return np.arange(len(treatments))
    drawn = np.random.default_rng(seed).permutation(len(treatments))
    turn = treatments.iloc[drawn].groupby(treatments.iloc[drawn]).cumcount()
    most = max(1, MAX_WELLS // treatments.nunique())
    return np.sort(drawn[turn.to_numpy() < most])


def _compared(
    wells: pd.DataFrame, model: str, drugs: np.ndarray, own: np.ndarray, seed: int
) -> tuple[list[DrugWells], list[str]]:
    """What is compared of a cell model, or nothing, and what to know of it.

    Args:
      wells: [W] rows of Metadata_* columns.
      model: the cell model.
      drugs: [n] int, its wells of drugs.
      own: [W] bool, all of its wells.
      seed: of the choice of controls.
    """
    counts = _drugs_of(wells.iloc[drugs])
    several = sorted(counts.index[counts > 1])
    if not several:
        return [], [f"{model}: no mechanism has two drugs to be compared"]
    classes = np.where(own, profile_table.control_classes(wells), -1)
    searched, said = _half(wells, np.flatnonzero(classes == 0), seed), []
    against = CONTROLS if len(searched) >= MIN_CONTROLS else OTHERS
    if against == OTHERS:
        if len(counts) == 1:
            words = "no controls and no drug of another mechanism to be compared with"
            return [], [f"{model}: {words}"]
        searched = searched[:0]
        said.append(
            f"{model}: drugs are compared with drugs of other mechanisms, for fewer "
            f"than {2 * MIN_CONTROLS} wells are of response 0"
        )
    controls = np.flatnonzero(classes >= 0)
    order = pd.Index([*several, *sorted(counts.index[counts == 1])], dtype=object)
    treatments = wells["Metadata_Treatment"].iloc[drugs].astype(str).to_numpy(str)
    made = DrugWells(
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
    return [made], said


def _half(wells: pd.DataFrame, controls: np.ndarray, seed: int) -> np.ndarray:
    """Every other control well, at random but even over the plates; not too many.

    The other half normalises, for wells that make a plate's centre lie nearer to it
    than others do.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(controls)
    by_plate = np.argsort(profile_table.plates(wells)[drawn], kind="stable")
    return np.sort(rng.permutation(drawn[by_plate][1::2])[:MAX_CONTROLS])
