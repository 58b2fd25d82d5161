"""The job choose_features on a made-up screen, from Parquet parts to the report."""

import json

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import main as program
from gandl_jax.errors import InputError
from gandl_jax.jobs import choose_features
from gandl_jax.judging import task_results
from gandl_jax.profiles import store


def metadata(plates=3, controls=True):
    rows = [
        {
            "Metadata_Site_ID": f"{plate}-{well}-{site}",
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"{'ABC'[well % 3]}{well // 3 + 1:02d}",
            "Metadata_Experiment": "M-1",
            "Metadata_Cell_Type": "M",
            "Metadata_Treatment": "",
            "Metadata_Role": f"response_{well % 2}" if controls else "other",
        }
        for plate in range(plates)
        for well in range(12)
        for site in range(2)
    ]
    return pd.DataFrame(rows)


def written(workdir, table):
    """Three encoders; only gan@20/b16 tells the controls apart."""
    rng = np.random.default_rng(0)
    signal = (table["Metadata_Role"] == "response_1").to_numpy()
    for encoder in ("gan@20", "gan@0", "intensity"):
        names = ["intensity"] if encoder == "intensity" else ["b8", "b16"]
        features = {name: rng.normal(size=(len(table), 4)) for name in names}
        if encoder == "gan@20":
            features["b16"][:, 0] += 5 * signal
        directory = workdir / "profiles/simulated" / encoder
        store.write_part(directory / "part-00000.parquet", table, features)
        store.finish(directory)
    return workdir


@pytest.fixture
def config():
    made = configs.default()
    made.evaluate.bootstrap_draws = 50
    return made


@pytest.fixture
def workdir(tmp_path):
    return written(tmp_path, metadata())


def result(workdir, task="control_classification"):
    folder = workdir / "choose_features/simulated"
    return json.loads((folder / f"{task}.json").read_text())


def test_chooses_writes_and_says_what_to_type(config, workdir, capsys):
    choose_features.run(config, workdir)
    said = capsys.readouterr().out
    flags = (
        "--config.evaluate.features=b16 "
        "--config.evaluate.control_classification.normalize="
        + result(workdir)["recommendation"]["normalize"]
    )
    assert "Recommended: gan@20/b16 with" in said and flags in said
    assert "trained (gan@20)  " in said and "fits" in said
    assert "label_classification skipped: the screen has no column" in said
    content = result(workdir)
    encoders = {row["encoder"] for row in content["rows"]}
    assert encoders == {
        "gan@20", "gan@0", "intensity", "any encoder", "plate", "position",
    }  # fmt: skip
    assert {row["split"] for row in content["rows"]} == {"plate"}, "nothing leaky"
    taken = {
        row["encoder"]: {one["set"] for one in row["taken"]} for row in content["rows"]
    }
    assert taken["gan@20"] == taken["any encoder"] == {"gan@20/b16"}
    assert taken["intensity"] == {"intensity"} and taken["plate"] == set()
    saw = {row["encoder"]: row["encoder_saw_test_images"] for row in content["rows"]}
    assert saw["gan@20"] and saw["any encoder"] and not saw["gan@0"]
    table = pd.read_csv(
        workdir / "choose_features/simulated/control_classification.csv"
    )
    assert len(table) == 10 and table.iloc[0]["set"] == "gan@20/b16"
    own = table[table["encoder"] == "gan@20"]
    assert own["folds_taken"].sum() == 3 and set(own["folds"]) == {3}
    assert result(workdir, "label_classification")["rows"] == []


