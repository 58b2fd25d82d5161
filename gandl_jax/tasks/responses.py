"""Response and side effect of every well of an experiment, between its controls.

Sites are averaged to wells and normalised per plate by the controls. A well's response
is its position along the axis between the controls, 0 at response 0 and 1 at response
1; its side effect is its distance from that axis, beyond that of control wells.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import threadpoolctl

from gandl_jax.profiles import normalize, table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import control_axis, remarks


@dataclasses.dataclass(frozen=True)
class Responses:
    """Wells of one cell model in one experiment, by one feature set.

    Attributes:
      metadata: [W] rows of Metadata_* columns.
      response: [W] float64, on average 0 over the wells of response 0 and 1 over those
        of response 1, each judged by the others; None if the controls are too near.
      side_effect: [W] float64, on average 0 over the controls, in the same units.
      warnings: doubts.
      apart_se: distance of the controls in standard errors; None if a control has fewer
        than two wells.
    """

    metadata: pd.DataFrame
    response: np.ndarray | None
    side_effect: np.ndarray | None
    warnings: tuple[str, ...] = ()
    apart_se: float | None = None

    @property
    def too_near(self) -> str:
        """Description of the distance of controls that are too near; "" if unknown."""
        return "" if self.apart_se is None else control_axis.too_near(self.apart_se)


def judged_sets(names: Iterable[str], headline: str) -> list[str]:
    """Returns the sets whose wells are judged, not every block of every network.

    Args:
      names: full names.
      headline: the set shown first within each encoder.

    Returns:
      The headline of each encoder, and those whose encoder has one set only.
    """
    return [n for n in names if "/" not in n or n.partition("/")[2] == headline]


def experiments(metadata: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yields the groups of wells that have both controls.

    Args:
      metadata: [N] rows with Metadata_Role; without Metadata_Experiment all records
        are of the experiment "all".

    Yields:
      Cell model, experiment and the positions [n] of its records.
    """
    classes = table.control_classes(metadata)
    if "Metadata_Experiment" in metadata:
        names = metadata["Metadata_Experiment"].astype(str).to_numpy(object)
    else:
        names = np.full(len(metadata), "all", object)
    keys = [table.cell_models(metadata), names]
    for (model, experiment), rows in metadata.groupby(keys).indices.items():
        if {0, 1} <= set(classes[rows]):
            yield model, experiment, rows


def judge_wells(sites: FeatureSet, normalization: str) -> Responses:
    """Computes the responses of the wells of one experiment.

    The controls' wells are dealt to folds. Normalisation and axis are fitted without a
    fold, whose wells are judged by them; other wells are judged by all, on average.

    Args:
      sites: all sites of one cell model in one experiment, with both controls; sites
        with a feature that is not finite are left out.
      normalization: a name for `normalize.make`.

    Returns:
      The wells, their responses and side effects.
    """
    finite = np.isfinite(sites.features).all(axis=1)
    lost = int((~finite).sum())
    sites = sites.take(finite) if lost else sites
    wells = well_means(sites)
    classes = table.control_classes(wells.metadata)
    warnings = [*_lost(lost), *_doubts(wells.metadata, classes)]
    folds = control_axis.folds(wells.metadata, classes)
    if folds.max(initial=-1) < 0:
        return Responses(wells.metadata, None, None, tuple(warnings))
    # On busy cores, several threads take ten times as long as one: they wait.
    with threadpoolctl.threadpool_limits(1, "blas"):
        positions, distances = _cross_fitted(
            sites, wells, classes, folds, normalization
        )
    judged, apart = (None, None), control_axis.apart_se(positions, classes)
    if control_axis.are_apart(positions, classes):
        judged = control_axis.scaled_by_controls(positions, distances, classes)
    return Responses(wells.metadata, *judged, tuple(warnings), apart)


def _cross_fitted(
    sites, wells, classes, folds, normalization
) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions along and distances off the axis, [W] each.

    No control well is judged by itself.
    """
    plates, plates_of_wells = table.plates(sites.metadata), table.plates(wells.metadata)
    fold_of = pd.Series(folds, table.wells(wells.metadata))
    fold_of_site = fold_of.loc[table.wells(sites.metadata)].to_numpy()
    control_sites = table.control_classes(sites.metadata) >= 0
    totals = np.zeros((2, len(classes)))
    fold_names = np.unique(folds[classes >= 0])
    for fold in fold_names:
        training = control_sites & (fold_of_site != fold)
        transformer = normalize.make(normalization).fit(
            sites.features[training], plates=plates[training]
        )
        profiles = transformer.transform(wells.features, plates=plates_of_wells)
        remarks.add(sites.name, normalization, transformer.doubts())
        trained = [(folds != fold) & (classes == k) for k in (0, 1)]
        frame = control_axis.Frame.fit(
            *(profiles[rows].astype(np.float64) for rows in trained)
        )
        judged = (folds == fold) | (classes < 0)
        position_and_distance = frame.judge(profiles[judged])
        totals[:, judged] += position_and_distance
    return tuple(np.where(classes < 0, totals / len(fold_names), totals))


def _lost(sites: int) -> Iterator[str]:
    if sites:
        yield f"{sites} sites have features that are not finite and are left out"


def _doubts(wells: pd.DataFrame, classes: np.ndarray) -> Iterator[str]:
    """Yields doubts about the controls of the plates."""
    plates = table.plates(wells)
    names = np.unique(plates.astype(str))
    lacking = {k: np.setdiff1d(names, plates[classes == k].astype(str)) for k in (0, 1)}
    neither = np.intersect1d(lacking[0], lacking[1])
    either = np.setxor1d(lacking[0], lacking[1])
    if len(neither):
        yield (
            f"{len(neither)} of {len(names)} plates have no control wells (such as "
            f"{neither[0]}): they are normalised by all other plates'"
        )
    if len(either):
        yield (
            f"{len(either)} of {len(names)} plates have wells of one control only "
            f"(such as {either[0]}): their normalisation is moved towards it"
        )
    if len(names) > 1 and len(names) - len(neither) == 1:
        yield "control wells are on one plate only: no other plate is normalised"
