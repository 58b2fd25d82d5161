"""The evaluate job on a made-up screen, from Parquet parts to JSON and a table."""

import json

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs import evaluate
from gandl_jax.profiles import store

CONTROL_KEYS = set(
    "task set encoder features group split leaky metric value low high folds classes "
    "untrained_difference records wells plates encoder_saw_test_images".split()
)
DOSE_KEYS = set(
    "task set encoder features group experiment treatment ec50_um ec50_low_um slope "
    "ec50_high_um bottom top r2 r2_dose_means p_effect q_effect wells status "
    "points controls encoder_saw_test_images response_at_highest_dose".split()
)


def metadata(controls=True):
    wells = [("response_0", "", np.nan)] * 8 + [("response_1", "", np.nan)] * 8
    wells += [("treated", "a drug", dose) for dose in np.geomspace(0.01, 3, 8)]
    rows = [
        {
            "Metadata_Site_ID": f"{plate}-{well}-{site}",
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"{'ABC'[well % 3]}{well // 3 + 1:02d}",
            "Metadata_Experiment": "M-1",
            "Metadata_Cell_Type": "M",
            "Metadata_Treatment": treatment,
            "Metadata_Concentration_uM": dose,
            "Metadata_Role": role if controls else "other",
        }
        for plate in (1, 2)
        for well, (role, treatment, dose) in enumerate(wells)
        for site in (1, 2)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def config():
    made = configs.default()
    made.evaluate.bootstrap_draws = 50
    return made


def written(workdir, table):
    rng = np.random.default_rng(0)
    signal = (table["Metadata_Role"] == "response_1").to_numpy()[:, None]
    for encoder, strength in (("gan@20", 3), ("gan@0", 1), ("intensity", 0)):
        widths = {"intensity": 10} if encoder == "intensity" else {"b8": 6, "b16": 4}
        directory = workdir / "profiles/simulated" / encoder
        features = {
            name: rng.normal(size=(len(table), width)) + strength * signal
            for name, width in widths.items()
        }
        for number, start in enumerate(range(0, len(table), 40)):
            part = {name: x[start : start + 40] for name, x in features.items()}
            path = directory / f"part-{number:05d}.parquet"
            store.write_part(path, table[start : start + 40], part)
        store.finish(directory)
    return workdir


@pytest.fixture
def workdir(tmp_path):
    return written(tmp_path, metadata())


def result(workdir, task):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    text = (workdir / "tasks/simulated" / f"{task}.json").read_text()
    return json.loads(text, parse_constant=refuse)


def test_rows_have_the_keys_that_readers_rely_on(config, workdir, capsys):
    evaluate.run(config, workdir)
    controls = result(workdir, "control_classification")
    assert set(controls) == {"rows", "inputs", "skipped"} and not controls["skipped"]
    assert len(controls["rows"]) == 5 * 2 * 2  # sets, splits, metrics
    assert controls["rows"][0]["set"] == "gan@20/b8"  # the headline set is first
    for row in controls["rows"]:
        assert set(row) == CONTROL_KEYS
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
        assert row["encoder_saw_test_images"] == (row["encoder"] == "gan@20")
        assert (row["untrained_difference"] is None) == (row["encoder"] != "gan@20")
    curves = result(workdir, "dose_response")["rows"]
    assert [row["set"] for row in curves] == ["gan@20/b8", "gan@0/b8", "intensity"]
    assert all(set(row) == DOSE_KEYS for row in curves)
    said = capsys.readouterr().out
    for name in ("control_classification", "dose_response"):
        assert said.index(f"{name} begins") < said.index(f"{name}: ")
    assert "trained (gan@20)  " in said and "untrained (gan@0)  " in said


def test_what_is_done_is_not_repeated(config, workdir, monkeypatch, capsys):
    evaluate.run(config, workdir)
    table = capsys.readouterr().out.partition("Control classification")[2]

    def forbidden(*args, **options):
        raise AssertionError("ran again")

    with monkeypatch.context() as patch:
        patch.setattr(store, "read", forbidden)
        evaluate.run(config, workdir)
    assert capsys.readouterr().out.partition("Control classification")[2] == table
    before = result(workdir, "control_classification")
    config.evaluate.svm_c = 1e-3
    evaluate.run(config, workdir)
    after = result(workdir, "control_classification")
    assert after["inputs"]["options"]["svm_c"] == 1e-3
    assert after["rows"] != before["rows"]


def test_new_profiles_are_judged(config, workdir):
    evaluate.run(config, workdir)
    (workdir / "profiles/simulated/gan@20").rename(
        workdir / "profiles/simulated/gan@40"
    )
    evaluate.run(config, workdir)
    sets = {row["set"] for row in result(workdir, "dose_response")["rows"]}
    assert sets == {"gan@40/b8", "gan@0/b8", "intensity"}


def test_without_controls_all_skips_and_a_named_task_refuses(config, tmp_path, capsys):
    workdir = written(tmp_path, metadata(controls=False))
    config.evaluate.tasks = "dose_response"
    with pytest.raises(
        InputError, match="'dose_response' cannot be run: no experiment"
    ):
        evaluate.run(config, workdir)
    assert not (workdir / "tasks").exists()
    config.evaluate.tasks = "all"
    evaluate.run(config, workdir)
    found = result(workdir, "control_classification")
    assert found["rows"] == [] and "no wells of the control" in found["skipped"]
    assert "control_classification skipped: the screen has" in capsys.readouterr().out
    config.evaluate.tasks = "dose_response"  # the skip on disk is no answer
    with pytest.raises(InputError, match="'dose_response' cannot be run"):
        evaluate.run(config, workdir)


def test_spaces_around_names_of_tasks(config, workdir):
    config.evaluate.tasks = " dose_response , control_classification "
    evaluate.run(config, workdir)
    assert len(list((workdir / "tasks/simulated").iterdir())) == 2


@pytest.mark.parametrize(
    ("tasks", "features", "message"),
    [
        (
            "dose_response,control_clasification",
            "b8",
            "did you mean 'control_classification'",
        ),
        ("splits", "b8", "there is no task 'splits'"),
        ("all", "b17", "did you mean 'b16'"),
    ],
)
def test_unknown_names(config, workdir, tasks, features, message):
    config.evaluate.update(tasks=tasks, features=features)
    with pytest.raises(InputError, match=message):
        evaluate.run(config, workdir)
    assert not (workdir / "tasks").exists()


def test_missing_and_incomplete_profiles(config, workdir, tmp_path_factory):
    with pytest.raises(InputError, match="no profiles in .*run --job=embed"):
        evaluate.run(config, tmp_path_factory.mktemp("empty"))
    (workdir / "profiles/simulated/gan@0/part-00001.parquet").unlink()
    with pytest.raises(InputError, match="gan@0 is not complete"):
        evaluate.run(config, workdir)
    assert not (workdir / "tasks").exists()
