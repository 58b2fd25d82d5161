"""Who hears how far a task is, and of what."""

import numpy as np
import pytest

from gandl_jax import modules
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    batch_effects,
    cell_model_classification,
    clustering,
    control_classification,
    dose_response,
    drug_control,
    drug_similarity,
    efficacy,
    label_classification,
    retrieval,
    staged_classification,
    steps,
    threads,
    well_map,
)

OPTIONS = {
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 20,
    "max_folds": 10,
    "repeats": 2,
    "seed": 0,
    "controls": True,
    "features": "b8",
    "points": 30,
    "records": 40,
    "min_sizes": (10,),
    "distances": ("euclidean", "cosine"),
    "doses": "all",
    **staged_classification.OPTIONS,
    "normalize": "standard",
    "label": "Mechanism",
    "order": "x > y > z",
    "splits": ("plate", "well:0.5"),
}
OWN = {drug_control: {"label": "Role", "control": "response_0"}}
UNITS = {
    batch_effects: "parts",
    cell_model_classification: "parts",
    control_classification: "parts",
    label_classification: "parts",
    clustering: "epochs",
    dose_response: "curves",
    drug_control: "SVMs",
    drug_similarity: "comparisons",
    efficacy: "sets",
    retrieval: "searches",
    staged_classification: "sets",
    well_map: "epochs",
}


class Heard:
    """Counts, each as (unit, total, done)."""

    def __init__(self):
        self.counts = []

    def begin(self, total, unit):
        self.counts.append([unit, total, 0])

    def done(self, count):
        self.counts[-1][2] += count


def test_only_what_is_counted_is_told():
    heard = Heard()
    steps.add(5)
    with steps.reported_to(heard):
        steps.add(5)
        with steps.counted(3, "SVMs"):
            steps.add()
            threads.each(lambda _: steps.add(), range(2))
        steps.add(5)
    with steps.counted(3, "SVMs"):
        steps.add()
    assert heard.counts == [["SVMs", 3, 3]]


def screen(control_wells):
    metadata = control_wells(plates=3, wells=24, sites=1, models=("M", "N"))
    number = np.arange(len(metadata)) % 24
    treated = number >= 12
    metadata.loc[treated, "Metadata_Role"] = "treated"
    metadata.loc[treated, "Metadata_Treatment"] = np.array(["a", "b"])[number // 18][
        treated
    ]
    metadata.loc[treated, "Metadata_Concentration_uM"] = (10.0 ** (number % 4))[treated]
    metadata["Metadata_Mechanism"] = np.array(["x", "y", "z"])[number % 3]
    features = np.random.default_rng(0).normal(size=(len(metadata), 8))
    sets = {
        name: FeatureSet(name, metadata, features.astype(np.float32))
        for name in ("gan@5/b8", "intensity")
    }
    return metadata, sets


def counts(task, sets, metadata):
    heard, options = Heard(), OPTIONS | OWN.get(task, {})
    plan = task.splits(metadata, options) if hasattr(task, "splits") else []
    with steps.reported_to(heard):
        task.run(sets, plan, **{k: v for k, v in options.items() if k != "splits"})
    return heard.counts


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(
            task, marks=pytest.mark.slow if task in (clustering, well_map) else ()
        )
        for task in UNITS
    ],
)
def test_a_task_is_one_count_of_as_many_units_as_it_said(task, control_wells):
    metadata, sets = screen(control_wells)
    ((unit, total, done),) = counts(task, sets, metadata)
    assert unit == UNITS[task] and total == done > 0


def test_every_task_that_is_there_counts():
    assert {task.__name__.rpartition(".")[2] for task in UNITS} == set(
        modules.names("tasks", "run")
    )


def test_parts_are_svms_and_intervals_of_sets_and_floors(control_wells):
    """Counted by hand: two cell models, plates held out in turn, and two draws."""
    metadata, sets = screen(control_wells)
    ((_, total, _),) = counts(control_classification, sets, metadata)
    svms, intervals = 3 + OPTIONS["repeats"], 2 * len(("sites",))  # a well has one
    floors = len(("plate", "position"))
    assert total == 2 * (svms + intervals) * (len(sets) + floors)


def test_a_map_that_has_too_few_wells_is_counted_whole(control_wells):
    metadata, sets = screen(control_wells)
    few = {name: one.take(np.arange(5)) for name, one in sets.items()}
    ((_, total, done),) = counts(well_map, few, metadata)
    assert total == done > 0
