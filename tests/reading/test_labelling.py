"""An experiment's labels: what features were written by never wins over its config."""

import json
import types

import jax
import numpy as np
import pandas as pd
import pytest

from gandl_jax import config, workdir
from gandl_jax.errors import InputError
from gandl_jax.jobs import evaluate
from gandl_jax.jobs.report import inputs, what_was_run
from gandl_jax.judging import task_results
from gandl_jax.methods.source import Source
from gandl_jax.profiles import store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.reading import labelling
from gandl_jax.training import loop, training_records
from gandl_jax.training.held_out import Rows

RECORDS = 40


@pytest.fixture
def own():
    c = config.default()
    c.name, c.data.name = "tiny", "own"
    c.screen.update(name="tiny", file="{site_id}.png", channels=("dna",))
    c.screen.columns.update(plate="plate", well="well", condition="state")
    c.screen.update(response_0="state=sick", response_1="state=well")
    c.evaluate.update(tasks="control_classification", normalize="none")
    c.evaluate.splits = ("record",)
    return c


def metadata():
    rows = np.arange(RECORDS)
    table = pd.DataFrame({"Metadata_Record_ID": [f"s{i:02}" for i in rows]})
    table["Metadata_Site_ID"] = table["Metadata_Record_ID"]
    table["Metadata_Plate"] = [f"p{i % 2}" for i in rows]
    table["Metadata_Well"] = [f"A{1 + i // 2:02}" for i in rows]
    table["Metadata_Condition"] = ["sick", "well"] * (RECORDS // 2)
    table["Metadata_Role"] = ["response_0", "response_1"] * (RECORDS // 2)
    return table


@pytest.fixture
def place(own, tmp_path):
    """A workdir with features of the config's labels, and no prepared screen."""
    workdir.record(tmp_path, own, "")
    folder = tmp_path / "profiles/tiny/theirs"
    store.claim(folder, {"saw_images": None})
    labelling.note_written(own, tmp_path, folder)
    features = np.random.default_rng(0).normal(size=(RECORDS, 3))
    store.write_part(folder / "part-00000.parquet", metadata(), {"b8": features})
    store.finish(folder)
    return tmp_path


def test_without_a_prepared_screen_the_labels_are_those_of_the_features(
    own, place, capsys
):
    evaluate.run(own, place)
    assert "labels are those of when the features were" in capsys.readouterr().out
    path = place / "tasks/tiny/control_classification.json"
    assert json.loads(path.read_text())["inputs"]["labels"] == {"from": "profiles"}
    own.screen.response_1 = "state=other"
    with pytest.raises(InputError, match="changed since the features in .*tiny/theirs"):
        evaluate.run(own, place)
    (place / "profiles/tiny/theirs").rename(place / "profiles/tiny/gone")
    labelling.check_written(own, place, "tiny")  # of what is there
    labelling.check_written(own, place, "another")


def test_features_written_by_several_labels_are_by_none(own, place):
    first = own.screen.response_1
    own.screen.response_1 = "state=other"
    labelling.note_written(own, place, place / "profiles/tiny/theirs")
    for labels in ("state=other", first):
        own.screen.response_1 = labels
        with pytest.raises(InputError, match="changed since"):
            labelling.check_written(own, place, "tiny")


def test_the_report_says_by_which_labels(own, place, monkeypatch):
    table = metadata()
    monkeypatch.setattr(task_results, "records", lambda job, config, dataset: table)
    evaluate.run(own, place)
    page = what_was_run.section(inputs.read(own, place))
    assert "response_0 state=sick; response_1 state=well" in page
    assert "labels_of_profiles" not in page.lower()
    assert not inputs.read(own, place).tasks["tiny"]["control_classification"][
        "warnings"
    ]
    own.screen.response_1 = "state=other"
    (said,) = inputs.read(own, place).tasks["tiny"]["control_classification"][
        "warnings"
    ]
    assert said.startswith("scores are by a former screen.response_1: run")
    assert "response_1 state=well" in what_was_run.section(inputs.read(own, place))


def test_a_set_of_more_records_is_judged_by_labels_that_hold(own, place):
    """What the screen lacks keeps the labels it was written with, if they hold."""
    folder, known = [place / "profiles/tiny/theirs"], metadata().iloc[:30]
    sets = AlignedSets(folder, "", known)
    assert (
        sets.metadata["Metadata_Role"].tolist() == metadata()["Metadata_Role"].tolist()
    )
    changed = known.assign(Metadata_Role="treated")
    with pytest.raises(InputError, match="Metadata_Role are not those of config.scre"):
        AlignedSets(folder, "", changed)
    with pytest.raises(InputError, match="Metadata_Half are not those of config.scre"):
        AlignedSets(folder, "", known.assign(Metadata_Half="a"))


def test_classes_are_bound_to_the_workdir(own, tmp_path):
    """Names may be the same while records change sides."""
    workdir.record(tmp_path, own, "")
    dataset = types.SimpleNamespace(fingerprint="a", metadata_sha256="b")

    def note(labels):
        codes = {"X": np.array(labels, np.int32)}
        source = Source(("dna",), classes={"X": ("a", "b")}, blanks={"X": 0})
        rows = np.array([], int)
        records = training_records.TrainingRecords(
            dataset, ("dna",), Rows(rows, rows, rows), codes, source
        )
        training = types.SimpleNamespace(records=records, method=None)
        loop._note(tmp_path, training, jax.devices()[:1])

    note([0, 1, 1, 0])
    note([0, 1, 1, 0])
    with pytest.raises(InputError, match="other classes of config.data.label: go back"):
        note([1, 0, 0, 1])
    dataset.fingerprint = "c"
    with pytest.raises(InputError, match="another preparation of the screen: go back"):
        note([0, 1, 1, 0])
