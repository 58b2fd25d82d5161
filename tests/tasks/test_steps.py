"""Who hears how far a task is, and of what."""

import numpy as np

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    batch_effects,
    cell_model_classification,
    control_classification,
    dose_response,
    label_classification,
    steps,
    threads,
)

OPTIONS = {
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 20,
    "max_folds": 10,
    "repeats": 2,
    "seed": 0,
    "splits": ("plate", "well:0.5"),
    "label": "Mechanism",
    "controls": True,
    "features": "b8",
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
    with steps.told(heard):
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
    metadata.loc[treated, "Metadata_Treatment"] = "a"
    metadata.loc[treated, "Metadata_Concentration_uM"] = (10.0 ** (number % 4))[treated]
    metadata["Metadata_Mechanism"] = np.array(["x", "y", "z"])[number % 3]
    features = np.random.default_rng(0).normal(size=(len(metadata), 8))
    sets = {
        name: FeatureSet(name, metadata, features.astype(np.float32))
        for name in ("gan@5/b8", "intensity")
    }
    return metadata, sets


def test_tasks_tell_as_many_units_as_they_said(control_wells):
    metadata, sets = screen(control_wells)
    units = {}
    for task in (
        batch_effects,
        cell_model_classification,
        control_classification,
        label_classification,
        dose_response,
    ):
        heard = Heard()
        plan = task.splits(metadata, OPTIONS) if hasattr(task, "splits") else []
        with steps.told(heard):
            task.run(sets, plan, **{k: v for k, v in OPTIONS.items() if k != "splits"})
        name = task.__name__.rpartition(".")[2]
        units[name] = {unit for unit, _, _ in heard.counts}
        assert heard.counts, name
        assert all(total == done > 0 for _, total, done in heard.counts), heard.counts
    assert units.pop("dose_response") == {"curves"}
    assert set.union(*units.values()) == {"SVMs"}
