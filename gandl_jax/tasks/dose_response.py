"""Which compound leads from response 0 to response 1, and at which dose?

Sites are normalised per plate by the controls and averaged to wells. A well's response
is its place on the axis between the controls' means: 0 at response 0, 1 at response 1.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet, align
from gandl_jax.profiles.normalize import PlateScaler
from gandl_jax.tasks import curve
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split

MIN_DOSES = 3


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """None: a curve is fitted, not predicted. Only checks that there is one to fit.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: unused.

    Returns:
      An empty list.

    Raises:
      Skip: where no experiment has both controls and a compound at enough doses.
    """
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
      behind it and those of the controls.

    Raises:
      InputError: where the sets are not of the same records.
    """
    headline = options["features"]
    used = {
        name: one
        for name, one in sets.items()
        if one.short_name == headline or one.name == one.encoder
    }
    return [row for one in align(used).values() for row in _curves(one)]


def responses(sites: FeatureSet) -> tuple[pd.DataFrame, np.ndarray]:
    """The place of each well on the axis between the controls' means.

    Args:
      sites: all sites of one cell model in one experiment, with both controls.

    Returns:
      Metadata of the W wells and [W] float64: on average 0 over the wells of response
      0 and 1 over those of response 1.
    """
    plates = table.plates(sites.metadata)
    controls = table.control_classes(sites.metadata) >= 0
    scaler = PlateScaler().fit(sites.features[controls], plates=plates[controls])
    scaled = scaler.transform(sites.features, plates=plates)
    wells = well_means(dataclasses.replace(sites, features=scaled))
    classes = table.control_classes(wells.metadata)
    profiles = wells.features.astype(np.float64)
    start, end = (profiles[classes == k].mean(axis=0) for k in (0, 1))
    axis = end - start
    return wells.metadata, (profiles - start) @ axis / max(axis @ axis, 1e-12)


def _experiments(metadata) -> Iterator[tuple[str, str, np.ndarray]]:
    """Cell model, experiment and the positions of its records, where controls exist."""
    classes = table.control_classes(metadata)
    columns = ["Metadata_Cell_Type", "Metadata_Experiment"]
    for (model, experiment), rows in metadata.groupby(columns).indices.items():
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
    for model, experiment, rows in _experiments(sites.metadata):
        wells, response = responses(sites.take(rows))
        classes = table.control_classes(wells)
        controls = {f"response_{k}": response[classes == k].tolist() for k in (0, 1)}
        for treatment in _treatments(wells):
            own = _dosed(wells) & (wells["Metadata_Treatment"] == treatment).to_numpy()
            dose = wells["Metadata_Concentration_uM"].to_numpy(float)[own]
            fitted = curve.fit(dose, response[own])
            yield {
                "task": "dose_response",
                "set": sites.name,
                "encoder": sites.encoder,
                "features": sites.short_name,
                "group": model,
                "experiment": experiment,
                "treatment": treatment,
                **dataclasses.asdict(fitted),
                "wells": int(own.sum()),
                "points": _points(wells[own], response[own]),
                "controls": controls,
                "encoder_saw_test_images": sites.saw_images,
            }


def _points(wells: pd.DataFrame, response: np.ndarray) -> list[dict[str, Any]]:
    columns = wells["Metadata_Concentration_uM"], wells["Metadata_Well"]
    return [
        {"concentration_um": dose, "response": float(y), "well": well, "plate": plate}
        for dose, well, plate, y in zip(
            *columns, table.plates(wells), response, strict=True
        )
    ]
