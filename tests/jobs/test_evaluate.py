"""The evaluate job on a made-up screen, from Parquet parts to JSON and a table."""

import json
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.cluster_calls import Cluster
from gandl_jax.errors import InputError
from gandl_jax.jobs import evaluate
from gandl_jax.judging import task_results
from gandl_jax.profiles import seen_table, store
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen

CONTROL_KEYS = set(
    "task set encoder features group split leaky label classes chance records wells "
    "plates learnt_from normalize unit encoder_saw_test_images encoder_saw_screen "
    "labels_seen metric value low high differences folds".split()
)
DOSE_KEYS = set(
    "task set encoder features group experiment treatment status controls_too_near "
    "ec50_um ec50_low_um "
    "ec50_high_um ec50_bound slope bottom top response_at_highest_dose rescue "
    "rescue_low rescue_high r2 r2_dose_means p_effect q_effect side_effect "
    "ec50_kind dose_unit absolute_ec50_um absolute_ec50_low_um absolute_ec50_high_um "
    "absolute_ec50_bound best_dose_um best_dose_low_um best_dose_high_um peak peak_low "
    "peak_high fall fall_low fall_high mean_at_highest_dose mean_at_highest_dose_low "
    "mean_at_highest_dose_high p_falls_again q_falls_again p_lack_of_fit q_lack_of_fit "
    "lack_of_fit doubts side_effect_low side_effect_high points controls wells "
    "warnings encoder_saw_test_images encoder_saw_screen labels_seen".split()
)
QUICK = "control_classification,dose_response,retrieval"


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
    made.evaluate.update(bootstrap_draws=50, tasks=QUICK)
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


def test_only_records_that_were_held_out_are_scored_without_a_mark(
    config, tmp_path, capsys
):
    """The encoder learnt labels of plate 1 and never saw plate 2."""
    table = metadata()
    directory = tmp_path / "profiles/simulated/gan@20"
    on_one = table["Metadata_Plate"] == "1"
    seen = Seen.from_pairs([(True, "Role") if one else (False, "") for one in on_one])
    store.claim(directory, {"saw_images": True}, seen_table.make(table, seen))
    written(tmp_path, table)
    evaluate.run(config, tmp_path)
    controls = result(tmp_path, "control_classification")["rows"]
    splits = set(config.evaluate.splits)
    assert {row["split"] for row in controls} == splits | {"held_out"}
    for row in controls:
        learnt = row["encoder"] == "gan@20" and row["split"] != "held_out"
        assert row["labels_seen"] is learnt, row
        if row["split"] == "held_out":
            assert (row["plates"], row["learnt_from"]) == (1, 32)
    for task in ("dose_response", "retrieval"):
        for row in result(tmp_path, task)["rows"]:
            assert row["labels_seen"] is (row["encoder"] == "gan@20")
    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if line.startswith("M  ")]
    assert lines and all(
        ("labels seen" in line) is ("held out" not in line) for line in lines
    )


def test_rows_have_the_keys_that_readers_rely_on(config, workdir, capsys):
    evaluate.run(config, workdir)
    controls = result(workdir, "control_classification")
    assert set(controls) == {"rows", "inputs", "skipped", "warnings", "sha256"}
    assert not controls["skipped"] and not controls["warnings"]
    assert len(controls["rows"]) == (5 + 2) * 2 * 2  # sets, floors, splits, metrics
    assert controls["rows"][0]["set"] == "gan@20/b8"  # the headline set is first
    for row in controls["rows"]:
        assert set(row) == CONTROL_KEYS
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
        assert row["encoder_saw_test_images"] == (row["encoder"] == "gan@20")
        assert ("untrained" in row["differences"]) == (row["encoder"] == "gan@20")
    curves = result(workdir, "dose_response")["rows"]
    assert [row["set"] for row in curves] == ["gan@20/b8", "gan@0/b8", "intensity"]
    assert all(set(row) == DOSE_KEYS for row in curves)
    said = capsys.readouterr().out
    for name in QUICK.split(","):
        assert said.index(f"{name} begins") < said.index(f"{name}: ")
    assert "trained (gan@20)  " in said and "untrained (gan@0)  " in said


def test_what_is_done_is_not_repeated(config, workdir, monkeypatch, capsys):
    evaluate.run(config, workdir)
    table = capsys.readouterr().out.partition("Control classification")[2]

    def forbidden(*args, **options):
        raise AssertionError("ran again")

    with monkeypatch.context() as patch:
        patch.setattr(store, "read", forbidden)
        patch.setattr(store, "read_features", forbidden)
        evaluate.run(config, workdir)
    assert capsys.readouterr().out.partition("Control classification")[2] == table
    before = result(workdir, "control_classification")
    config.evaluate.svm_c = 1e-3
    evaluate.run(config, workdir)
    after = result(workdir, "control_classification")
    assert after["inputs"]["options"]["svm_c"] == 1e-3
    assert after["rows"] != before["rows"]


