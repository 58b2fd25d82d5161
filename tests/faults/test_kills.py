"""Experiments that are killed and go on: the same, bit for bit, as if they were not."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from gandl_jax import logs, preemption
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.jobs.try_kills import job as try_kills_job
from gandl_jax.jobs.try_kills import kill_instants

# Runs the program, which signals itself whenever a function is called, from the n-th
# time on.
SIGNALLED = """
import importlib, os, sys, time
module, name, count, sent = sys.argv[1].split(":")
from gandl_jax import main
module = importlib.import_module(module)
fn, left = getattr(module, name), int(count)
def signal_itself(*args, **options):
    global left
    left -= 1
    if left <= 0:
        os.kill(os.getpid(), int(sent))
        time.sleep(1.5)  # one that comes sooner is the same request
    return fn(*args, **options)
setattr(module, name, signal_itself)
sys.exit(main.main(sys.argv[2:]))
"""


def killed_at(where, words, sent=signal.SIGKILL, code=try_kills_job.KILLED):
    """Runs the program until it ends itself there."""
    words = [sys.executable, "-c", SIGNALLED, f"{where}:{int(sent)}", *words]
    root = str(pathlib.Path(__file__).resolve().parents[2])
    environment = dict(os.environ, PYTHONPATH=root)
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr


@pytest.mark.slow
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
    # SIGTERM in finalising step 2, and again in that of the step it stops after.
    twice = signal.SIGTERM, preemption.AT_ONCE
    killed_at("gandl_jax.file_hashes:write:1", words, *twice)
    names = [path.name for path in (killed / "checkpoints").iterdir()]
    assert {"0", "2"} < set(names)
    assert Checkpoints(killed).steps() == [0, 2]
    assert run(killed, "--job=train", *settings) == 0
    strengths = [x["d/augment_prob"] for x in logs.read(killed) if "d/loss" in x]
    assert strengths[-1] > 0  # it was no constant that went on
    # Of the six parts, three are written.
    words = run.words(killed, "--job=embed", *settings)
    killed_at("gandl_jax.profiles.store:write_part:4", words)
    assert len(list(killed.glob("profiles/*/*/part-*.parquet"))) == 3
    assert run(killed, "--job=embed", *settings) == 0
    same = dict.fromkeys(("state", "metrics", "features"), "the same")
    assert try_kills_job.compare(whole, killed) == same


LEFT_OUT = (  # of four plates one is held out, and one validated by
    "--config.train.hold_out=plate:0.25",
    "--config.train.validation=plate:0.34",
    "--config.train.log_every_images=1440",  # now before, now after a checkpoint
    "--config.data.records_per_shard=12",
    "--config.train.total_images=38400",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, devices, count, embeddings",
    [
        ("gan", 1, 30, 50),
        ("gan", 8, 30, 5),
        ("autoencoder", 1, 10, 3),
        ("classifier", 1, 10, 3),
    ],
)
def test_kills_at_random_instants(run, tmp_path, method, devices, count, embeddings):
    words = run.words(
        tmp_path / "w",
        f"--config.data.dir={tmp_path}/prepared",
        "--config.data.records_per_shard=1",
        f"--config.train.devices={devices}",
        "--config.train.total_images=76800",
        "--config.train.checkpoint_every_images=640",
        "--config.train.grid_every_images=6400",
        *(run.recipe if method == "gan" else LEFT_OUT),
        f"--config.kills.count={count}",
        f"--config.kills.embedding_count={embeddings}",
        "--job=try_kills",
        method=method,
    )
    done = subprocess.run(
        [sys.executable, "-m", "gandl_jax.main", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "w/try_kills.json").read_text())
    print(told)
    assert set(told["compared"].values()) == {"the same"}
    assert told["kills"].pop(kill_instants.PART) == embeddings
    assert sum(told["kills"].values()) == count
    kinds = {kill_instants.STEP, kill_instants.SAVE}
    if count == 30:  # where the rarer ones are met, too
        kinds |= {kill_instants.FINALISING, kill_instants.DELETING}
    assert kinds <= told["kills"].keys()
    if method != "gan":
        lines = logs.read(tmp_path / "w/try_kills/killed")
        assert sum("validation/loss" in line for line in lines) == 38400 // 1440 + 1
