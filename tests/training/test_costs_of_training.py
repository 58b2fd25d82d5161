"""What a training and its embedding leave in cost.json, however often they start."""

import json
import pathlib
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from gandl_jax import costs, main
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.profiles import store
from gandl_jax.training import recorder


@pytest.fixture(scope="module")
def train(run):
    """Trains a tiny autoencoder for some steps of 32 images."""

    def train(workdir, steps, *arguments, jobs="prepare,train"):
        words = run.words(
            workdir,
            f"--job={jobs}",
            f"--config.train.total_images={steps * 32}",
            "--config.train.checkpoint_every_images=64000",
            *arguments,
            config="demo.py:smoke,method=autoencoder",
        )
        of_another = ("--config.model.channel_", "--config.model.latent_dim")
        return main.main([word for word in words if not word.startswith(of_another)])

    return train


@pytest.fixture
def halfway(halves, tmp_path):
    """A workdir of 2 steps, one of its own for each test."""
    return pathlib.Path(shutil.copytree(halves, tmp_path / "halfway"))


@pytest.fixture(scope="module")
def halves(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("halves")
    assert train(folder, 2) == 0
    return folder


def of_training(workdir):
    return costs.read(workdir)["training"]


def test_2_and_2_steps_cost_what_4_do(train, halfway, tmp_path):
    half = of_training(halfway)
    assert half["stopped"] == {"step": 2, "why": costs.PLANNED}
    assert train(tmp_path / "whole", 4) == 0
    assert train(halfway, 4) == 0
    whole, halves = of_training(tmp_path / "whole"), of_training(halfway)
    same = ("step", "since_step", "steps", "images", "batch", "stopped", "redone")
    same += ("flops_per_step", "parameters", "device", "devices")
    assert {key: whole[key] for key in same} == {key: halves[key] for key in same}
    assert whole["images"] == 4 * 32 and whole["redone"]["steps"] == 0
    assert whole["flops_per_step"] > 1e6
    for kind in ("steps", "checkpoints"):
        assert halves["seconds"][kind] > half["seconds"][kind] > 0
    assert halves["compile_seconds"] > half["compile_seconds"] > 0
    assert halves["began"] == half["began"] < halves["written"]
    # And who has nothing to do changes nothing.
    before = (halfway / costs.FILE).read_bytes()
    assert train(halfway, 4) == 0
    assert (halfway / costs.FILE).read_bytes() == before


@pytest.mark.slow
def test_a_kill_is_told_as_steps_that_were_redone(train, halfway, monkeypatch):
    settings = "--config.train.log_every_images=32"
    add = recorder.Recorder.add

    def killed(self, step, *arguments):
        if step == 5:
            raise KeyboardInterrupt
        return add(self, step, *arguments)

    monkeypatch.setattr(recorder.Recorder, "add", killed)
    assert train(halfway, 6, settings) == 130
    monkeypatch.undo()
    assert Checkpoints(halfway).steps() == [0, 2]
    assert of_training(halfway)["step"] == 4 and not of_training(halfway)["stopped"]
    assert train(halfway, 6, settings) == 0
    found = of_training(halfway)
    assert (found["step"], found["steps"], found["redone"]["steps"]) == (6, 6, 2)
    assert found["redone"]["seconds"] > 0


def test_a_damaged_file_is_told_and_the_training_goes_on(train, halfway, capsys):
    (halfway / costs.FILE).write_text('{"training": ')
    assert train(halfway, 3) == 0
    assert capsys.readouterr().out.count("is damaged: begun anew") == 1
    assert of_training(halfway)["steps"] == 3


@pytest.mark.slow
def test_a_former_versions_training_is_measured_from_where_it_goes_on(
    train, tmp_path, monkeypatch
):
    monkeypatch.setattr(recorder, "COST", "what no version reads")
    assert train(tmp_path, 2) == 0
    monkeypatch.undo()
    (tmp_path / costs.FILE).unlink()
    assert train(tmp_path, 3) == 0
    found = of_training(tmp_path)
    assert (found["since_step"], found["step"], found["steps"]) == (2, 3, 1)
    assert train(tmp_path, 3, jobs="embed,report") == 0
    page = re.sub(r"<[^>]+>", " ", (tmp_path / "report/index.html").read_text())
    assert "What it cost" in page and "since step 2" in page


def test_embedding_tells_widths_and_rates_and_the_report_shows_them(train, halfway):
    assert train(halfway, 2, jobs="embed,report") == 0
    profiles = halfway / "profiles/simulated"
    found = costs.read(halfway)["embedding"]["simulated"]
    assert set(found) == {path.name for path in profiles.iterdir()}
    for encoder, figures in found.items():
        features = pd.concat(map(pd.read_parquet, profiles.glob(f"{encoder}/part-*")))
        columns = pd.Series(features.columns[~features.columns.str.startswith("Meta")])
        widths = columns.str.rsplit("__", n=1).str[0].value_counts()
        assert figures["widths"] == widths.to_dict()
        assert figures["sites"] == len(features)
        rate = figures["sites"] / figures["seconds"]
        np.testing.assert_allclose(figures["sites_per_second"], rate, rtol=0.01)
        assert (figures["device"] is None) == (encoder == "intensity")
    rows = pd.read_csv(halfway / "report/data/cost.csv")
    widest = rows[rows.encoder == "autoencoder@2"].set_index("features")["width"]
    assert widest.to_dict() == store.widths(profiles / "autoencoder@2")
    # A part that is made again is what the last run embedded.
    part = min(profiles.glob("autoencoder@2/part-*.parquet"))
    records = len(pd.read_parquet(part))
    part.unlink()
    assert train(halfway, 2, jobs="embed") == 0
    again = json.loads((halfway / costs.FILE).read_text())["embedding"]["simulated"]
    assert again["autoencoder@2"]["sites"] == records
    assert again["autoencoder@0"] == found["autoencoder@0"]
