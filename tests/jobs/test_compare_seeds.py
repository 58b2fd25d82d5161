"""The job compare_seeds on three made-up workdirs, from Parquet parts to the report."""

import json

import numpy as np
import pandas as pd
import pytest
from tiny_screens import control_table

from gandl_jax import config as configs
from gandl_jax import main as program
from gandl_jax import sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.jobs import compare_seeds
from gandl_jax.profiles import store


def written(
    folder, seed, table=None, step=20, names=("b8", "b16"), early=(), **settings
):
    """A workdir of which b16, at the last step, tells the controls apart."""
    table = control_table(3, 8) if table is None else table
    config = configs.default()
    configs.override(config, {"seed": str(seed), **settings})
    workdirs.record(folder, config, "")
    rng = np.random.default_rng(seed)
    for encoder in (f"gan@{step}", *(f"gan@{s}" for s in early), "gan@0"):
        features = {name: rng.normal(size=(len(table), 3)) for name in names}
        if encoder == f"gan@{step}" and "b16" in features:
            features["b16"][:, 0] += 5 * (table["Metadata_Role"] == "response_1")
        directory = folder / "profiles/simulated" / encoder
        note = {"prepared": "p", "saw_images": encoder != "gan@0"}
        note["weights_sha256"] = f"{encoder} of seed {seed}"
        store.claim(directory, note)
        store.write_part(directory / "part-00000.parquet", table, features)
        store.finish(directory)


@pytest.fixture
def folders(tmp_path):
    for seed in range(3):
        written(tmp_path / f"a-{seed}", seed)
    return [str(tmp_path / f"a-{seed}") for seed in range(3)]


@pytest.fixture
def config(folders):
    made = configs.default()
    made.evaluate.bootstrap_draws = 50
    made.choose.normalize = ("standard",)
    made.compare.workdirs = tuple(folders)
    return made


def result(workdir, task="control_classification"):
    return json.loads((workdir / f"compare_seeds/simulated/{task}.json").read_text())


@pytest.fixture
def compare(request, tmp_path):
    """The command line that compares workdirs, up to its job."""
    root = request.config.rootpath.parent

    def arguments(workdirs):
        return [
            f"--config={root}/configs/demo.py",
            f"--workdir={tmp_path}/w",
            f"--config.data.dir={tmp_path}/none",
            f"--config.compare.workdirs={','.join(map(str, workdirs))}",
            "--config.evaluate.splits=plate",
            "--config.evaluate.tasks=all",
            "--config.evaluate.bootstrap_draws=20",
            "--config.choose.normalize=standard",
        ]

    return arguments


@pytest.mark.slow
def test_trainings_of_two_seeds_are_compared(run, trained, tmp_path, capsys):
    other, one_step = tmp_path / "other", "--config.train.total_images=32"
    assert run(other, "--job=train,embed", one_step, "--config.seed=1") == 0
    both = f"--config.compare.workdirs={trained},{other}"
    settings = (both, "--config.compare.nested=false")
    assert run(tmp_path / "w", "--job=compare_seeds", *settings) == 0
    assert "seeds 0, 1" in capsys.readouterr().out


def test_compares_writes_reports_and_does_not_repeat(
    compare, folders, tmp_path, capsys, monkeypatch
):
    arguments = [
        *compare(folders),
        "--config.compare.aside_frac=0.33",
        "--job=compare_seeds,report",
    ]
    assert program.main(arguments) == 0
    said = capsys.readouterr().out
    assert (
        "Test records of the reporting part are counted (M, plate out: 2 of 3" in said
    )
    assert "control classification by wells" in said and "seeds 0, 1, 2" in said
    assert "fits" in said and "label_classification skipped" in said
    workdir = tmp_path / "w"
    content = result(workdir)
    assert content["workdirs"] == dict(zip("012", folders, strict=True))
    assert {row["features"] for row in content["rows"]} == {"b8", "b16", "chosen"}
    assert {row["split"] for row in content["rows"]} == {"plate"}
    lifted = {
        row["features"]: row["differences"]["untrained"]
        for row in content["rows"]
        if row["encoder"] == "gan@20" and row["metric"] == "balanced_accuracy"
    }
    for name in ("b16", "chosen"):
        assert lifted[name]["value"] > 0.2 and len(lifted[name]["of_seeds"]) == 3
    csv = workdir / "compare_seeds/simulated/control_classification.csv"
    assert len(pd.read_csv(csv)) == len(content["rows"]) == 6
    page = (workdir / "report/index.html").read_text()
    assert 'id="seeds-simulated"' in page and "2 of 3 plates" in page
    shown = pd.read_csv(workdir / "report/data/seeds.csv")
    assert len(shown) == 6 and {"seed_0", "seed_1", "seed_2"} <= set(shown)

    def forbidden(*args, **options):
        raise AssertionError("ran again")

    stamp = csv.stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(store, "read", forbidden)
        patch.setattr(store, "read_features", forbidden)
        assert program.main([*arguments[:-1], "--job=compare_seeds"]) == 0
    again = capsys.readouterr().out
    assert "nothing has changed" in again and csv.stat().st_mtime_ns == stamp
    assert (
        again.partition("Test records")[2]
        == said.partition("Test records")[2].partition("\nreport:")[0] + "\n"
    )


