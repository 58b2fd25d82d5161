"""Which compound leads from response 0 to response 1, and at which dose?

Sites are normalised per plate by the controls and averaged to wells. A well's response
is its place on the way between the controls, which other control wells have drawn: 0 at
response 0, 1 at response 1.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from gandl_jax.profiles import table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet, align
from gandl_jax.profiles.normalize import PlateScaler
from gandl_jax.tasks import control_axis, curve
from gandl_jax.tasks.skip import Skip, need_columns
from gandl_jax.tasks.splits import Split

MIN_DOSES = 3
MAX_Q_EFFECT = 0.05  # false share of the effects that are called in a set
NOT_APART = "not identified: the controls are not told apart"
_COLUMNS = ("Role", "Experiment", "Plate", "Well", "Treatment", "Concentration_uM")


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """None: a curve is fitted, not predicted. Only checks that there is one to fit.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: unused.

    Returns:
      An empty list.

    Raises:
      Skip: where a column is missing, or no experiment has both controls and a compound
        at enough doses.
    """
    need_columns(metadata, *_COLUMNS)
    experiments = [metadata.iloc[rows] for _, _, rows in _experiments(metadata)]
    if not experiments:
        raise Skip("no experiment has both controls")
    if not any(_treatments(experiment) for experiment in experiments):
        raise Skip(
            "no treatment has wells at 3 or more doses beside the experiment's controls"
        )
    return []


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Fits a curve per cell model, experiment and treatment.

    Args:
      sets: full name -> set; those that `options["features"]` names are used, and
        those whose encoder has one set only.
      splits: unused.
      **options: features, the headline set's name within its encoder.

    Returns:
      Per set, cell model, experiment and treatment a row with the curve, the wells
      behind it and those of the controls. Its "q_effect" is Benjamini and Hochberg's
      (1995) over the set's curves: one below 0.05 is called an effect.

    Raises:
      InputError: where the sets are not of the same records.
    """
    headline = options["features"]
    used = {
        name: one
        for name, one in sets.items()
        if one.short_name == headline or one.name == one.encoder
    }
    return [
        row
        for one in align(used).values()
        for row in _called([*_curves(one)], MAX_Q_EFFECT)
    ]


def responses(sites: FeatureSet) -> tuple[pd.DataFrame, np.ndarray | None]:
    """The place of each well on the way from response 0 to response 1.

    Args:
      sites: all sites of one cell model in one experiment, with both controls.

    Returns:
      Metadata of the W wells and [W] float64: on average 0 over the wells of response
      0 and 1 over those of response 1, each judged by the others; None where the
      controls are not told apart.
    """
    plates = table.plates(sites.metadata)
    controls = table.control_classes(sites.metadata) >= 0
    scaler = PlateScaler().fit(sites.features[controls], plates=plates[controls])
    scaled = scaler.transform(sites.features, plates=plates)
    wells = well_means(dataclasses.replace(sites, features=scaled))
    classes = table.control_classes(wells.metadata)
    folds = control_axis.folds(wells.metadata, classes)
    if folds.max() < 0:
        return wells.metadata, None
    profiles = wells.features.astype(np.float64)
    places = control_axis.places(profiles, classes, folds)
    if not control_axis.told_apart(places, classes):
        return wells.metadata, None
    return wells.metadata, control_axis.from_0_to_1(places, classes)


def _experiments(metadata) -> Iterator[tuple[str, str, np.ndarray]]:
    """Cell model, experiment and the positions of its records, where controls exist."""
    classes = table.control_classes(metadata)
    keys = [table.cell_models(metadata), metadata["Metadata_Experiment"].to_numpy()]
    for (model, experiment), rows in metadata.groupby(keys).indices.items():
        if {0, 1} <= set(classes[rows]):
            yield model, experiment, rows


def _treatments(metadata: pd.DataFrame) -> list[str]:
    """Treatments of one experiment at 3 doses or more; dose 0 has no logarithm."""
    dosed = metadata[_dosed(metadata)]
    doses = dosed.groupby("Metadata_Treatment")["Metadata_Concentration_uM"].nunique()
    return list(doses.index[doses >= MIN_DOSES])


def _dosed(metadata: pd.DataFrame) -> np.ndarray:
    dose = metadata["Metadata_Concentration_uM"].to_numpy(float)
    return (metadata["Metadata_Role"] == "treated").to_numpy() & (dose > 0)


def _curves(sites: FeatureSet) -> Iterator[dict[str, Any]]:
    """A set's rows before it is known how many effects are called."""
    for model, experiment, rows in _experiments(sites.metadata):
        wells, response = responses(sites.take(rows))
        for treatment in _treatments(wells):
            own = _dosed(wells) & (wells["Metadata_Treatment"] == treatment).to_numpy()
            yield {
                "task": "dose_response",
                "set": sites.name,
                "encoder": sites.encoder,
                "features": sites.short_name,
                "group": model,
                "experiment": experiment,
                "treatment": treatment,
                **_fitted(wells, response, own),
                "q_effect": None,
                "wells": int(own.sum()),
                "encoder_saw_test_images": sites.saw_images,
            }


def _fitted(wells, response: np.ndarray | None, own: np.ndarray) -> dict[str, Any]:
    """The curve of the wells `own`, these wells and the controls."""
    classes = table.control_classes(wells)
    if response is None:
        nothing = {"points": [], "controls": {"response_0": [], "response_1": []}}
        return dataclasses.asdict(curve.Curve(NOT_APART)) | nothing
    dose = wells["Metadata_Concentration_uM"].to_numpy(float)[own]
    return dataclasses.asdict(curve.fit(dose, response[own])) | {
        "points": _points(wells[own], response[own]),
        "controls": {f"response_{k}": response[classes == k].tolist() for k in (0, 1)},
    }


def _called(rows: list[dict[str, Any]], max_q: float) -> list[dict[str, Any]]:
    """Adds q_effect and makes flat what is not called an effect."""
    tested = [row for row in rows if row["p_effect"] is not None]
    p_values = [row["p_effect"] for row in tested]
    q_values = stats.false_discovery_control(p_values) if tested else []
    for row, q in zip(tested, q_values, strict=True):
        row["q_effect"] = float(q)
        if q >= max_q:
            response = [point["response"] for point in row["points"]]
            row |= dataclasses.asdict(curve.no_effect(response, row["p_effect"]))
    return rows


def _points(wells: pd.DataFrame, response: np.ndarray) -> list[dict[str, Any]]:
    columns = wells["Metadata_Concentration_uM"], wells["Metadata_Well"]
    return [
        {"concentration_um": dose, "response": float(y), "well": well, "plate": plate}
        for dose, well, plate, y in zip(
            *columns, table.plates(wells), response, strict=True
        )
    ]
