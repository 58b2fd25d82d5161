"""Two processes on loopback, as two hosts: what they leave is what one leaves."""

import json
import re
import shutil
import signal
import time

import jax
import numpy as np
import pandas as pd
import pytest

from gandl_jax import parallel
from gandl_jax.checkpoint import Checkpoints

# The network and the phases of other tests, which are then compiled once for all.
SETTINGS = (
    "--config.train.checkpoint_every_images=1000",
    "--config.embed.steps=last",
)
BATCH = 32


@pytest.fixture(scope="module")
def one(run):
    """Runs jobs to a step in this process, on one device."""

    def one(workdir, jobs, step, *settings, **options):
        images = f"--config.train.total_images={step * BATCH}"
        return run(workdir, f"--job={jobs}", images, *SETTINGS, *settings, **options)

    return one


@pytest.fixture(scope="module")
def two(run, two_hosts):
    """Starts jobs to a step on two hosts, each with two devices."""

    def two(workdir, jobs, step, *settings, **options):
        images = f"--config.train.total_images={step * BATCH}"
        all_devices = "--config.train.devices=0"
        settings = (f"--job={jobs}", images, *SETTINGS, all_devices, *settings)
        words = run.words(workdir, *settings, **options)
        return two_hosts.start(["-m", "gandl_jax.main", *words])

    return two


def finished(two_hosts, processes):
    """What each of two hosts said, once both ended well."""
    ended = two_hosts.ends(processes)
    for code, output, errors in ended:
        print(output, errors, sep="\n")
        assert code == 0
    return [output for _, output, _ in ended]


def arrays(workdir, step):
    """Every array of a step's train item, as saved: no shapes are asked for."""
    import orbax.checkpoint as ocp

    folder = (workdir / "checkpoints" / str(step) / "train").absolute()
    checkpointer = ocp.StandardCheckpointer()
    saved = checkpointer.metadata(folder).item_metadata.tree
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), saved)
    like = parallel.on_one_device(shapes)
    return [np.asarray(x) for x in jax.tree.leaves(checkpointer.restore(folder, like))]


def distance(workdir, other, step):
    """Norm of the difference of two checkpoints over the norm of one."""
    pairs = list(zip(arrays(workdir, step), arrays(other, step), strict=True))
    assert len(pairs) > 20
    whole = sum(np.square(np.float64(a)).sum() for a, _ in pairs)
    apart = sum(np.square(np.float64(a) - np.float64(b)).sum() for a, b in pairs)
    return np.sqrt(apart / whole)