def test_other_options_or_profiles_compare_anew(config, folders, tmp_path):
    config.compare.nested = False
    workdir = tmp_path / "w"
    compare_seeds.run(config, workdir)
    before = result(workdir)
    assert {row["features"] for row in before["rows"]} == {"b8", "b16"}
    assert {row["normalize"] for row in before["rows"]} == {"standard"}
    config.compare.update(aside_frac=0.33, part="selection")
    config.evaluate.control_classification.normalize = "robust"  # of the task itself
    compare_seeds.run(config, workdir)
    assert {row["normalize"] for row in result(workdir)["rows"]} == {"robust"}
    assert {row["counted"] for row in result(workdir)["rows"]} == {"1 of 3 plates"}
    config.compare.workdirs = tuple(folders[:2])
    compare_seeds.run(config, workdir)
    assert result(workdir)["rows"][0]["seeds"] == [0, 1]


def test_several_steps_make_a_learning_curve(compare, tmp_path, capsys):
    folders = [tmp_path / f"c-{seed}" for seed in range(2)]
    for seed, folder in enumerate(folders):
        written(folder, seed, early=(5, 10))
    steps = "--config.compare.steps=5,last,20"
    arguments = [*compare(folders), steps, "--job=compare_seeds,report"]
    assert program.main(arguments) == 0
    rows = result(tmp_path / "w")["rows"]
    assert {row["encoder"] for row in rows} == {"gan@5", "gan@20", "gan@0"}
    gains = {
        row["encoder"]: row["differences"]["untrained"]
        for row in rows
        if row["features"] == "chosen"
        and row["metric"] == "balanced_accuracy"
        and row["encoder"] != "gan@0"
    }
    assert {gain["against"] for gain in gains.values()} == {"gan@0/chosen"}
    assert gains["gan@20"]["value"] > 0.2 > gains["gan@5"]["value"]
    said = capsys.readouterr().out.splitlines()
    shown = [line.split() for line in said if " chosen " in line]
    assert [words[words.index("chosen") + 1] for words in shown] == ["5", "20"]
    page = (tmp_path / "w/report/index.html").read_text()
    seeds = page[page.index('id="seeds-simulated"') :]
    assert seeds.count("by images: chosen</figcaption>") == 1
    steps = "--config.compare.steps=7,last"
    assert program.main([*compare(folders), steps, "--job=compare_seeds"]) == 2
    told = capsys.readouterr().err
    assert "has no encoder gan@7, but gan@20, gan@10, gan@5, gan@0" in told
    assert "--config.embed.steps=first,7,last" in told


def test_all_steps_and_some_records_alone(compare, tmp_path, capsys):
    table = control_table(3, 8)
    is_aside = table["Metadata_Plate"] == table["Metadata_Plate"].iloc[0]
    part = np.where(is_aside, "reporting", "choosing")
    folders = [tmp_path / f"c-{seed}" for seed in range(2)]
    for seed, folder in enumerate(folders):
        written(folder, seed, table.assign(Metadata_Part=part), early=(5, 10))
    settings = (
        "--config.compare.steps=all",
        "--config.evaluate.within=part:choosing",
        "--config.compare.part=selection",
        "--config.compare.aside_frac=0.33",
    )
    arguments = [*compare(folders), *settings, "--job=compare_seeds"]
    assert program.main(arguments) == 0
    rows = result(tmp_path / "w")["rows"]
    names = list(dict.fromkeys(row["encoder"] for row in rows))
    assert set(names) == {"gan@5", "gan@10", "gan@20", "gan@0"}
    assert {row["counted"] for row in rows} == {"2 of 2 plates"}


def test_only_sets_that_all_have_are_compared(config, tmp_path):
    written(tmp_path / "a-3", 3, names=("b16", "b32"))
    config.compare.update(workdirs=(f"{tmp_path}/a-0", f"{tmp_path}/a-3"), nested=False)
    compare_seeds.run(config, tmp_path / "w")
    assert {row["features"] for row in result(tmp_path / "w")["rows"]} == {"b16"}


