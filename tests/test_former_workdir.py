"""A workdir and a prepared screen that commit 0dbaa26 made go on as it would have.

`data/workdir_of_0dbaa26.tar.xz` holds what that commit left after 3 steps of
`demo.py:smoke` with smaller networks, and in `expected.json` what it went on to: the
metrics of step 5 and the means of some features.
"""

import json
import pathlib
import tarfile

import jax
import numpy as np
import pandas as pd
import pytest
from etils import epath

from gandl_jax import checkpoint, command_line, logs, main, parallel, workdir
from gandl_jax import config as configs
from gandl_jax.training import opening, sources

HERE = pathlib.Path(__file__).parent
SETTINGS = (  # as they were called then
    "--config.simulate.size_px=32",
    "--config.model.channel_base=128",
    "--config.model.channel_max=8",
    "--config.model.latent_dim=16",
    "--config.train.devices=1",
    "--config.train.least_diversity=0.1",
    "--config.evaluate.features=b8",
    "--config.evaluate.tasks=control_classification",
)


@pytest.fixture(scope="module")
def former(tmp_path_factory):
    """The folder with workdir, prepared and expected.json."""
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(HERE / "data" / "workdir_of_0dbaa26.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def run(former):
    """Runs jobs on it."""

    def run(jobs):
        return main.main(
            [
                f"--config={HERE.parent}/configs/demo.py:smoke",
                f"--workdir={former}/workdir",
                f"--config.data.dir={former}/prepared",
                *SETTINGS,
                f"--job={jobs}",
            ]
        )

    return run


@pytest.mark.slow
def test_it_resumes_embeds_reports_and_doctors(former, run, capfd):
    assert run("train,embed,evaluate,report,doctor") == 0
    told = capfd.readouterr().out
    assert "gan@0 is complete" in told
    assert "BAD" not in told
    expected = json.loads((former / "expected.json").read_text())
    line = logs.read(former / "workdir")[-1]
    for name, value in expected["metrics"].items():
        # Two more steps of Adam, on another machine: its first steps turn rounding of
        # gradients near 0 into whole steps.
        assert line[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name
    parts = sorted((former / "workdir/profiles/simulated/gan@5").glob("part-*"))
    features = pd.concat(map(pd.read_parquet, parts))
    names = list(expected["means"])
    found = features[names].mean().to_numpy()
    np.testing.assert_allclose(found, list(expected["means"].values()), atol=1e-3)
    assert (former / "workdir" / "report" / "index.html").exists()


def test_its_recipe_is_the_one_that_counts(former, run, capsys):
    record = json.loads((former / "workdir" / "config.json").read_text())
    assert record["config"]["method.name"] == "gan"
    before = sorted(former.rglob("*"))
    words = [
        f"--config={HERE.parent}/configs/demo.py:smoke,recipe=few_images",
        f"--workdir={former}/workdir",
        *SETTINGS,
        "--config.model.latent_dim=32",
    ]
    assert main.main(words) == 2
    assert "another experiment's: its model.latent_dim is 16" in capsys.readouterr().err
    assert sorted(former.rglob("*")) == before


@pytest.fixture(scope="module")
def classifier(former):
    """Folder of a classifier's workdir, of the same screen, and its command line.

    `data/classifier_of_a495394.tar.xz` is what that commit left after 3 steps of 5, and
    in `expected.json` what it went on to.
    """
    folder = former / "later"
    with tarfile.open(HERE / "data" / "classifier_of_a495394.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder, [
        f"--config={HERE.parent}/configs/demo.py:smoke,method=classifier",
        f"--workdir={folder}/classifier",
        f"--config.data.dir={former}/prepared",
        "--config.simulate.size_px=32",
        "--config.model.width=4",
        "--config.model.width_max=4",
        "--config.train.devices=1",
        "--job=train,embed",
    ]


def test_a_classifier_is_the_same_experiment_with_the_same_arrays(classifier):
    folder, words = classifier
    values = command_line.define_flags()
    rest, settings = command_line.split(words)
    values(["gandl_jax", *rest])
    config, _, place = command_line.resolve(values, settings)
    workdir.refuse_another(epath.Path(place), config)
    saved = checkpoint.Checkpoints(folder / "classifier")
    source = sources.read(saved.notes(3))
    saved.check(3, sources.architecture(config, source), configs.defaults(config))
    method = opening.make_method(config, source)
    like = jax.eval_shape(method.init, jax.random.key(0))
    state = saved.restore(3, "train", parallel.on_one_device(like))
    saved.close()
    assert int(state.step) == 3


@pytest.mark.slow
def test_a_classifier_goes_on_and_embeds(classifier, capfd):
    folder, words = classifier
    assert main.main(words) == 0
    assert "classifier@5" in capfd.readouterr().out
    expected = json.loads((folder / "expected.json").read_text())
    line = logs.read(folder / "classifier")[-1]
    for name, value in expected["metrics"].items():
        assert line[name] == pytest.approx(value, rel=1e-4), name
    profiles = folder / "classifier" / "profiles" / "simulated"
    for step, means in expected["means"].items():
        parts = sorted((profiles / f"classifier@{step}").glob("part-*"))
        features = pd.concat(map(pd.read_parquet, parts))
        found = features[list(means)].mean().to_numpy()
        np.testing.assert_allclose(found, list(means.values()), atol=1e-4)