def metrics(workdir):
    """The lines, but for what only a clock knows, and their digests."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    others = ("seconds", "data/images_per_second", "sha256")
    return [
        {k: v for k, v in json.loads(line).items() if k not in others} for line in lines
    ]


def records(profiles):
    """Number of records in each part."""
    parts = json.loads((profiles / "_SUCCESS").read_text())["parts"]
    return {name: part["records"] for name, part in parts.items()}


@pytest.fixture(
    scope="module",
    params=["autoencoder", pytest.param("gan", marks=pytest.mark.slow)],
)
def method(request):
    """What is trained on one host and on two; one network compiles in seconds."""
    return request.param


@pytest.fixture(scope="module")
def runs(method, one, two, two_hosts, tmp_path_factory):
    """Workdirs of 5 steps on one device, and on two hosts of two devices each."""
    folder = tmp_path_factory.mktemp("runs")
    assert one(folder / "one", "prepare,train", 5, method=method) == 0
    processes = two(folder / "two", "train,embed", 5, method=method)
    said = finished(two_hosts, processes)
    assert "4 x cpu" in said[0] and "on 2 hosts" in said[0]
    assert f"embed {method}@5" in said[0]
    assert not [line for line in said[1].splitlines() if line.startswith(("tr", "emb"))]
    return folder


def test_5_steps_of_two_hosts_are_those_of_one(runs):
    assert distance(runs / "one", runs / "two", 0) == 0
    assert distance(runs / "one", runs / "two", 5) < 1e-5
    assert distance(runs / "one", runs / "one", 5) == 0
    start, end = arrays(runs / "one", 0), arrays(runs / "one", 5)
    assert any(not np.array_equal(a, b) for a, b in zip(start, end, strict=True))


def test_their_metrics_are_written_once_and_are_the_same(runs, method):
    names = {"gan": {"d/loss", "g/loss", "d/real_score"}, "autoencoder": {"ae/loss"}}
    mine, theirs = metrics(runs / "one"), metrics(runs / "two")
    assert [line["step"] for line in theirs] == [2, 4, 5]
    for a, b in zip(mine, theirs, strict=True):
        assert a.keys() == b.keys() and names[method] < a.keys()
        np.testing.assert_allclose(list(a.values()), list(b.values()), 1e-4, 1e-5)
    assert len(list((runs / "two" / "tensorboard").iterdir())) == 1
    recorded = json.loads((runs / "two" / "config.json").read_text())
    assert "on 2 hosts" in recorded["devices"]


def test_their_features_are_those_of_one(one, runs, method):
    copy = shutil.copytree(runs / "two", runs / "embedded")
    shutil.rmtree(copy / "profiles")
    assert one(copy, "embed", 5, method=method) == 0
    for encoder in (f"{method}@5", "intensity"):
        mine = copy / "profiles" / "simulated" / encoder
        theirs = runs / "two" / "profiles" / "simulated" / encoder
        names = {path.name for path in mine.iterdir()}
        assert names == {path.name for path in theirs.iterdir()}
        assert {"_SUCCESS", "part-00000.parquet", "part-00001.parquet"} < names
        assert records(mine) == records(theirs)
        a, b = pd.read_parquet(mine), pd.read_parquet(theirs)
        features = [name for name in a if not name.startswith("Metadata_")]
        assert a.drop(columns=features).equals(b.drop(columns=features))
        np.testing.assert_allclose(a[features], b[features], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_one_host_goes_on_where_two_stopped(one, runs, method):
    copies = [shutil.copytree(runs / n, runs / f"{n}+1") for n in ("one", "two")]
    for copy in copies:
        assert one(copy, "train", 6, method=method) == 0
    assert distance(*copies, 6) < 1e-5
    assert [line["step"] for line in metrics(runs / "two+1")] == [2, 4, 5, 6]


@pytest.mark.slow
def test_two_hosts_go_on_where_one_stopped(one, two, two_hosts, runs, method):
    copies = [shutil.copytree(runs / "one", runs / f"one+2+{i}") for i in (0, 1)]
    assert one(copies[0], "train", 7, method=method) == 0
    finished(two_hosts, two(copies[1], "train", 7, method=method))
    assert distance(*copies, 7) < 1e-5
    assert Checkpoints(copies[1]).steps() == [0, 5, 7]


@pytest.mark.slow
def test_classes_and_parts_of_two_hosts_are_those_of_one(one, two, two_hosts, tmp_path):
    settings = ("--config.data.label=condition", "--config.train.accumulate=2")
    assert one(tmp_path / "one", "prepare,train", 3, *settings) == 0
    finished(two_hosts, two(tmp_path / "two", "train", 3, *settings))
    assert distance(tmp_path / "one", tmp_path / "two", 3) < 1e-5


@pytest.mark.slow
def test_a_classifier_with_records_left_out_is_that_of_one(
    one, two, two_hosts, tmp_path
):
    left_out = (
        "--config.train.hold_out=plate:0.25",
        "--config.train.validation=plate:0.34",
    )
    options = {"method": "classifier"}
    mine, theirs = tmp_path / "one", tmp_path / "two"
    assert one(mine, "prepare,train,embed", 5, *left_out, **options) == 0
    said = finished(two_hosts, two(theirs, "train,embed", 5, *left_out, **options))
    assert "54 records are trained on, 27 validated by, 27 held out" in said[0]
    assert distance(mine, theirs, 0) == 0 and distance(mine, theirs, 5) < 1e-5
    for a, b in zip(metrics(mine), metrics(theirs), strict=True):
        assert a.keys() == b.keys() and {"class/loss", "validation/accuracy"} < a.keys()
        np.testing.assert_allclose(list(a.values()), list(b.values()), 1e-4, 1e-5)
    seen = [pd.read_parquet(folder / "trained_on.parquet") for folder in (mine, theirs)]
    assert seen[0].equals(seen[1]) and (seen[0]["seen"] == "trained").sum() == 54
    for encoder in ("classifier@5", "intensity"):
        profiles = [w / "profiles" / "simulated" / encoder for w in (mine, theirs)]
        a, b = map(pd.read_parquet, profiles)
        features = [name for name in a if not name.startswith("Metadata_")]
        assert a.drop(columns=features).equals(b.drop(columns=features))
        np.testing.assert_allclose(a[features], b[features], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_death_of_one_ends_the_other(one, two, two_hosts, tmp_path):
    assert one(tmp_path / "first", "prepare", 5) == 0
    processes = two(tmp_path / "w", "train", 1_000_000)
    until = time.monotonic() + 300
    while not (tmp_path / "w" / "metrics.jsonl").exists():
        assert time.monotonic() < until and processes[0].poll() is None
        time.sleep(0.2)
    processes[1].send_signal(signal.SIGKILL)
    (code, _, errors), _ = two_hosts.ends(processes, timeout_s=180)
    assert code != 0 and "crashed" in errors


@pytest.mark.slow
def test_sigterm_to_one_saves_on_all_after_the_same_step(one, two, two_hosts, tmp_path):
    assert one(tmp_path / "first", "prepare", 5) == 0
    more = ("--config.train.log_every_images=320",)
    processes = two(tmp_path / "w", "train", 1_000_000, *more)
    until = time.monotonic() + 300
    while not (tmp_path / "w" / "metrics.jsonl").exists():
        assert time.monotonic() < until and processes[0].poll() is None
        time.sleep(0.2)
    processes[1].send_signal(signal.SIGTERM)  # to the one that writes nothing
    asked = time.monotonic()
    ended = two_hosts.ends(processes)
    assert time.monotonic() - asked < 30
    assert [code for code, *_ in ended] == [75, 75], ended
    saved = re.search(r"saved at step (\d+)", ended[0][2])[1]
    assert f"saved at step {saved}" in ended[1][2]
    step = int(saved)
    assert Checkpoints(tmp_path / "w").steps() == [0, step]
    # What they saved is what one host has after as many steps.
    assert one(tmp_path / "one", "train", step, *more) == 0
    assert distance(tmp_path / "one", tmp_path / "w", step) < 1e-3
    assert one(tmp_path / "w", "train", step + 1, *more) == 0
