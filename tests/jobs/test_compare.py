"""The job compare on made-up workdirs, from Parquet parts to the page."""

import json
import shutil
import types

import numpy as np
import pandas as pd
import pytest
from tiny_screens import control_table

from gandl_jax import config as configs
from gandl_jax import csv_files, sealed_json
from gandl_jax import main as program
from gandl_jax import workdir as workdirs
from gandl_jax.jobs import choose_features
from gandl_jax.jobs.compare import answer
from gandl_jax.judging import asked, comparing
from gandl_jax.profiles import held_out, seen_table, store
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import choice_counting, clusters, drug_similarity
from gandl_jax.tasks.counting import Classification
from gandl_jax.training import opening

STEP = 20


def embedded(directory, note, features, trained_on=None):
    store.claim(directory, note, trained_on)
    store.write_part(directory / "part-00000.parquet", control_table(4, 12), features)
    store.finish(directory)


def written(folder, method, seed, shift, *, learnt=False, more=None, **settings):
    """A workdir whose trained features move response 1 by so many deviations.

    `more` are further sets of its trained network, by name.
    """
    more = more or {}
    config = configs.default(method)
    held_out = {"train.hold_out": "plate:M-1/0"}
    configs.override(config, {"seed": str(seed)} | held_out | settings)
    config.train.total_images = STEP * config.train.batch
    workdirs.record(folder, config, "")
    table, rng = control_table(4, 12), np.random.default_rng(seed)
    label = (table["Metadata_Role"] != "response_0").to_numpy()
    profiles, name = folder / "profiles/simulated", config.evaluate.features
    plate = config.train.hold_out.rpartition("/")[2] or "0"
    known = (table["Metadata_Plate"] != plate).to_numpy() | (
        config.train.hold_out == ""
    )
    labels = np.array(["Condition" if k and learnt else "" for k in known], object)
    seen = seen_table.make(table, Seen(known.astype(object), labels))
    for step, by, told in ((STEP, shift, seen), (0, 0.0, None)):
        features = rng.normal(size=(len(table), 4)).astype(np.float32)
        features[:, 0] += by * label
        note = {"prepared": settings.get("p", "p"), "saw_images": bool(step)}
        note["weights_sha256"] = f"{method} {step} {seed}"
        sets = {name: features} | {n: s for n, s in more.items() if step}
        sets |= {n: features[:, 1:] for n in more if not step}
        embedded(profiles / f"{method}@{step}", note, sets, told)
    for name in ("intensity", "classical"):
        flat = {name: rng.normal(size=(len(table), 2)).astype(np.float32)}
        embedded(profiles / name, {"prepared": "p", "saw_images": False}, flat)
    return folder


@pytest.fixture(autouse=True)
def finished(monkeypatch):
    monkeypatch.setattr(opening, "newest_step", lambda folder: STEP)


@pytest.fixture
def folders(tmp_path):
    for seed in (0, 1):
        written(tmp_path / f"runs/gan-{seed}", "gan", seed, 4.0)
        written(tmp_path / f"runs/ae-{seed}", "autoencoder", seed, 0.5)
    return tmp_path / "runs"


def compare(folders, *arguments, job="compare"):
    return program.main(
        [
            "--config=configs/demo.py",
            f"--job={job}",
            f"--workdir={folders.parent / 'compared'}",
            f"--config.compare.workdirs={folders}/*",
            "--config.evaluate.splits=plate",
            "--config.evaluate.bootstrap_draws=200",
            "--config.evaluate.normalize=none",
            "--config.data.dir=/nowhere",
            "--config.evaluate.tasks=control_classification",
            *arguments,
        ]
    )


def results(folders, task="control_classification"):
    path = folders.parent / f"compared/compare/simulated/{task}.json"
    return sealed_json.read(path)


