"""Normalisation of tables of profiles, and the tasks on them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.api.telling import warn_caller, warn_of_left_out
from gandl_jax.errors import InputError, known, nearest
from gandl_jax.judging import task_results, task_runs
from gandl_jax.profiles import frames, table
from gandl_jax.profiles import normalize as transformers
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import remarks
from gandl_jax.tasks.skip import Skip

Profiles = pd.DataFrame | Mapping[str, pd.DataFrame]


def normalize(
    profiles: pd.DataFrame,
    method: str = "standard",
    reference: Sequence[bool] | None = None,
) -> pd.DataFrame:
    """Normalises profiles by the controls of their plates, as tasks do.

    Args:
      profiles: as from `gj.profiles`, of one feature set.
      method: "standard", "robust", "whiten", "tvn", "coral" or "none".
      reference: [N] bool, the rows to fit on; None is the rows of both controls
        (Metadata_Role).

    Returns:
      The same rows with other features; "whiten", "tvn" and "coral" have fewer columns.
      Warns of columns and plates whose spread is in doubt.

    Raises:
      InputError: no such method, no reference rows, or not one set of numbers.
    """
    ((name, feature_set),) = _single_set(profiles).items()
    chosen = _reference(feature_set, reference)
    plates = table.plates(feature_set.metadata)
    fitted = transformers.make(method).fit(
        feature_set.features[chosen], plates=plates[chosen]
    )
    features = fitted.transform(feature_set.features, plates=plates)
    for doubt in fitted.doubts():
        warn_caller(f"{name} by {method}: {doubt.sentence}")
    return frames.to_frame(
        FeatureSet(name, feature_set.metadata, features, feature_set.seen)
    )


def judge(task: str, profiles: Profiles, **options: Any) -> pd.DataFrame:
    """Runs a task on profiles; returns the rows that --job=evaluate makes of them.

    Args:
      task: its name, as of gandl_jax/tasks: "control_classification", "retrieval" ...
      profiles: as from `gj.profiles`; or full name of a set to its table, all of the
        same records, to compare sets: {"gan@500/b64": ..., "intensity": ...}. Floors
        are recognised by such names.
      **options: of config.evaluate and of the task, such as splits=("plate",) or
        normalize="whiten"; others have their defaults.

    Returns:
      A row for each score. Warns of what is left out, and where normalisation is in
      doubt.

    Raises:
      InputError: no such task or option, or profiles that do not allow the task.
    """
    known("task", task, modules.names("tasks", "run"))
    sets = frames.from_frames(profiles)
    task_options = _options(task, sets, options)
    module, metadata = modules.load("tasks", task), next(iter(sets.values())).metadata
    try:
        with warn_of_left_out():
            splits = task_runs.plan(module, metadata, task_options)
    except Skip as reason:
        raise InputError(f"the task {task} cannot be run: {reason}") from reason
    with remarks.collected() as noticed:
        rows = task_runs.rows(module, sets, splits, task_options)
    for sentence in remarks.sentences(noticed):
        warn_caller(sentence)
    return pd.DataFrame(task_results.plain(rows))


def control_scores(profiles: Profiles, **options: Any) -> pd.DataFrame:
    """Scores how well the two controls are told apart on held-out wells.

    Args:
      profiles: as for `judge`.
      **options: splits (default ("record", "plate")), normalize, svm_c, max_folds,
        repeats, bootstrap_unit, bootstrap_draws, seed.

    Returns:
      A row per set, cell model, split and metric ("balanced_accuracy" of images,
      "balanced_accuracy_wells" of wells): "value" in [0, 1] with its 95 % interval
      "low", "high", and "chance".

    Raises:
      InputError: as `judge`.
    """
    return judge("control_classification", profiles, **options)


def dose_response(profiles: Profiles, **options: Any) -> pd.DataFrame:
    """Fits which compound leads to the wanted state, at which dose.

    Args:
      profiles: as for `judge`.
      **options: normalize, features, dose_unit ("uM" unless given).

    Returns:
      A row per set, cell model, experiment and treatment: "ec50_um" and
      "absolute_ec50_um", in uM or the row's "dose_unit", with intervals, "rescue" (0 as
      untreated, 1 as wanted) and "side_effect" at the highest dose, "status", "doubts",
      the "points" behind.

    Raises:
      InputError: as `judge`.
    """
    return judge("dose_response", profiles, **options)


def wells(profiles: Profiles, **options: Any) -> pd.DataFrame:
    """Describes every well: its response, its side effect, its position on two maps.

    Args:
      profiles: as for `judge`.
      **options: normalize, points (wells on the UMAP at most), seed,
        dose_unit.

    Returns:
      A row per set and well: "set", "plate", "well", "row", "column", "treatment" ...,
      "response" (0 as untreated, 1 as wanted), "side_effect", "pca_1", "pca_2",
      "umap_1", "umap_2".

    Raises:
      InputError: as `judge`; also where umap-learn is not installed.
    """
    rows = judge("well_map", profiles, **options)
    parts = [
        pd.DataFrame(columns).assign(set=name)
        for name, columns in zip(rows["set"], rows["wells"], strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _single_set(profiles: pd.DataFrame) -> dict[str, FeatureSet]:
    sets = frames.from_frame(profiles)
    if len(sets) > 1:
        raise InputError(
            f"the table holds the sets {', '.join(sets)}: keep the columns of one"
        )
    return sets


def _reference(feature_set: FeatureSet, reference: Sequence[bool] | None) -> np.ndarray:
    """Returns [N] bool, the rows to fit on."""
    if reference is not None:
        chosen = np.asarray(reference)
        if chosen.shape != (len(feature_set.metadata),) or chosen.dtype != bool:
            raise InputError(
                f"reference should be true or false for each of the "
                f"{len(feature_set.metadata)} rows"
            )
    elif "Metadata_Role" in feature_set.metadata:
        chosen = table.control_classes(feature_set.metadata) >= 0
    else:
        chosen = np.zeros(len(feature_set.metadata), bool)
    if not chosen.any():
        raise InputError(
            "there are no rows to normalise by: give some in reference, or controls "
            "(Metadata_Role response_0 and response_1)"
        )
    return chosen


def _options(
    task: str, sets: Mapping[str, FeatureSet], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the options of a task: the given ones, and defaults."""
    defaults = configs.task_options(configs.default(), task)
    defaults["features"] = next(iter(sets.values())).short_name
    for key in options:
        if key not in defaults:
            raise InputError(
                f"the task {task} has no option {key!r}: {nearest(key, defaults)}"
            )
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    return defaults | given
