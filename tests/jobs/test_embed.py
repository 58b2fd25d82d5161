"""Embedding: every record once, tiles averaged, finished parts kept; zero-shot."""

import importlib
import json
import re
import shutil
import types

import numpy as np
import pandas as pd
import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax import costs, files, sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.methods.gan.method import Method
from gandl_jax.prepared import prepared
from gandl_jax.profiles import store
from gandl_jax.reading import tiles
from gandl_jax.screens import rxrx1, simulated
from gandl_jax.training import classical_needs, encoders, seen_records, trained_on

STEPS = "--config.train.total_images=32"  # one, as `trained` has taken


@pytest.mark.parametrize(
    "wanted, chosen",
    [(("first", "last"), [0, 30]), (("last",), [30]), (("10", "last"), [10, 30])],
)
def test_steps_are_chosen_by_name_or_number(wanted, chosen):
    assert encoders.choose_steps(wanted, [0, 10, 30]) == chosen


def test_rules_and_all_stand_for_steps(tmp_path, capsys):
    lines = [{"step": s, "d/real_sign": x} for s, x in ((10, 0.9), (30, 0.4))]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text)
    trained = encoders.Trained(epath.Path(tmp_path), None, [0, 10, 30])
    assert encoders._steps(("all",), trained) == [0, 10, 30]
    assert encoders._steps(("first", "balanced_sign"), trained) == [0, 30]
    assert "balanced_sign chooses the checkpoint 30" in capsys.readouterr().out
    with pytest.raises(InputError, match="did you mean 'balanced_sign'"):
        encoders._steps(("balanced_sin",), trained)
    with pytest.raises(InputError, match="did not log"):
        encoders._steps(("validation_loss",), trained)


def test_unknown_steps_are_told():
    with pytest.raises(InputError, match="no checkpoint '20'"):
        encoders.choose_steps(("20",), [0, 10])
    with pytest.raises(InputError, match="--job=train"):
        encoders.choose_steps(("last",), [])


def test_every_record_is_embedded_once_and_a_lost_part_is_made_again(
    run, trained, smoke_screen, capsys
):
    dataset = prepared.open_prepared(str(smoke_screen.prepared))
    folder = trained / "profiles" / "simulated"
    sets = store.read(folder / "gan@1")
    ids = sets["b8"].metadata["Metadata_Site_ID"]
    assert sorted(ids) == sorted(dataset.table["Metadata_Site_ID"])
    assert {"b8", "first_dense", "last_map"} <= set(sets)
    assert sets["last_map"].features.shape == (dataset.records, 16 * 8)

    plain = pd.read_parquet(folder / "gan@1")
    width = sets["b8"].features.shape[1]
    columns = plain[[f"b8__{i}" for i in range(width)]]
    np.testing.assert_array_equal(columns, sets["b8"].features)

    row, site = next(tiles.sites(dataset, 0, dataset.channels))
    pixels = site.reshape(-1, 5) / 255
    mine = store.read(folder / "intensity")["intensity"]
    at = list(mine.metadata["Metadata_Site_ID"]).index(
        dataset.table["Metadata_Site_ID"][row]
    )
    expected = np.concatenate([pixels.mean(0), pixels.std(0)])
    np.testing.assert_allclose(mine.features[at], expected, rtol=1e-5)

    part = folder / "gan@1" / "part-00000.parquet"
    content = part.read_bytes()
    part.unlink()
    assert run(trained, "--job=embed", STEPS) == 0
    assert part.read_bytes() == content
    assert run(trained, "--job=embed", STEPS, "--config.embed.orientations=4") == 2
    assert "orientations" in capsys.readouterr().err
    assert part.read_bytes() == content


def test_nuclei_are_looked_for_in_a_channel_that_is_there(run, trained, capsys):
    before = sorted(trained.rglob("*"))
    assert run(trained, "--job=embed", STEPS, "--config.evaluate.nuclei=DAPI") == 2
    told = capsys.readouterr().err
    assert "config.evaluate.nuclei='DAPI' is none of the channels, which are" in told
    assert all(name in told for name in simulated.SCREEN.channels)
    assert sorted(trained.rglob("*")) == before


def test_classical_features_that_are_asked_for_need_their_library(
    run, trained, monkeypatch, capsys
):
    monkeypatch.setattr(classical_needs, "are_installed", lambda: False)
    assert run(trained, "--job=embed", STEPS, "--config.evaluate.classical=on") == 2
    assert f"needs cp-measure: {classical_needs.INSTALL}" in capsys.readouterr().err