def test_another_normalisation_of_a_task_makes_no_other_anew(config, workdir):
    config.evaluate.tasks = "control_classification,dose_response"
    evaluate.run(config, workdir)
    before = result(workdir, "control_classification"), result(workdir, "dose_response")
    config.evaluate.dose_response.normalize = "none"
    stamps = {
        path.stem: path.stat().st_mtime_ns
        for path in (workdir / "tasks/simulated").iterdir()
    }
    evaluate.run(config, workdir)
    controls = workdir / "tasks/simulated/control_classification.json"
    assert controls.stat().st_mtime_ns == stamps["control_classification"]
    after = result(workdir, "dose_response")
    assert after["inputs"]["options"]["normalize"] == "none"
    assert before[1]["inputs"]["options"]["normalize"] == "standard"
    plain = [row["response_at_highest_dose"] for row in after["rows"]]
    assert plain != [row["response_at_highest_dose"] for row in before[1]["rows"]]


def test_code_of_a_task_is_no_other_tasks(tmp_path, monkeypatch):
    package = tmp_path / "gandl_jax"
    (package / "profiles").mkdir(parents=True)
    (package / "tasks").mkdir()
    for name, text in (("one", "def run(): 1"), ("shared", "x = 1")):
        (package / f"tasks/{name}.py").write_text(text)
    monkeypatch.setattr(modules, "PACKAGE", package)
    monkeypatch.setattr(task_results.gandl_jax, "__file__", str(package / "i.py"))
    before = task_results.code("one")
    (package / "tasks/two.py").write_text("def run(): 2")
    assert task_results.code("one") == before != task_results.code("two")
    (package / "tasks/shared.py").write_text("x = 2")
    assert task_results.code("one") != before


def test_scores_of_other_code_are_made_anew(config, workdir, monkeypatch):
    config.evaluate.tasks = "control_classification"
    evaluate.run(config, workdir)
    before = result(workdir, "control_classification")["inputs"]
    monkeypatch.setattr(task_results, "code", lambda task: "other")
    evaluate.run(config, workdir)
    after = result(workdir, "control_classification")["inputs"]
    assert len(before["code"]) == 64 and after == before | {"code": "other"}


def test_what_is_odd_is_said_and_kept_for_the_report(config, workdir, capsys):
    table = metadata()
    table.loc[table["Metadata_Plate"] == "2", "Metadata_Role"] = "treated"
    table.loc[table.index[-2:], "Metadata_Treatment"] = "A-drug"
    written(workdir, table)
    directory = workdir / "profiles/simulated/intensity"
    features = np.random.default_rng(0).normal(size=(len(table), 10))
    features[:, [3, 7]] = 1
    for part in directory.glob("part-*"):
        part.unlink()
    store.write_part(directory / "part-00000.parquet", table, {"intensity": features})
    store.finish(directory)
    config.evaluate.update(tasks="control_classification", splits=("record",))
    evaluate.run(config, workdir)
    lines = result(workdir, "control_classification")["warnings"]
    assert [line.partition(":")[0] for line in lines[:2]] == [
        "feature set 'intensity'",
        "1 of 2 plates have no control wells and are normalised as the other plates "
        "are on average (M-1/2)",
    ]
    assert "'A-drug' and 'a drug'" in lines[2]
    said = capsys.readouterr().out
    assert all(f"note: {line}" in said for line in lines[:3])


def test_features_that_are_not_finite_are_refused(config, workdir):
    directory = workdir / "profiles/simulated/gan@0"
    metadata = store.read_metadata(directory)[:40]
    sets = {"b8": np.ones((40, 6)), "b16": np.ones((40, 4))}
    sets["b16"][7, 2] = np.nan
    store.write_part(directory / "part-00000.parquet", metadata, sets)
    store.finish(directory)
    with pytest.raises(InputError, match="'gan@0/b16': column 2 .* in 1 records, the"):
        evaluate.run(config, workdir)
    assert not (workdir / "tasks").exists()


def imported(workdir, table, **note):
    """A table of others beside or instead of ours; `table` is its records."""
    directory = workdir / "profiles/simulated/theirs"
    store.claim(directory, {"saw_images": None, "file": "t.csv", **note})
    rng = np.random.default_rng(1)
    features = {"theirs": rng.normal(size=(len(table), 3))}
    store.write_part(directory / "part-00000.parquet", table, features)
    store.finish(directory)


def test_imported_tables_alone_need_no_headline(config, tmp_path):
    imported(tmp_path, metadata())
    config.evaluate.tasks = "control_classification"
    evaluate.run(config, tmp_path)
    rows = result(tmp_path, "control_classification")["rows"]
    assert {row["set"] for row in rows} == {"theirs", "plate", "position"}
    saw = {r["encoder_saw_test_images"] for r in rows if r["set"] == "theirs"}
    assert saw == {None}