def test_methods_stand_beside_one_another(folders, capsys):
    kept = f"--config.sweep.results={folders.parent}/kept"
    of_sweep = "--config.sweep.source=methods", kept
    assert compare(folders, "--config.evaluate.tasks=all", *of_sweep) == 0
    told = capsys.readouterr().out
    found = results(folders)
    rows = {
        (row["split"], row["metric"], row["arm"], row["role"]): row
        for row in found["rows"]
    }
    splits = {split for split, *_ in rows}
    assert splits == {"plate", "held_out"}
    key = "held_out", "balanced_accuracy"
    gan, ae = rows[*key, "gan", "trained"], rows[*key, "autoencoder", "trained"]
    assert gan["seeds"] == [0, 1] and gan["records"] == 12
    assert gan["value"] == pytest.approx(np.mean(gan["of_seeds"]))
    assert gan["value"] > 0.9 > 0.75 > ae["value"]
    assert gan["rank"] == 1 and ae["rank"] == 2
    assert gan["minus_untrained"]["low"] > 0
    assert {a for *_, a, role in rows if role == "floor"} == {
        "classical",
        "intensity",
        "plate",
        "position",
    }
    (pair,) = (
        p
        for p in found["pairs"]
        if (p["split"], p["metric"]) == ("plate", "balanced_accuracy")
    )
    assert pair["different"] and pair["one"] == "autoencoder" and pair["value"] < 0
    assert "pairs differ after correction" in told and "floors: classical" in told
    page = folders.parent / "compared/compare/simulated/index.html"
    assert "Which way of learning suits this screen?" in page.read_text()
    scores = csv_files.read(page.parent / "data/scores.csv")
    assert {row["question"] for row in found["rows"]} == {
        f"M, control, {split}, balanced accuracy" for split in ("plate", "held out")
    }
    assert len(scores) == sum(
        len(results(folders, p.stem)["rows"]) for p in page.parent.glob("*.json")
    )
    (path,) = (folders.parent / "kept").rglob("*_compared.csv")
    lines = csv_files.read(path)
    assert lines["value"].tolist() == scores["value"].tolist()
    leading = lines[lines["leads"] == "True"]
    assert set(leading["question"]) == {"M, control, held out, balanced accuracy"}


def test_scores_are_those_of_evaluate(folders):
    """One seed of each: the same folds, decisions and scores as of one workdir."""
    assert compare(folders, f"--config.compare.workdirs={folders}/*-0") == 0
    found = results(folders)
    workdir = folders / "gan-0"
    evaluated = [
        "--config=configs/demo.py",
        "--job=evaluate",
        f"--workdir={workdir}",
        "--config.train.hold_out=plate:M-1/0",
        f"--config.train.total_images={STEP * 16}",
        "--config.evaluate.normalize=none",
        "--config.evaluate.tasks=control_classification",
        "--config.data.dir=/nowhere",
    ]
    del evaluated[4]
    config = workdirs.read_config(workdir)
    assert config.method.name == "gan"
    from gandl_jax.jobs import evaluate

    config.evaluate.update(normalize="none", tasks="control_classification")
    config.data.dir = "/nowhere"
    evaluate.run(config, workdir)
    path = workdir / "tasks/simulated/control_classification.json"
    theirs = {
        (row["split"], row["metric"], row["set"]): row["value"]
        for row in json.loads(path.read_text())["rows"]
    }
    for row in found["rows"]:
        if row["arm"] == "gan" and row["role"] == "trained":
            name = f"gan@{STEP}/{row['features']}"
            key = row["split"], row["metric"], name
            assert row["value"] == pytest.approx(theirs[key])