def test_classical_features_are_a_floor_that_other_workdirs_copy(
    run, trained, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("cp_measure", reason="pip install -r launch/classical.txt")
    measurements = importlib.import_module("gandl_jax.classical.measurements")
    monkeypatch.setattr(measurements, "OF_CHANNEL", ("texture",))  # the fastest
    monkeypatch.setattr(measurements, "OF_PAIR", ("pearson",))
    measurements.columns.cache_clear()
    one, other = tmp_path / "one", tmp_path / "other"
    on = STEPS, "--config.evaluate.classical=on", "--config.embed.workers=1"
    reuse = f"--config.embed.reuse={one}"
    for folder, more in ((one, ()), (other, (reuse,))):
        shutil.copytree(trained, folder)
        assert run(folder, "--job=embed", *on, *more) == 0
    measurements.columns.cache_clear()
    told = capsys.readouterr().out
    assert "classical is copied from" in told and "made again" not in told
    made, copied = (f / "profiles/simulated/classical" for f in (one, other))
    features = store.read(made)["classical"].features
    np.testing.assert_array_equal(store.read(copied)["classical"].features, features)
    assert "Image__Texture_Contrast_3_00_256__nuclei" in store.measurements(copied)
    note = store.made_from(made)
    assert note["saw_images"] is False and note["classical"]["nuclei"] == ""
    cost = costs.read(one)["embedding"]["simulated"]["classical"]
    assert cost["sites"] == len(features) and cost["sites_per_second"] > 0
    assert "classical" not in costs.read(other)["embedding"]["simulated"]
    task = "--config.evaluate.tasks=control_classification"
    assert run(other, "--job=evaluate", task, STEPS) == 0
    rows = json.loads(
        (other / "tasks/simulated/control_classification.json").read_text()
    )["rows"]
    (row, *_) = (r for r in rows if r["set"] == "gan@1/b8" and r["differences"])
    assert row["differences"]["classical"]["against"] == "classical"


def test_a_method_may_pool_tiles_and_tell_of_its_encoder(
    run, trained, tmp_path, monkeypatch
):
    """A pool that adds 1 to the mean, wherever batches are cut; and a table."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "profiles/simulated/gan@1"
    before = store.read(folder)["b8"].features
    tables = {"codes": [{"name": "a", "share": 0.25}]}

    def pool(self, encoder, sets):
        return {name: x.mean(0) + 1 for name, x in sets.items()}

    monkeypatch.setattr(Method, "pool", pool, raising=False)
    monkeypatch.setattr(Method, "summary", lambda *_: tables, raising=False)
    settings = STEPS, "--config.embed.steps=last", "--config.embed.batch=40"
    for told in (None, "_summary.json is damaged"):  # then parts stay as they are
        if told:
            (folder / "_summary.json").write_text("{}")
            assert told in store.find_damage(folder)
        else:
            shutil.rmtree(folder)
        assert run(tmp_path, "--job=embed", *settings) == 0
        assert sealed_json.read(folder / "_summary.json") == tables
        assert store.is_complete(folder)
        after = store.read(folder)["b8"].features
        np.testing.assert_allclose(after, before + 1, rtol=1e-5)
    assert len(pd.read_parquet(folder)) == len(before)


@pytest.fixture
def transfer(run, trained, tmp_path):
    """Runs the program on rxrx1's view of five channels, with the demo's encoder."""

    def transfer(*arguments):
        return run(
            tmp_path / "transfer",
            f"--config.data.source_dir={tmp_path}/rxrx1",
            f"--config.data.dir={tmp_path}/rxrx1-prepared",
            "--config.data.name=rxrx1",
            "--config.data.records_per_shard=50",
            f"--config.embed.checkpoint={trained}",
            *arguments,
            config="demo_zero_shot.py:smoke",
        )

    return transfer


def as_rxrx1(source, folder):
    """The demo's images under RxRx1's columns, with another stain for mitochondria."""
    demo = pd.read_csv(source / "metadata.csv", dtype=str, keep_default_na=False)
    kept = "site_id well_id cell_type experiment plate well site".split()
    table = demo[kept].assign(dataset="train", sirna=demo["treatment"], sirna_id="0")
    table["well_type"] = np.where(demo["treatment"], "treatment", "negative_control")
    folder.mkdir()
    table.to_csv(folder / "metadata.csv", index=False)
    numbers = dict(zip(rxrx1.SCREEN.channels, (1, 2, 3, 4, 2, 5), strict=True))
    for row in demo.to_dict("records"):
        name = "images/{experiment}/Plate{plate}/{well}_s{site}_w".format(**row)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        for ours, theirs in enumerate(numbers.values(), start=1):
            shutil.copy(f"{source / name}{theirs}.png", f"{folder / name}{ours}.png")


def features(directory, name):
    """[N, D] features in the order of the site ids."""
    one = store.read(directory)[name]
    return one.features[np.argsort(one.metadata["Metadata_Site_ID"])]


def test_another_screen_is_embedded_as_the_encoders_own_would_be(
    transfer, trained, smoke_screen, tmp_path
):
    as_rxrx1(smoke_screen.source, tmp_path / "rxrx1")
    assert transfer("--job=prepare,embed") == 0
    own = trained / "profiles" / "simulated"
    other = tmp_path / "transfer" / "profiles" / "rxrx1"
    assert {path.name for path in other.iterdir()} == {"gan@0", "gan@1", "intensity"}
    for encoder, name in (("gan@1", "b8"), ("gan@0", "b8"), ("intensity", "intensity")):
        mine, theirs = (features(folder / encoder, name) for folder in (other, own))
        assert np.ptp(theirs, axis=0).max() > 0.01
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)
    note = store.made_from(other / "gan@1")
    assert note["saw_images"] is False
    assert note["channels"] == ["nuclei", "er", "actin", "rna", "golgi"]
    assert note["encoder"]["experiment"] == "demo-smoke"
    assert note["encoder"]["dataset"] == "simulated"
    at_start = store.made_from(other / "gan@0")["encoder"]
    assert at_start["weights_sha256"] != note["encoder"]["weights_sha256"]
    assert store.made_from(own / "gan@1")["saw_images"] is True
    assert store.made_from(own / "gan@0")["saw_images"] is False


def test_a_screen_that_lacks_channels_is_embedded_where_the_config_says_how(
    transfer, trained, smoke_screen, tmp_path
):
    """The mean of all five where the screen has but one, as a grey image would be."""
    as_rxrx1(smoke_screen.source, tmp_path / "rxrx1")
    channels = "--config.data.channels=actin,er"
    words = "--config.embed.checkpoint_channels=actin,mean"
    assert transfer("--job=prepare,embed", channels, words) == 0
    other = tmp_path / "transfer" / "profiles" / "rxrx1"
    note = store.made_from(other / "gan@1")
    assert note["channels"] == ["actin", "er"] and note["stand_for"] == [
        "actin",
        "mean",
    ]
    found = features(other / "gan@1", "b8")
    own = features(trained / "profiles" / "simulated" / "gan@1", "b8")
    assert found.shape == own.shape and np.ptp(found, axis=0).max() > 0.01
    assert not np.allclose(found, own, rtol=1e-2)


def test_what_was_seen_of_each_record_is_kept_with_the_features(
    run, trained, tmp_path, capsys
):
    """Half the records were trained on or validated by, with a label."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    made = tmp_path / "profiles/simulated/gan@1"
    metadata = store.read_metadata(made)
    sha = workdirs.noted(epath.Path(tmp_path), "metadata_sha256")
    half = metadata["Metadata_Record_ID"][::2]
    table = pd.DataFrame({"record_id": half, "seen": "trained", "labels": "Role"})
    table = table.assign(screen="simulated", metadata_sha256=sha)
    table.to_parquet(tmp_path / trained_on.FILE)
    digest = files.sha256(epath.Path(tmp_path) / trained_on.FILE)
    workdirs.note(epath.Path(tmp_path), trained_on.SHA256, digest)
    shutil.rmtree(made)
    assert run(tmp_path, "--job=embed", STEPS) == 0
    expected = [(True, "Role") if i % 2 == 0 else (False, "") for i in metadata.index]
    assert store.read_seen(made, metadata).pairs() == expected
    path = made / "_trained_on.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert run(tmp_path, "--job=doctor", STEPS) == 0
    assert "gan@1 is not complete: _trained_on.parquet" in capsys.readouterr().out
    assert run(tmp_path, "--job=embed", STEPS) == 0
    assert "gan@1 is complete: nothing to do" in capsys.readouterr().out
    assert store.read_seen(made, metadata).pairs() == expected


@pytest.mark.parametrize(
    "change, told",
    [
        (
            "data.channels=nuclei,er,actin,rna,mito",
            "golgi, but .*mito: set --config.da",
        ),
        (
            "data.channels=",
            "takes the channels nuclei, er.*data.channels=nuclei,er,act",
        ),
        (
            "data.name=bbbc013",
            "this screen has no nuclei and no er.*fkhr_gfp.*channels=mean,mean$",
        ),
        ("embed.checkpoint_channels=er", "should have one word for each of the chan"),
        (
            "embed.checkpoint_channels=er,er,er,er,gold",
            "names 'gold', which the other networks have not: did you mean 'golgi'",
        ),
        ("data.crop_px=16", "takes tiles of 8 px.*crop_px is 16: set --config.data.cr"),
        ("embed.checkpoint=/no/where", "/no/where is no folder: name the workdir"),
    ],
)
def test_an_encoder_that_does_not_fit_is_told_before_the_screen_is_prepared(
    transfer, tmp_path, capsys, change, told
):
    extra = ["--config.data.channels="] if change == "data.name=bbbc013" else []
    assert transfer("--job=prepare,embed", f"--config.{change}", *extra) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(told, line), line
    assert not (tmp_path / "rxrx1-prepared").exists()


def test_an_unfinished_experiment_is_told(transfer, trained, tmp_path, capsys):
    folder = shutil.copytree(trained, tmp_path / "unfinished")
    arguments = ("--job=embed", f"--config.embed.checkpoint={folder}")
    content = json.loads((folder / "config.json").read_text())
    content["config"]["train.total_images"] = 96
    sealed_json.write(folder / "config.json", content)
    assert transfer(*arguments) == 2
    told = capsys.readouterr().err
    assert "is at step 1 of 3" in told and "--config.embed.steps=0,1" in told
    shutil.rmtree(folder / "checkpoints")
    assert transfer(*arguments) == 2
    assert "holds no checkpoint: run its --job=train first" in capsys.readouterr().err
    (folder / "config.json").unlink()
    assert transfer(*arguments) == 2
    assert "is no experiment's workdir" in capsys.readouterr().err


def test_training_is_refused_where_another_encoder_is_taken(transfer, capsys):
    assert transfer("--job=train") == 2
    assert "leaves nothing to train" in capsys.readouterr().err


@pytest.mark.parametrize(
    "step, name, noted, saw",
    [
        (0, "simulated", {"prepared": "plan"}, False),
        (9, "simulated", {"prepared": "plan"}, True),
        (9, "simulated", {"prepared": "other", "metadata_sha256": "sites"}, True),
        (9, "rxrx19a", {"prepared": "other", "metadata_sha256": "others"}, False),
        (9, "simulated", {"prepared": "other", "metadata_sha256": "others"}, None),
        (9, "simulated", {}, None),
    ],
)
def test_whether_the_encoder_saw_the_images(tmp_path, step, name, noted, saw):
    config = configs.default()
    config.data.name = name
    workdirs.record(tmp_path, config, "")
    for key, value in noted.items():
        workdirs.note(tmp_path, key, value)
    dataset = types.SimpleNamespace(
        name="simulated", fingerprint="plan", metadata_sha256="sites"
    )
    assert seen_records.saw_images(tmp_path, config, step, dataset) is saw


@pytest.mark.parametrize(
    "step, trained_on, saw",
    [
        (0, None, None),
        (0, ["rxrx19a"], False),
        (0, ["rxrx19a", "simulated"], True),
        (9, None, None),
        (9, ["rxrx19a"], False),
        (9, ["simulated"], True),
    ],
)
def test_what_it_started_from_may_have_seen_the_images(tmp_path, step, trained_on, saw):
    """A training on rxrx19a, whose encoder embeds the simulated screen."""
    config = configs.default()
    config.data.name = "rxrx19a"
    workdirs.record(tmp_path, config, "")
    known = {"prepared": "plan", "metadata_sha256": "sites"}
    seen = trained_on and [
        {"dataset": name} | (known if name == "simulated" else dict.fromkeys(known))
        for name in trained_on
    ]
    start = {"from": "x.npz", "sha256": "1", "trained_on": seen}
    workdirs.note(tmp_path, "start", start)
    dataset = types.SimpleNamespace(
        name="simulated", fingerprint="plan", metadata_sha256="sites"
    )
    assert seen_records.saw_images(tmp_path, config, step, dataset) is saw


def test_what_was_trained_before_it_refuses_stays_on_record(run, trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    steps, longer = (f"--config.train.total_images={n}" for n in (32, 64))
    assert run(tmp_path, "--job=train,embed", longer, "--config.embed.steps=7") == 2
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["config"]["train.total_images"] == 64
    assert record["history"][-1]["changed"]["train.total_images"] == [32, 64]
    assert run(tmp_path, "--job=embed", steps, "--config.embed.steps=7") == 2
    assert json.loads((tmp_path / "config.json").read_text()) == record


@pytest.mark.slow
def test_features_of_other_weights_of_the_same_step_are_not_mixed(
    run, trained, tmp_path, capsys
):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "checkpoints")
    steps = "--config.train.total_images=32", "--config.seed=7"
    assert run(tmp_path / "another", "--job=train", *steps) == 0
    shutil.copytree(tmp_path / "another/checkpoints", tmp_path / "checkpoints")
    (made,) = (tmp_path / "profiles/simulated").glob("gan@1")
    before = sorted(path.name for path in made.iterdir())
    (made / "_SUCCESS").unlink()
    assert run(tmp_path, "--job=embed", "--config.embed.steps=last") == 2
    assert "gan@1 was made from other weights_sha256: delete" in capsys.readouterr().err
    assert sorted([path.name for path in made.iterdir()] + ["_SUCCESS"]) == before