def test_only_records_of_all_sets_are_judged(config, workdir, capsys):
    imported(workdir, metadata()[8:], unmatched="skip")
    config.evaluate.tasks = "control_classification"
    evaluate.run(config, workdir)
    line = "88 of 96 records are in all sets; only those are judged"
    assert line in capsys.readouterr().out
    assert line in result(workdir, "control_classification")["warnings"]


def test_beside_wells_all_sets_are_judged_by_well(config, workdir):
    wells = well_means(
        FeatureSet("", metadata(), np.zeros((96, 0), np.float32))
    ).metadata
    imported(workdir, wells, level="well")
    config.evaluate.tasks = "control_classification"
    evaluate.run(config, workdir)
    made = result(workdir, "control_classification")
    assert made["warnings"] == [
        "one table is by well: all sets are judged by the means of their wells"
    ]
    plates = [row for row in made["rows"] if row["split"] == "plate"]
    assert {row["records"] for row in plates} == {32}  # 16 control wells on each


def test_new_profiles_are_judged(config, workdir):
    evaluate.run(config, workdir)
    (workdir / "profiles/simulated/gan@20").rename(
        workdir / "profiles/simulated/gan@40"
    )
    evaluate.run(config, workdir)
    sets = {row["set"] for row in result(workdir, "dose_response")["rows"]}
    assert sets == {"gan@40/b8", "gan@0/b8", "intensity"}


def test_without_controls_all_skips_and_a_named_task_refuses(
    config, tmp_path, capsys, monkeypatch
):
    workdir = written(tmp_path, metadata(controls=False))
    config.evaluate.tasks = "dose_response"
    with pytest.raises(
        InputError, match="'dose_response' cannot be run: no experiment"
    ):
        evaluate.run(config, workdir)
    assert not (workdir / "tasks").exists()
    names = modules.names
    known = {"tasks": QUICK.split(",")}  # the others' own tests are slower
    monkeypatch.setattr(
        modules, "names", lambda folder, mark: known.get(folder) or names(folder, mark)
    )
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


def test_an_empty_folder_is_passed_over(config, workdir, capsys):
    (workdir / "profiles/simulated/theirs").mkdir()
    evaluate.run(config, workdir)
    assert "theirs is empty and passed over" in capsys.readouterr().out


def test_labels_that_changed_since_are_those_of_the_screen(
    config, workdir, tmp_path, monkeypatch
):
    """As in the prepared table; the same labels are judged once."""
    table = metadata().assign(
        Metadata_Record_ID=lambda one: one["Metadata_Site_ID"],
    )
    monkeypatch.setattr(task_results, "records", lambda job, config, dataset: table)
    config.evaluate.tasks = "control_classification"
    evaluate.run(config, workdir)
    path = workdir / "tasks/simulated/control_classification.json"
    first, stamp = result(workdir, "control_classification"), path.stat().st_mtime_ns
    evaluate.run(config, workdir)
    assert path.stat().st_mtime_ns == stamp
    table["Metadata_Role"] = table["Metadata_Role"].replace("treated", "response_1")
    evaluate.run(config, workdir)
    again = result(workdir, "control_classification")
    assert again["inputs"]["metadata"] != first["inputs"]["metadata"]
    assert again["inputs"]["profiles"] == first["inputs"]["profiles"]
    assert again["rows"][0]["records"] > first["rows"][0]["records"]


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(
    config, tmp_path, dask_processes, monkeypatch, capsys
):
    config.evaluate.tasks = "control_classification,batch_effects"
    here, there = written(tmp_path / "here", metadata()), tmp_path / "there"
    shutil.copytree(here, there)
    evaluate.run(config, here)
    told = capsys.readouterr().out
    config.evaluate.cluster = dask_processes.address
    results = []

    def counted(self, future, _was=Cluster._result):
        results.append(_was(self, future))
        if len(results) == 20:
            os.kill(dask_processes.workers[0].pid, signal.SIGKILL)
        return results[-1]

    monkeypatch.setattr(Cluster, "_result", counted)
    evaluate.run(config, there)
    assert dask_processes.workers[0].wait() == -signal.SIGKILL
    assert len(results) > 40
    for name in config.evaluate.tasks.split(","):
        one, other = (w / f"tasks/simulated/{name}.json" for w in (here, there))
        assert (
            json.loads(one.read_text())["rows"] == json.loads(other.read_text())["rows"]
        )
        assert one.read_bytes() == other.read_bytes()
    # What a cluster made is done here as well, and is not asked for where all is done.
    dask_processes.stop()
    capsys.readouterr()
    for address in ("", dask_processes.address):
        config.evaluate.cluster = address
        evaluate.run(config, there)
        assert "begins" not in capsys.readouterr().out
    assert "begins" in told