def test_what_is_done_is_not_repeated(config, workdir, monkeypatch, capsys):
    choose_features.run(config, workdir)
    table = capsys.readouterr().out.partition("Chosen without")[2]
    path = workdir / "choose_features/simulated/control_classification.json"
    stamp = path.stat().st_mtime_ns

    def forbidden(*args, **options):
        raise AssertionError("ran again")

    with monkeypatch.context() as patch:
        patch.setattr(store, "read", forbidden)
        patch.setattr(store, "read_features", forbidden)
        # What was recommended changes nothing: it is what is chosen among.
        config.evaluate.update(features="b16", normalize="whiten")
        choose_features.run(config, workdir)
    again = capsys.readouterr().out
    assert "nothing has changed" in again
    assert again.partition("Chosen without")[2] == table
    assert path.stat().st_mtime_ns == stamp
    config.choose.normalize = ("robust",)
    choose_features.run(config, workdir)
    changed = result(workdir)
    assert {row["normalize"] for row in changed["candidates"]} == {"robust"}
    written(workdir, metadata())
    (workdir / "profiles/simulated/intensity").rename(workdir / "profiles/other")
    choose_features.run(config, workdir)
    assert "intensity" not in {row["encoder"] for row in result(workdir)["rows"]}


def test_several_c_are_chosen_among(config, workdir):
    configs.override(config, {"choose.svm_c": "0.01,1", "choose.normalize": "none"})
    choose_features.run(config, workdir)
    content = result(workdir)
    assert {row["svm_c"] for row in content["candidates"]} == {0.01, 1.0}
    assert "--config.evaluate.svm_c=" in content["recommendation"]["flags"]


def test_the_report_shows_it(request, workdir):
    root = request.config.rootpath.parent
    arguments = [
        f"--config={root}/configs/demo.py",
        f"--workdir={workdir}",
        f"--config.data.dir={workdir}/none",
        "--config.evaluate.bootstrap_draws=20",
        "--job=choose_features,report",
    ]
    assert program.main(arguments) == 0
    page = (workdir / "report/index.html").read_text()
    flags = result(workdir)["recommendation"]["flags"]
    assert 'id="choice-simulated"' in page and f"<code>{flags}</code>" in page
    assert "the choice was made without the test wells" in page
    assert "gan@20/b16 with" in page and "All candidates (10)" in page
    scores = pd.read_csv(workdir / "report/data/choice.csv")
    row = scores[
        (scores["encoder"] == "gan@20") & (scores["metric"] == "balanced_accuracy")
    ]
    (expected,) = [
        r["value"]
        for r in result(workdir)["rows"]
        if r["encoder"] == "gan@20" and r["metric"] == "balanced_accuracy"
    ]
    assert row["value"].item() == pytest.approx(expected)
    assert len(pd.read_csv(workdir / "report/data/candidates.csv")) == 10


@pytest.mark.parametrize(
    "setting, told",
    [
        ("choose.normalize=whitn", "did you mean 'whiten'"),
        ("choose.normalize=", "choose.normalize is empty"),
        ("choose.inner_folds=1", "should be 2 or more"),
        ("choose.svm_c=1,x", "should be a number"),
        ("choose.svm_c=0", "not above 0"),
        ("seed=0", "run --job=embed first"),
    ],
)
def test_bad_input_is_one_line(request, tmp_path, capsys, setting, told):
    root = request.config.rootpath.parent
    arguments = [
        f"--config={root}/configs/demo.py",
        f"--workdir={tmp_path}/w",
        f"--config.data.dir={tmp_path}/none",
        f"--config.{setting}",
        "--job=choose_features",
    ]
    assert program.main(arguments) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and told in errors[0]
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "table, told",
    [
        (metadata(controls=False), "no wells of the control response_0"),
        (metadata(plates=2), "training part of the split 'plate': all its records"),
    ],
)
def test_a_screen_that_allows_no_choice(config, tmp_path, table, told, monkeypatch):
    workdir = written(tmp_path, table)

    def forbidden(*args, **options):
        raise AssertionError("features were read")

    monkeypatch.setattr(task_results.quality, "check_features", forbidden)
    with pytest.raises(InputError, match="nothing to choose features by: .*") as caught:
        choose_features.run(config, workdir)
    assert told in str(caught.value)
    assert not (workdir / "choose_features").exists()