@pytest.mark.parametrize(
    "setting, told",
    [
        ("compare.workdirs=", "compare.workdirs names none, and two or more"),
        ("compare.workdirs=a-0", "names a-0, and two or more"),
        ("compare.workdirs=a-0,b", "b is no experiment's workdir"),
        ("compare.aside_frac=1", "should be 0 or more and below 1"),
        ("compare.aside_frac=-0.1", "should be 0 or more and below 1"),
        ("compare.steps=", "compare.steps is empty"),
        ("compare.steps=5,first", "compare.steps names 'first'"),
        ("compare.steps=0", "compare.steps names '0'"),
        ("compare.part=select", "did you mean 'selection'"),
        ("compare.part=selection", "nothing is: add --config.compare.aside_frac"),
    ],
)
def test_bad_settings_are_one_line(
    request, folders, tmp_path, monkeypatch, capsys, setting, told
):
    monkeypatch.chdir(tmp_path)
    root = request.config.rootpath.parent
    arguments = [
        f"--config={root}/configs/demo.py",
        "--workdir=w",
        "--config.data.dir=none",
        "--config.compare.workdirs=a-0,a-1",
        f"--config.{setting}",
        "--job=compare_seeds",
    ]
    assert program.main(arguments) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and told in errors[0]
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "other, told",
    [
        ({"seed": 0}, "are of the same seed, 0"),
        (
            {"model.latent_dim": "8"},
            "more than their seed: model.latent_dim is 512 and",
        ),
        ({"data.name": "bbbc013"}, "is of the screen 'bbbc013', this config's is"),
        ({"step": 40}, "asks for gan@20 of .*a-0, for gan@40 of .*b: train"),
        ({"names": ("b64",)}, "no feature set is in all of"),
        ({"table": control_table(2, 8)}, "have profiles of other records"),
    ],
)
def test_trainings_that_cannot_be_compared(config, tmp_path, monkeypatch, other, told):
    written(tmp_path / "b", **{"seed": 7, **other})
    config.compare.workdirs = (f"{tmp_path}/a-0", f"{tmp_path}/b")
    refused(config, tmp_path, monkeypatch, told)


def refused(config, tmp_path, monkeypatch, told):
    def forbidden(*args, **options):
        raise AssertionError("features were read")

    monkeypatch.setattr(store, "read", forbidden)
    monkeypatch.setattr(store, "read_features", forbidden)
    monkeypatch.setattr(store, "parts", forbidden)
    with pytest.raises(InputError, match=told):
        compare_seeds.run(config, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_profiles_that_are_missing_or_embedded_otherwise(config, tmp_path, monkeypatch):
    profiles = tmp_path / "a-1/profiles/simulated"
    note = json.loads((profiles / "gan@20/_made_from.json").read_text())
    sealed_json.write(profiles / "gan@20/_made_from.json", note | {"prepared": "q"})
    refused(config, tmp_path, monkeypatch, "prepared is 'p' and 'q'")
    (profiles / "gan@20").rename(tmp_path / "gan@20")
    refused(config, tmp_path, monkeypatch, "lacks the trained encoder: run --workdir=")
    (profiles / "gan@0").rename(tmp_path / "gan@0")
    refused(config, tmp_path, monkeypatch, "no profiles in .*: run --job=embed")


def test_the_seed_of_a_zero_shot_encoder_is_its_trainings(config, tmp_path):
    """Workdirs of one config and seed, which embed with trainings of two."""
    chosen = []
    for seed in range(2):
        folder = tmp_path / f"z-{seed}"
        settings = {"embed.checkpoint": f"{tmp_path}/a-{seed}"}
        written(folder, 5, **settings)
        chosen.append(str(folder))
    config.compare.update(workdirs=tuple(chosen), nested=False)
    compare_seeds.run(config, tmp_path / "w")
    assert result(tmp_path / "w")["rows"][0]["seeds"] == [0, 1]


def test_what_a_training_started_from_is_compared(config, tmp_path, monkeypatch):
    for seed, content in ((0, "abc"), (1, "abd")):
        start = {"from": "x.npz", "sha256": content, "trained_on": None}
        workdirs.note(tmp_path / f"a-{seed}", "start", start)
    refused(config, tmp_path, monkeypatch, "train.start_from is 'abc' and 'abd'")
    written(tmp_path / "f", 0, **{"embed.checkpoint": "ffhq.npz"})
    config.compare.workdirs = (f"{tmp_path}/f", f"{tmp_path}/a-1")
    refused(config, tmp_path, monkeypatch, "the file ffhq.npz, which has no seed")


def test_a_screen_that_allows_nothing(config, tmp_path, monkeypatch):
    for seed in range(2):
        written(tmp_path / f"b-{seed}", seed, control_table(1, 8))
    config.compare.workdirs = (f"{tmp_path}/b-0", f"{tmp_path}/b-1")
    config.evaluate.splits = ("plate",)
    refused(config, tmp_path, monkeypatch, "nothing to compare seeds by")
