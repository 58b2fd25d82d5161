"""Maps of all wells in two dimensions, with response and side effect."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from gandl_jax import dose_unit
from gandl_jax.errors import InputError
from gandl_jax.profiles import normalize
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    marks,
    neighbor_map,
    remarks,
    responses,
    score_table,
    steps,
)
from gandl_jax.tasks.skip import LeftOut, Skip, need_package

TITLE = "Well map"
METRIC = "place on a map"
PLACE = 70  # in the terminal
OPTIONS = {"normalize": "", "points": 5_000}  # wells on a 2-D map, at most
TELLS_DOSES = True
LOWEST = {"points": 3}
MOVED = {"evaluate.map_points": "evaluate.well_map.points"}
MIN_WELLS = 3
COMPONENTS = 50  # of PCA, that UMAP starts from (ours)
_DECIMALS = 4
_COPIED = {  # metadata columns that a map's wells keep
    "experiment": "Experiment",
    "plate": "Plate",
    "well": "Well",
    "cell_type": "Cell_Type",
    "role": "Role",
    "condition": "Condition",
    "treatment": "Treatment",
    "concentration_um": "Concentration_uM",
    "mechanism": "Mechanism",
}


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there are wells to map; warns if UMAP has only a part of them.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: points is read.

    Raises:
      Skip: there are fewer than three wells (records, if wells have no names), or
        umap-learn is not installed.
    """
    need_package("umap-learn", "umap")
    count = _count(metadata)
    if count < MIN_WELLS:
        raise Skip(f"a map needs {MIN_WELLS} wells or more and the screen has {count}")
    if count > options["points"]:
        warnings.warn(
            f"UMAP has {options['points']:,} of {count:,} wells, drawn at random "
            "(config.evaluate.well_map.points)",
            LeftOut,
            stacklevel=2,
        )


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Maps the wells of a screen.

    Args:
      sets: full name -> set; those named by `options["features"]` are used, and those
        whose encoder has one set only.
      splits: unused.
      **options: features, normalize, points (wells with a UMAP place, at most),
        seed; dose_unit, "uM" unless given.

    Returns:
      A row per set; "wells" has a column of W values each, the same wells in the same
      order in every row, None for an unknown value.
    """
    names = responses.judged_sets(sets, options["features"])
    wells = _count(next(iter(sets.values())).metadata)
    epochs = neighbor_map.epochs(min(wells, options["points"]))
    with steps.counted(len(names) * epochs, "epochs"):
        return [_row(sets[name], options, epochs) for name in names]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the share of the wells' variance on a map, for a terminal."""
    lines = [
        [
            marks.marked(row["set"], row),
            f"{len(row['wells']['role']):,}",
            f"{sum(row['explained']):.0%}",
        ]
        for row in rows
    ]
    header = ["set", "wells", "variance on the map"]
    title = f"{TITLE}: principal components; the report draws them and UMAP"
    return "\n".join([title, *score_table.aligned([header, *lines])])


def _count(metadata: pd.DataFrame) -> int:
    return len(np.unique(profile_table.wells(metadata)))