def test_folds_choose_a_set_as_choose_features_does(folders):
    label = (control_table(4, 12)["Metadata_Role"] == "response_1").to_numpy()
    better = np.random.default_rng(9).normal(size=(len(label), 3)).astype(np.float32)
    better[:, 0] += 5 * label
    for method in ("gan", "autoencoder"):
        written(folders / f"{method}-9", method, 9, 0.0, more={"better": better})
    few = {"normalize": "standard", "inner_folds": 2}
    assert 0 == compare(
        folders,
        f"--config.compare.workdirs={folders}/*-9",
        "--config.compare.choose_sets=True",
        *(f"--config.choose.{key}={value}" for key, value in few.items()),
    )
    rows = {
        (row["split"], row["metric"], row.get("choice", "")): row["value"]
        for row in results(folders)["rows"]
        if (row["arm"], row["role"]) == ("gan", "trained")
    }
    config = workdirs.read_config(folders / "gan-9")
    config.evaluate.update(normalize="none", bootstrap_draws=200, splits=("plate",))
    config.choose.update(few | {"normalize": ("standard",)})
    config.data.dir = "/nowhere"
    choose_features.run(config, folders / "gan-9")
    path = folders / "gan-9/choose_features/simulated/control_classification.json"
    theirs = {
        (row["split"], row["metric"], choice_counting.WORDS): row["value"]
        for row in sealed_json.read(path)["rows"]
        if row["set"] == f"gan@{STEP}/chosen" and row["metric"] != "recall"
    }
    assert theirs and theirs.items() <= rows.items()
    key = "held_out", "balanced_accuracy"
    assert rows[*key, choice_counting.WORDS] > 0.9 > 0.75 > rows[*key, ""]
    answers = folders.parent / "compared/compare/simulated/answers"
    kept = {path: path.stat().st_mtime_ns for path in answers.glob("*/*.npz")}
    assert 0 == compare(folders, f"--config.compare.workdirs={folders}/*-9")
    left = {path: path.stat().st_mtime_ns for path in answers.glob("*/*.npz")}
    assert len(left) == len(kept) / 2 and left.items() <= kept.items()


@pytest.mark.slow
def test_a_comparison_that_stopped_goes_on_where_it_was(folders, monkeypatch):
    make, made = Classification.answers, []

    def stops(self, one):
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append(one.name)
        return make(self, one)

    monkeypatch.setattr(Classification, "answers", stops)
    assert compare(folders) == 130
    monkeypatch.setattr(
        Classification, "answers", lambda self, one: made.append("") or make(self, one)
    )
    assert compare(folders) == 0
    resumed, made[:] = len(made) - 5, []
    gone = folders.parent / "compared/compare"
    shutil.rmtree(gone)
    assert compare(folders) == 0
    assert resumed == len(made) - 5


def test_what_learnt_labels_stands_apart(folders):
    written(folders / "c-0", "classifier", 0, 9.0, learnt=True)
    assert compare(folders) == 0
    found = results(folders)
    marked = {
        (row["split"], row["arm"]): row["labels_seen"]
        for row in found["rows"]
        if row["role"] == "trained"
    }
    assert marked["plate", "classifier"] and not marked["held_out", "classifier"]
    assert not marked["plate", "gan"]
    ranked = {
        row["arm"] for row in found["rows"] if row["split"] == "plate" and "rank" in row
    }
    assert ranked == {"gan", "autoencoder"}
    in_pairs = {p["one"] for p in found["pairs"] if p["split"] == "plate"}
    assert "classifier" not in in_pairs


def test_a_method_that_was_trained_on_all_is_in_no_rank(folders):
    written(folders / "all-0", "gan", 0, 9.0, **{"train.hold_out": ""})
    assert compare(folders) == 0
    rows = [r for r in results(folders)["rows"] if r["role"] == "trained"]
    (apart,) = {r["arm"] for r in rows if r.get("saw_all")}
    assert apart == "gan (trained on all)"
    assert all(("rank" in r) != r["saw_all"] for r in rows)


def test_recipes_are_named_by_what_differs(folders):
    written(folders / "r-0", "gan", 0, 1.0, **{"train.batch": "8"})
    assert compare(folders) == 0
    arms = {r["arm"] for r in results(folders)["rows"] if r["role"] == "trained"}
    assert arms == {
        "autoencoder",
        "gan batch=8",
        "gan batch=32",
    }


