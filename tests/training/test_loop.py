"""Training: exact resume, what it leaves, what it refuses."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax import json_lines, logs
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.training import loop


def train_to(run, workdir, images, *arguments, method="gan"):
    recipe = run.recipe if method == "gan" else ()
    images = f"--config.train.total_images={images}"
    words = "--job=prepare,train", images, *recipe, *arguments
    return run(workdir, *words, method=method)


def arrays(workdir, step):
    """Every array of a step's train item, as saved: no shapes are asked for."""
    import orbax.checkpoint as ocp

    folder = workdir / "checkpoints" / str(step) / "train"
    saved = ocp.StandardCheckpointer().restore(folder.absolute())
    return [np.asarray(array) for array in jax.tree.leaves(saved)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize(
    "method",
    [
        "autoencoder",
        *(pytest.param(m, marks=pytest.mark.slow) for m in ("gan", "small_gan")),
    ],
)
def test_4_steps_equal_2_and_restore_and_2_bit_for_bit(
    run, tmp_path, method, monkeypatch
):
    def train(folder, steps):
        return train_to(run, tmp_path / folder, steps * 32, method=method)

    assert train("whole", 4) == train("halves", 2) == 0
    assert Checkpoints(tmp_path / "halves").steps() == [0, 2]
    read, reads = json_lines.read, []

    def counted(path, is_right):
        reads.append(path.name)
        return read(path, is_right)

    monkeypatch.setattr(json_lines, "read", counted)
    assert train("halves", 4) == 0
    assert reads.count(logs.FILE) == 1, "a resume reads it once"
    whole, halves = arrays(tmp_path / "whole", 4), arrays(tmp_path / "halves", 4)
    assert len(whole) > 20
    for a, b in zip(whole, halves, strict=True):
        np.testing.assert_array_equal(a, b)
    # The encoder has moved, so it is not the start that agrees.
    start = arrays(tmp_path / "whole", 0)
    assert any(not np.array_equal(a, b) for a, b in zip(whole, start, strict=True))


@pytest.mark.slow
def test_it_leaves_metrics_grids_and_the_untrained_floor(run, runs):
    assert train_to(run, runs / "left", 4 * 32) == 0
    lines = [
        json.loads(x) for x in (runs / "left/metrics.jsonl").read_text().splitlines()
    ]
    assert [line["step"] for line in lines] == sorted({line["step"] for line in lines})
    assert lines[-1]["step"] == 4 and lines[-1]["images"] == 128
    for name in ("d/loss", "g/loss", "d/real_score", "data/images_per_second"):
        assert np.isfinite(lines[-1][name])
    assert any("d/r1" in line for line in lines)
    assert any("g/path_length" in line for line in lines)
    pictures = {path.name for path in (runs / "left/images").iterdir()}
    assert {"00000004_composite.png", "00000004_actin.png"} <= pictures
    assert 0 in Checkpoints(runs / "left").steps()
    recorded = json.loads((runs / "left/config.json").read_text())
    assert recorded["config"]["train.total_images"] == 128
    assert "1 x cpu" in recorded["devices"]


@pytest.mark.parametrize(
    "setting, told",
    [
        ("--config.train.devices=99", "this host has 8"),
        ("--config.train.batch=36", "multiple of 32"),
        ("--config.data.crop_px=64", "config.data.crop_px"),
        ("--config.data.channels=nuclei,red", "'red'"),
        ("--config.data.dir=nowhere", "--job=prepare"),
        ("--config.data.name=rxrx19a", "holds the screen 'simulated'"),
    ],
)
def test_bad_input_is_one_line_and_no_workdir(run, tmp_path, capsys, setting, told):
    assert run(tmp_path / "first", "--job=prepare") == 0
    capsys.readouterr()
    devices = () if "devices" in setting else ("--config.train.devices=8",)
    code = run(tmp_path / "new", "--job=train", *devices, setting)
    errors = capsys.readouterr().err.strip().splitlines()
    assert code == 2 and len(errors) == 1 and told in errors[0]
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="module")
def train(run, runs):
    """Function that trains an autoencoder, which compiles in seconds, in a workdir."""

    def train(images, *arguments):
        return train_to(run, runs / "ae", images, *arguments, method="autoencoder")

    assert train(4 * 32) == 0
    return train


