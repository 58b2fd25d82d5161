"""Experiments that are killed and go on: the same, bit for bit, as if they were not."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from gandl_jax.checkpoint import Checkpoints
from gandl_jax.jobs import try_kills

# Runs the program, which kills itself when a function is called the n-th time.
KILLED = """
import importlib, os, signal, sys
module, name, count = sys.argv[1].split(":")
from gandl_jax import main
module = importlib.import_module(module)
fn, left = getattr(module, name), int(count)
def kill(*args, **options):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return fn(*args, **options)
setattr(module, name, kill)
sys.exit(main.main(sys.argv[2:]))
"""


def killed_at(where, words):
    """Runs the program until it kills itself there."""
    words = [sys.executable, "-c", KILLED, where, *words]
    root = str(pathlib.Path(__file__).resolve().parents[2])
    environment = dict(os.environ, PYTHONPATH=root)
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == try_kills.KILLED, done.stderr


def test_killed_in_finalising_and_in_embedding(run, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    settings = (*run.recipe, "--config.train.total_images=128")
    settings += ("--config.train.checkpoint_every_images=64",)
    assert run(whole, "--job=prepare,train,embed", *settings) == 0
    # The checkpoint of step 2 is committed and not yet listed.
    words = run.words(killed, "--job=train", *settings)
    killed_at("gandl_jax.file_hashes:write:2", words)
    assert (killed / "checkpoints/2/train").is_dir()
    assert Checkpoints(killed).steps() == [0]
    assert run(killed, "--job=train", *settings) == 0
    # Of the six parts, three are written.
    words = run.words(killed, "--job=embed", *settings)
    killed_at("gandl_jax.profiles.store:write_part:4", words)
    assert len(list(killed.glob("profiles/*/*/part-*.parquet"))) == 3
    assert run(killed, "--job=embed", *settings) == 0
    same = dict.fromkeys(("state", "metrics", "features"), "the same")
    assert try_kills.compare(whole, killed) == same


@pytest.mark.slow
@pytest.mark.parametrize("devices, embeddings", [(1, 50), (8, 5)])
def test_30_kills_at_random_instants(run, tmp_path, devices, embeddings):
    words = run.words(
        tmp_path / "w",
        *run.recipe,
        f"--config.data.dir={tmp_path}/prepared",
        "--config.data.records_per_shard=1",
        f"--config.train.devices={devices}",
        "--config.train.total_images=76800",
        "--config.train.checkpoint_every_images=640",
        "--config.train.grid_every_images=6400",
        "--config.kills.count=30",
        f"--config.kills.embedding_count={embeddings}",
        "--job=try_kills",
    )
    done = subprocess.run(
        [sys.executable, "-m", "gandl_jax.main", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "w/try_kills.json").read_text())
    print(told)
    assert set(told["compared"].values()) == {"the same"}
    assert told["kills"].pop(try_kills.PART) == embeddings
    assert sum(told["kills"].values()) == 30
    assert {try_kills.SAVE, try_kills.FINALISING} <= told["kills"].keys()
