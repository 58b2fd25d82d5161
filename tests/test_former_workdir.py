"""A workdir and a prepared screen that commit 0dbaa26 made go on as it would have.

`data/workdir_of_0dbaa26.tar.xz` holds what that commit left after 3 steps of
`demo.py:smoke` with smaller networks, and in `expected.json` what it went on to: the
metrics of step 5 and the means of some features.
"""

import json
import pathlib
import tarfile

import numpy as np
import pandas as pd
import pytest

from gandl_jax import logs, main

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