def test_another_experiments_workdir_is_refused(train, capsys):
    assert train(4 * 32, "--config.seed=5") == 2
    assert "another experiment's: its seed is 0" in capsys.readouterr().err


def test_a_checkpoint_of_another_architecture_is_refused(
    run, train, runs, tmp_path, capsys
):
    shutil.copytree(runs / "ae" / "checkpoints", tmp_path / "w" / "checkpoints")
    other = "--job=train", "--config.model.code_dim=16"
    assert run(tmp_path / "w", *other, method="autoencoder") == 2
    assert "model.code_dim=8, the config 16" in capsys.readouterr().err


def test_what_makes_an_experiment():
    config = configs.default()
    before = configs.identity(config)
    config.train.total_images = 1
    assert configs.identity(config) == before
    config.method.r1_weight = 3.0
    assert configs.identity(config) != before


@pytest.fixture
def seen(monkeypatch):
    """Digests of the batches that trainings see, in their order."""
    digests, advance = [], loop._advance

    def note(state, step_fn, batches, recorder, step):
        def noting():
            batch = next(batches)
            digests.append(hashlib.sha256(batch["images"].tobytes()).hexdigest())
            yield batch

        return advance(state, step_fn, noting(), recorder, step)

    monkeypatch.setattr(loop, "_advance", note)
    return digests


@pytest.mark.slow
def test_a_run_goes_on_with_other_numbers_of_devices(run, tmp_path, seen):
    assert train_to(run, tmp_path / "one", 10 * 32) == 0
    order, seen[:] = list(seen), []
    for devices, step in ((8, 4), (1, 7), (2, 10)):
        chosen = f"--config.train.devices={devices}"
        assert train_to(run, tmp_path / "mixed", step * 32, chosen) == 0
    assert seen == order and len(set(order)) == 10
    one, mixed = arrays(tmp_path / "one", 10), arrays(tmp_path / "mixed", 10)
    norm = np.sqrt(sum(np.square(a).sum() for a in one))
    pairs = zip(one, mixed, strict=True)
    apart = np.sqrt(sum(np.square(a - b).sum() for a, b in pairs)) / norm
    print(f"after 8, 1 and 2 devices, 10 steps: {apart:.2g}")
    assert apart < 1e-5


@pytest.mark.slow
def test_a_checkpoint_of_8_devices_is_read_where_there_is_one(run, runs):
    assert train_to(run, runs / "saved", 32, "--config.train.devices=8") == 0
    # A process of its own, as a laptop is: embeds what eight devices have trained.
    recorded = json.loads((runs / "saved/config.json").read_text())
    arguments = shlex.split(recorded["command"])
    arguments = [
        a for a in arguments if not a.startswith(("--job", "--config.train.d"))
    ]
    environment = dict(os.environ, XLA_FLAGS="", JAX_PLATFORMS="cpu")
    command = [sys.executable, "-m", "gandl_jax.main", *arguments, "--job=embed"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (runs / "saved/profiles/simulated/gan@1/_SUCCESS").exists()


def test_another_preparation_is_refused(train, runs, tmp_path, capsys):
    other = (
        f"--config.data.dir={tmp_path}/other",
        "--config.data.low_percentile=0.1",
        "--config.data.records_per_shard=7",
    )
    before = (runs / "ae/config.json").read_bytes()
    assert train(6 * 32, *other) == 2
    assert "another preparation" in capsys.readouterr().err
    assert (runs / "ae/config.json").read_bytes() == before