def _row(sites: FeatureSet, options: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    wells = well_means(sites)
    positions, explained = _positions(sites, wells, options, epochs)
    numbers = _judged(sites, options["normalize"]).reindex(
        wells.metadata["Metadata_Record_ID"]
    )
    return {
        "task": "well_map",
        "set": sites.name,
        "encoder": sites.encoder,
        "features": sites.short_name,
        **marks.mark(sites.seen),
        dose_unit.KEY: dose_unit.named_in(options),
        "explained": explained,
        "wells": {
            **_copied(wells.metadata),
            **{name: _plain(numbers[name]) for name in numbers},
            **{name: _plain(values) for name, values in positions.items()},
            "seen_images": wells.seen.images.tolist(),
            "seen_labels": wells.seen.labels.tolist(),
        },
    }


def _positions(
    sites: FeatureSet, wells: FeatureSet, options: Mapping[str, Any], epochs: int
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Returns PCA and UMAP of the wells, NaN for those without, and PCA's shares."""
    profiles = _normalized(sites, wells, options["normalize"])
    finite = np.flatnonzero(np.isfinite(profiles).all(axis=1))
    unmapped = np.full((len(profiles), 2), np.nan)
    pca, umap = unmapped.copy(), unmapped.copy()
    components, explained = profiles[finite], [0.0, 0.0]
    if len(finite) >= MIN_WELLS:
        count = min(COMPONENTS, len(finite), profiles.shape[1])
        fitted = PCA(count, random_state=options["seed"])
        with np.errstate(invalid="ignore"):  # shares of nothing, where wells are alike
            components = fitted.fit_transform(components)
        shares = np.nan_to_num(fitted.explained_variance_ratio_)
        explained = [float(share) for share in [*shares, 0.0][:2]]
        pca[finite] = np.c_[components, np.zeros(len(finite))][:, :2]
    chosen = drawn(
        profile_table.plates(wells.metadata)[finite],
        options["points"],
        options["seed"],
    )
    umap[finite[chosen]] = neighbor_map.make(
        components[chosen], epochs=epochs, seed=options["seed"]
    )
    columns = ("pca_1", "pca_2", "umap_1", "umap_2")
    return dict(zip(columns, [*pca.T, *umap.T], strict=True)), explained


def _normalized(sites: FeatureSet, wells: FeatureSet, normalization: str) -> np.ndarray:
    """Normalises wells [W, d] by the control sites, or by all without controls."""
    reference = np.isfinite(sites.features).all(axis=1)
    if "Metadata_Role" in sites.metadata:
        controls = profile_table.control_classes(sites.metadata) >= 0
        if (controls & reference).any():
            reference &= controls
    plates = profile_table.plates(sites.metadata)
    transformer = normalize.make(normalization).fit(
        sites.features[reference], plates=plates[reference]
    )
    profiles = transformer.transform(
        wells.features, plates=profile_table.plates(wells.metadata)
    )
    remarks.add(sites.name, normalization, transformer.doubts())
    return profiles.astype(np.float64)


def drawn(plates: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws wells at random, the same share from each plate.

    Args:
      plates: [W] plate of each well.
      count: number of wells to draw.
      seed: of the draw.

    Returns:
      [min(count, W)] int positions, ascending.
    """
    rng = np.random.default_rng(seed)
    turn = np.empty(len(plates))
    for plate in np.unique(plates.astype(str)):
        members = np.flatnonzero(plates.astype(str) == plate)
        turn[rng.permutation(members)] = (np.arange(len(members)) + rng.random()) / len(
            members
        )
    return np.sort(np.argsort(turn, kind="stable")[:count])


def _judged(sites: FeatureSet, normalization: str) -> pd.DataFrame:
    """Returns response and side effect by record, NaN if controls are too near."""
    tables = [
        pd.DataFrame(
            {"response": judged.response, "side_effect": judged.side_effect},
            index=judged.metadata["Metadata_Record_ID"],
        )
        for judged in _experiments(sites, normalization)
        if judged.response is not None
    ]
    return pd.concat([pd.DataFrame(columns=["response", "side_effect"]), *tables])


def _experiments(sites, normalization) -> Iterator[responses.Responses]:
    if "Metadata_Role" in sites.metadata:
        for _, _, rows in responses.experiments(sites.metadata):
            yield responses.judge_wells(sites.take(rows), normalization)


def _copied(wells: pd.DataFrame) -> dict[str, list]:
    """Returns columns of the wells' metadata, and their positions on the plate."""
    columns = {
        name: _plain(wells[f"Metadata_{column}"])
        for name, column in _COPIED.items()
        if f"Metadata_{column}" in wells
    }
    columns.setdefault("role", ["other"] * len(wells))
    if "well" in columns:
        position_of_well = {
            name: _plate_position(name) for name in set(columns["well"])
        }
        for i, name in enumerate(("row", "column")):
            columns[name] = [position_of_well[well][i] for well in columns["well"]]
    return columns


def _plate_position(well: str | None) -> tuple[int | None, int | None]:
    try:
        return profile_table.parse_well(str(well))
    except InputError:
        return None, None


def _plain(values) -> list:
    """Converts a column to JSON's types: None for NaN, four decimals."""
    values = pd.Series(values)
    if pd.api.types.is_float_dtype(values):
        return [None if np.isnan(v) else round(float(v), _DECIMALS) for v in values]
    return [None if pd.isna(v) else v for v in values.tolist()]