def test_what_should_not_be_told_is_never_the_first_question():
    def rows(task, split, *, lower):
        row = {"task": task, "split": split, "metric": "balanced_accuracy_wells"}
        return [row | {"lower_is_better": lower}]

    plates = {"Batch": rows("batch_effects", "held_out", lower=True)}
    assert answer.leading(plates) is None
    controls = {"Controls": rows("control_classification", "plate", lower=False)}
    assert answer.leading(plates | controls) == "Controls"
    held_out = {"Labels": rows("label_classification", "held_out", lower=False)}
    assert answer.leading(plates | controls | held_out) == "Labels"


def test_nothing_is_done_twice(folders, capsys):
    assert compare(folders) == 0
    path = folders.parent / "compared/compare/simulated/control_classification.json"
    before = path.stat().st_mtime_ns
    assert compare(folders) == 0
    assert path.stat().st_mtime_ns == before
    assert "nothing has changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "break_it, told",
    [
        (lambda f: written(f / "x", "gan", 0, 1.0), "one method, recipe and seed"),
        (
            lambda f: written(
                f / "x", "gan", 5, 1.0, **{"train.hold_out": "plate:M-1/1"}
            ),
            "hold out the same",
        ),
        (
            lambda f: [p.rename(f / f".{p.name}") for p in f.glob("gan-*")],
            "compare_seeds",
        ),
        (
            lambda f: (f / "gan-0/profiles/simulated/gan@0/_SUCCESS").unlink(),
            "gan@0",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_written(
    break_it, told, folders, capsys
):
    break_it(folders)
    assert compare(folders) == 2
    assert told in capsys.readouterr().err
    assert not (folders.parent / "compared/compare").exists()


def test_an_unfinished_training_is_refused(folders, monkeypatch, capsys):
    monkeypatch.setattr(opening, "newest_step", lambda folder: 7)
    assert compare(folders) == 2
    assert "is at step 7 of 20: finish it" in capsys.readouterr().err


def test_tasks_without_a_score_compare_nothing(folders, capsys):
    assert compare(folders, "--config.evaluate.tasks=well_map") == 2
    assert "names no task by which sets can be compared" in capsys.readouterr().err
    assert compare(folders, "--config.evaluate.tasks=well_mop") == 2
    assert "well_map" in capsys.readouterr().err


def test_no_workdirs_are_told_how_to_name_some(folders, capsys):
    assert compare(folders, "--config.compare.workdirs=") == 2
    assert "--config.compare.workdirs='runs/methods/demo/*'" in capsys.readouterr().err
    assert compare(folders, "--config.compare.workdirs=/no/such*") == 2
    assert "/no/such*" in capsys.readouterr().err


def test_a_sweep_whose_workdirs_are_gone_is_told_how_to_run_again(folders, capsys):
    words = "--config=configs/sweeps/methods.py:screen=demo", "--job=compare"
    assert program.main([*words, f"--workdir={folders.parent / 'compared'}"]) == 2
    told = capsys.readouterr().err
    assert "has no workdir in" in told and "another --config.sweep.results" in told


def test_the_parts_of_a_screen_are_counted_apart(folders):
    config = workdirs.read_config(folders / "gan-0")
    table = control_table(6, 12)

    def records(**options):
        config.compare.update(options)
        own = comparing.options(config, "control_classification", nested=False)
        made = asked.for_task("control_classification", table, own)
        return {
            q.about["split"]: q.about["records"]
            for q in made.questions
            if q.about["metric"] == "balanced_accuracy"
        }

    every = records(aside_frac=0.0)["plate"]
    parts = [
        records(aside_frac=0.34, part=p)["plate"] for p in ("selection", "reporting")
    ]
    assert sum(parts) == every and parts[0] == every / 3


def test_a_full_disk_is_refused_before_anything_is_written(
    folders, monkeypatch, capsys
):
    usage = types.SimpleNamespace(free=63_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert compare(folders) == 2
    told = capsys.readouterr().err
    assert "has 63 MB free, and a comparison needs 64 MB" in told
    assert len(told.strip().splitlines()) == 1
    assert not (folders.parent / "compared").exists()


def test_an_untrained_network_alone_is_an_arm_without_a_gain(folders, monkeypatch):
    alone = written(folders / "a-untrained", "byol", 0, 0.0)  # the first of all
    config = workdirs.read_config(alone)
    config.train.total_images = 0
    workdirs.record(alone, config, "")
    shutil.rmtree(alone / f"profiles/simulated/byol@{STEP}")
    monkeypatch.setattr(
        opening, "newest_step", lambda folder: 0 if folder == alone else STEP
    )
    tasks = "control_classification,drug_similarity"
    assert compare(folders, f"--config.evaluate.tasks={tasks}") == 0
    rows = [row for row in results(folders)["rows"] if row["arm"] == "byol"]
    assert {row["role"] for row in rows} == {"trained"}
    assert all(row["minus_untrained"] is None and "rank" in row for row in rows)
    assert {row["split"] for row in rows} == {"plate", "held_out"}


def test_drugs_mechanisms_and_clusters_compare_methods(tmp_path, monkeypatch):
    controls = control_table(4, 48)

    def with_drugs(*size):
        """Wells of response 1 are those of four drugs of two mechanisms."""
        table, number = controls, np.arange(len(controls))
        treated = (table["Metadata_Role"] == "response_1").to_numpy()
        drug = number // 2 % 4
        return table.assign(
            Metadata_Role=np.where(treated, "treated", "response_0"),
            Metadata_Treatment=np.where(treated, np.array([*"abcd"])[drug], ""),
            Metadata_Mechanism=np.where(treated, np.array([*"xxyy"])[drug], ""),
        )

    monkeypatch.setattr(clusters, "GAUSSIANS", 3)
    monkeypatch.setitem(globals(), "control_table", with_drugs)
    folders = tmp_path / "runs"
    for seed in (0, 1):
        for method, shift in {"gan": 4.0, "autoencoder": 0.5}.items():
            plate = {"train.hold_out": "plate:M-1/2"}  # neither first nor last
            written(folders / f"{method}-{seed}", method, seed, shift, **plate)
    tasks = ("drug_control", "drug_similarity", "clustering")
    assert compare(folders, f"--config.evaluate.tasks={','.join(tasks)}") == 0
    for task in tasks:
        found = results(folders, task)
        assert not found["skipped"] and found["pairs"]
        held = [row for row in found["rows"] if row["split"] == "held_out"]
        assert {(row["arm"], row["role"]) for row in held} >= {
            ("gan", "trained"),
            ("autoencoder", "untrained"),
            ("intensity", "floor"),
        }
    # Floors hold nothing out by themselves, and are judged on the same wells.
    table = with_drugs(4, 48)
    sides = np.where(table["Metadata_Plate"] == "2", "test", "train")
    table[held_out.COLUMN] = sides.astype(object)
    features = store.read_features(
        folders / "autoencoder-0/profiles/simulated/intensity", "intensity"
    )
    options = {"distances": ("euclidean",), "doses": "highest", "seed": 0}
    options |= {"normalize": "none", "bootstrap_draws": 10}
    one = FeatureSet("intensity", table, features, Seen.alike(len(table), False))
    (alone, *_) = drug_similarity.run({"intensity": one}, [], **options)
    (floor,) = (
        row
        for row in results(folders, "drug_similarity")["rows"]
        if (row["arm"], row["kind"]) == ("intensity", "euclidean")
    )
    assert floor["value"] == pytest.approx(alone["value"])
    assert floor["records"] == alone["records"]
    rows = results(folders, "drug_control")["rows"]
    best = {row["arm"]: row["value"] for row in rows if row["role"] == "trained"}
    assert best["gan"] > 0.9 > best["autoencoder"]


STATES = ("early", "late", "none")
STAGES = "none | early > late"


def colonies():
    """Records of 40 colonies on 4 plates, each at 6 times, and their states."""
    rng, rows = np.random.default_rng(5), []
    for colony in range(40):
        turn = rng.integers(1, 6)
        for hour in range(6):
            state = "none" if rng.random() < 0.15 else STATES[int(hour >= turn)]
            rows.append((str(colony // 10), f"c{colony}", str(hour), state))
    columns = ["Metadata_Plate", "Metadata_Colony", "Metadata_Hour", "Metadata_State"]
    table = pd.DataFrame(rows, columns=columns)
    place = table.groupby("Metadata_Plate").cumcount() + 1
    return table.assign(
        Metadata_Site_ID=[f"s{i}" for i in range(len(table))],
        Metadata_Well=[f"A{number:02d}" for number in place],
        Metadata_Experiment="M-1",
        Metadata_Cell_Type="M",
        Metadata_Treatment="",
        Metadata_Role="",
    )


def test_stages_are_compared_both_ways_and_parts_add_up(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(globals(), "control_table", lambda *size: colonies())
    folders, codes = tmp_path / "runs", colonies()["Metadata_State"].map(STATES.index)
    for seed in (0, 1, 2):
        rng = np.random.default_rng(seed)
        for arm, sharpness in {"base": 1.0, "more": 2.5}.items():
            logits = rng.normal(size=(240, 3)) + sharpness * np.eye(3)[codes]
            told = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            settings = {"compare.arm": arm, "data.label": "State"}
            settings["data.oversample"] = str(arm == "more")
            written(
                folders / f"{arm}-{seed}",
                "classifier",
                seed,
                0.0,
                more={"leaves_state": told.astype(np.float32)},
                **settings,
            )
        written(folders / f"gan-{seed}", "gan", seed, 1.0)
    own = "--config.evaluate.staged_classification."
    asked = (
        "--config.evaluate.tasks=staged_classification",
        f"{own}label=State",
        f"{own}order={STAGES}",
        f"{own}group=colony",
        f"{own}time=hour",
        "--config.compare.against=base (frame-wise)",
        "--config.sweep.source=stages",
        f"--config.sweep.results={tmp_path}/kept",
    )
    assert compare(folders, *asked) == 0
    told = capsys.readouterr().out
    found = results(folders, "staged_classification")
    held = [row for row in found["rows"] if row["split"] == "held_out"]
    arms = {row["arm"] for row in held if row["role"] == "trained"}
    assert arms == {
        f"{arm} ({way})"
        for arm in ("base", "more", "gan")
        for way in ("frame-wise", "in time")
    }
    assert {row["arm"] for row in held if row["role"] == "floor"} == {
        f"{floor} ({way})"
        for floor in ("classical", "intensity", "time alone")
        for way in ("frame-wise", "in time")
    }
    (question,) = {r["question"] for r in held if r["metric"] == "macro_f1"}
    values = {
        r["arm"]: r["value"]
        for r in held
        if r["question"] == question and r["role"] == "trained"
    }
    lines = csv_files.read(next((tmp_path / "kept").rglob("*_parts.csv")))
    own = lines[lines["question"] == question].to_dict("records")
    differs = {(r["one"], r["other"]): r["differs_in"] for r in own}
    assert differs == {
        ("base (in time)", "base (frame-wise)"): "way",
        ("more (in time)", "more (frame-wise)"): "way",
        ("gan (in time)", "gan (frame-wise)"): "way",
        ("more (frame-wise)", "base (frame-wise)"): "data.oversample",
        ("more (in time)", "base (in time)"): "data.oversample",
        ("more (in time)", "base (frame-wise)"): "data.oversample way",
        ("gan (frame-wise)", "base (frame-wise)"): "method.name",
        ("gan (in time)", "base (frame-wise)"): "method.name way",
    }
    for row in own:
        expected = values[row["one"]] - values[row["other"]]
        assert float(row["value"]) == pytest.approx(expected)
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
        if (row["one"], row["other"]) == ("more (in time)", "base (frame-wise)"):
            assert float(row["low"]) > 0
    assert "What does each part add?" in told and "2 settings" in told
    page = folders.parent / "compared/compare/simulated"
    assert "What does each part add?" in (page / "index.html").read_text()
    assert (page / "data/parts.csv").exists()
    assert compare(folders, *asked, "--config.compare.against=bise (in time)") == 2
    assert "no config.compare.against 'bise'" in capsys.readouterr().err
