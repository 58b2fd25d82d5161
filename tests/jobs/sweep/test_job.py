"""Sweeps of tiny trainings, each a program of its own, killed and left alone."""

import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import types

import pytest
from etils import epath

from gandl_jax import command_line, csv_files, lock, sealed_json
from gandl_jax import main as program
from gandl_jax.errors import InputError
from gandl_jax.jobs.sweep import job, runs
from gandl_jax.jobs.sweep.book import Book
from gandl_jax.jobs.sweep.programs import Ended, Program, last_line, stop_all
from gandl_jax.jobs.sweep.runs import Run

SWEEP = """
def get_configs(screen):
    shared = {"model.width": 4, "train.hold_out": "plate:0.33"}
    return screen.grid({"method": ("autoencoder",), "seed": (0, 1)}, shared)
"""
TINY = (
    "--config.data.crop_px=8",
    "--config.train.devices=1",
    "--config.train.total_images=64",
    "--config.evaluate.tasks=batch_effects",
)


@pytest.fixture
def folder(request, tmp_path):
    """configs/demo.py and configs/sweeps/two.py in a folder of their own."""
    root = request.config.rootpath.parent
    (tmp_path / "configs/sweeps").mkdir(parents=True)
    shutil.copy(root / "configs/demo.py", tmp_path / "configs")
    (tmp_path / "configs/sweeps/two.py").write_text(SWEEP)
    return tmp_path


@pytest.fixture
def words(folder, smoke_screen):
    """The command line of a sweep in a workdir of a name."""

    def make(name, *arguments, job="sweep"):
        return [
            f"--config={folder}/configs/sweeps/two.py:screen=demo,smoke",
            f"--workdir={folder}/{name}",
            f"--job={job}",
            f"--config.sweep.results={folder}/{name}-results",
            f"--config.data.source_dir={smoke_screen.source}",
            f"--config.data.dir={smoke_screen.prepared}",
            *TINY,
            *arguments,
        ]

    return make


def scores(folder, name):
    return (folder / f"{name}-results/two-smoke/demo.csv").read_bytes()


@pytest.mark.slow
def test_runs_are_made_kept_and_not_repeated(folder, words, capsys):
    assert program.main(words("w")) == 0
    told = capsys.readouterr().out
    assert "2 of 2 runs done" in told and "autoencoder-seed1" in told
    table = csv_files.read(folder / "w-results/two-smoke/demo.csv")
    assert set(table["run"]) == {"autoencoder-seed0", "autoencoder-seed1"}
    assert set(table["task"]) == {"batch_effects"}
    costs = csv_files.read(folder / "w-results/two-smoke/demo_costs.csv")
    assert costs["steps"].tolist() == ["2", "2"]
    assert (costs["encoder_parameters"].astype(int) > 0).all()
    log = (folder / "w/logs/autoencoder-seed1.txt").read_text()
    copied = [line for line in log.splitlines() if "is copied from" in line]
    assert len(copied) == 1 and "intensity" in copied[0]  # other seeds, other networks
    began = (folder / "w/sweep.json").stat().st_mtime_ns
    assert program.main(words("w")) == 0
    assert (folder / "w/sweep.json").stat().st_mtime_ns == began
    # Kept rows count as done where no workdir is.
    (folder / "w").rename(folder / "elsewhere")
    capsys.readouterr()
    assert program.main(words("w")) == 0
    assert "2 of 2 runs are not repeated" in capsys.readouterr().out
    assert not (folder / "w/autoencoder-seed0").exists()


def test_what_cannot_run_is_told_before_anything_is_written(folder, words, capsys):
    assert program.main(words("v", "--config.model.widht=4")) == 2
    assert program.main(words("v", "--config.sweep.runs=autoencoder-seed7")) == 2
    said = capsys.readouterr().err
    assert "no key 'model.widht'" in said and "no run of" in said
    assert not (folder / "v").exists()


@pytest.mark.slow
def test_a_run_that_fails_stops_no_other_and_is_tried_again(folder, words, capsys):
    text = SWEEP.replace('"seed": (0, 1)', '"seed": (0,), "train.batch": (32, 31)')
    (folder / "configs/sweeps/two.py").write_text(text)
    assert program.main(words("w", "--config.train.accumulate=2")) == 1
    said = capsys.readouterr()
    assert (
        "1 of 2 runs failed" in said.err and "autoencoder-seed0-batch31: " in said.err
    )
    assert "1 of 2 runs done" in said.out
    table = csv_files.read(folder / "w-results/two-smoke/demo.csv")
    assert set(table["run"]) == {"autoencoder-seed0-batch32"}


class Made:
    """A program that ends at its third look, with the results of a run."""

    alive, most, began = 0, 0, []

    def __init__(self, options, log):
        words = dict(word.partition("=")[::2] for word in shlex.split(options))
        self._workdir, self._looks = epath.Path(words["--workdir"]), 0
        self._code = int(self._workdir.name == "autoencoder-seed1")
        Made.began.append((self._workdir.name, words["--job"]))
        Made.alive += 1
        Made.most = max(Made.most, Made.alive)

    seconds = 1.0

    def last_line(self):
        return "train 50%"

    def ended(self):
        self._looks += 1
        if self._looks < 3:
            return None
        Made.alive -= 1
        if not self._code:
            self._leave_results()
        return Ended(self._code, 1.0, "no disk" if self._code else "")

    def ask_to_stop(self):
        raise AssertionError("nothing is to be stopped")

    def _leave_results(self):
        path = self._workdir / "tasks/simulated/batch_effects.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {"set": "autoencoder@2/code", "encoder": "autoencoder@2"}
        row |= {"features": "code", "value": 0.5, "low": 0.4, "high": 0.6}
        content = {"rows": [row], "skipped": None, "inputs": {}}
        sealed_json.write(path, content)


def test_some_run_at_a_time_and_one_that_fails_stops_no_other(
    folder, words, capsys, monkeypatch
):
    text = SWEEP.replace("(0, 1)", "(0, 1, 2)")
    (folder / "configs/sweeps/two.py").write_text(text)
    monkeypatch.setattr(job, "Program", Made)
    monkeypatch.setattr(job, "LOOK_S", 0.01)
    monkeypatch.setattr(job.programs, "run", lambda *_: Ended(0, 1.0, ""))
    monkeypatch.setattr(Made, "began", [])
    assert program.main(words("w", "--config.sweep.processes=2")) == 1
    said = capsys.readouterr()
    assert "1 of 3 runs failed" in said.err and "autoencoder-seed1: no disk" in said.err
    assert "2 of 3 runs done" in said.out and "train 50%" in said.out
    assert Made.most == 2
    assert [jobs for _, jobs in Made.began] == ["train,embed,evaluate,report"] * 3
    table = csv_files.read(folder / "w-results/two-smoke/demo.csv")
    assert table["run"].tolist() == ["autoencoder-seed0", "autoencoder-seed2"]
    assert table["value"].tolist() == ["0.5", "0.5"]
    assert program.main(words("w")) == 1  # what failed is tried again, nothing else
    assert [name for name, _ in Made.began[3:]] == ["autoencoder-seed1"]


@pytest.mark.parametrize(
    "axis, prepared",
    [
        ('"data.label_values": (("treated",), ("response_0",))', 1),
        ('"data.low_percentile": (0.1, 1.0)', 2),
    ],
)
def test_each_prepared_screen_is_prepared_before_runs_share_it(
    folder, words, monkeypatch, axis, prepared
):
    """Two runs that prepare at once would refuse each other."""
    text = SWEEP.replace('"seed": (0, 1)', axis)
    (folder / "configs/sweeps/two.py").write_text(text)
    monkeypatch.setattr(job, "Program", Made)
    monkeypatch.setattr(job, "LOOK_S", 0.01)
    monkeypatch.setattr(Made, "began", [])
    commands = []

    def prepare(options, _):
        commands.append(options)
        return Ended(0, 1.0, "")

    monkeypatch.setattr(job.programs, "run", prepare)
    program.main(words("w", "--config.sweep.processes=2"))
    assert len(commands) == prepared
    assert all("--job=prepare" in options for options in commands)
    assert [jobs for _, jobs in Made.began] == ["train,embed,evaluate,report"] * 2


@pytest.mark.slow
def test_equal_time_is_steps_that_are_counted_once(folder, words, capsys):
    # By time alone: the number of images is what timing gives.
    arguments = [w for w in words("w") if "total_images" not in w]
    minutes = "--config.sweep.minutes=0.2"
    assert program.main([*arguments, minutes]) == 0
    costs = csv_files.read(folder / "w-results/two-smoke/demo_costs.csv")
    first, second = costs["images"].astype(int)
    assert first == second > 32
    assert program.main([*arguments, "--config.sweep.minutes=1"]) == 2
    assert "steps were counted for 0.2" in capsys.readouterr().err
    too_short = "--config.sweep.minutes=0.00001"
    short = [a.replace(f"{folder}/w", f"{folder}/v") for a in arguments]
    assert program.main([*short, too_short]) == 2
    assert "shorter than compiling" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_ten_times_the_tables_are_the_same(request, folder, words):
    assert program.main(words("whole")) == 0
    root = str(request.config.rootpath.parent)
    environment = dict(os.environ, PYTHONPATH=root)
    rng = random.Random(0)
    command = [sys.executable, "-m", "gandl_jax.main", *words("killed")]
    for _ in range(10):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(rng.uniform(4, 25))
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0), errors
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert scores(folder, "killed") == scores(folder, "whole")


def test_a_program_says_how_it_ended(tmp_path):
    log = epath.Path(tmp_path / "logs/one.txt")
    running = Program("--config=/no/such.py", log)
    while not (ended := running.ended()):
        time.sleep(0.05)
    assert ended.code == 2 and "there is no config file" in ended.last
    log.write_text("train 1%\rtrain 2%\r\n\n")
    assert last_line(log) == "train 2%"
    log.write_text("")
    assert last_line(log) == ""


# Asked to stop, it leaves once others have been asked, too; alone it is late.
SAVES_WITH_OTHERS = """
import pathlib, signal, sys, time
own, others = pathlib.Path(sys.argv[1]), sys.argv[2:]
def stop(*_):
    own.with_suffix(".asked").touch()
    late = time.monotonic() + 10
    while time.monotonic() < late:
        if all(pathlib.Path(one).with_suffix(".asked").exists() for one in others):
            sys.exit(75)
        time.sleep(0.01)
    sys.exit(1)
signal.signal(signal.SIGTERM, stop)
own.with_suffix(".ready").touch()
time.sleep(60)
sys.exit(2)
"""


def test_all_programs_are_asked_to_stop_before_any_is_waited_for(tmp_path, monkeypatch):
    script = tmp_path / "python"
    (tmp_path / "saves.py").write_text(SAVES_WITH_OTHERS)
    script.write_text(
        f'#!/bin/sh\nshift 2\nexec {sys.executable} {tmp_path}/saves.py "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    names = [str(tmp_path / name) for name in "abc"]
    running = [
        Program(shlex.join([own, *names]), epath.Path(tmp_path / "log"))
        for own in names
    ]
    ready = [epath.Path(f"{name}.ready") for name in names]
    while not all(path.exists() for path in ready):
        time.sleep(0.02)
    stop_all(running)
    assert [program.ended().code for program in running] == [75, 75, 75]


def test_a_book_keeps_how_runs_of_a_config_ended(tmp_path):
    from gandl_jax import config as configs

    def run(seed):
        config = configs.default()
        config.seed = seed
        return Run("a", config, epath.Path(tmp_path / "a"), ())

    book = Book(epath.Path(tmp_path))
    book.note(run(0), Ended(1, 5.0, "no disk"))
    assert book.failures([run(0)]) == {"a": "no disk"}
    book.note(run(0), Ended(0, 2.0, ""))
    again = Book(epath.Path(tmp_path))
    assert again.is_done(run(0)) and again.seconds(run(0)) == 7.0
    assert not again.is_done(run(1)) and again.seconds(run(1)) == 0.0
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(InputError, match=r"sweep\.json is damaged"):
        Book(epath.Path(tmp_path))


def test_a_full_disk_is_refused_before_anything_is_written(
    folder, words, monkeypatch, capsys
):
    usage = types.SimpleNamespace(free=127_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert program.main(words("w")) == 2
    told = capsys.readouterr().err
    assert "has 127 MB free, and a sweep with 2 runs to do needs 128 MB" in told
    assert len(told.strip().splitlines()) == 1
    assert not (folder / "w").exists() and not (folder / "w-results").exists()


def test_a_cluster_changes_no_run(words):
    """Its address is in no digest, and no run waits for the worker that runs it."""
    arguments = words("w", "--config.evaluate.cluster=tcp://127.0.0.1:8786")
    found = []
    for given in (words("w"), arguments):
        values = command_line.define_flags()
        rest, settings = command_line.split(given)
        values(["gandl_jax", *rest])
        config, _, workdir = command_line.resolve(values, settings)
        found.append(runs.read(config, workdir))
    for one, other in zip(*found, strict=True):
        assert one.digest == other.digest and one.options == other.options
        assert one.config.evaluate.cluster == other.config.evaluate.cluster == ""


@pytest.mark.slow
def test_a_cluster_runs_a_sweep_though_a_worker_is_killed(
    folder, words, dask_processes, capsys
):
    assert program.main(words("here")) == 0
    capsys.readouterr()
    address = f"--config.evaluate.cluster={dask_processes.address}"
    killed = threading.Thread(target=_kill_once_training, args=(folder,), daemon=True)
    killed.start()
    assert program.main(words("there", address)) == 0
    killed.join()
    assert "2 of 2 runs done" in capsys.readouterr().out
    assert scores(folder, "there") == scores(folder, "here")
    dask_processes.stop()
    assert program.main(words("there")) == 0  # done is done, wherever


def _kill_once_training(folder):
    """Kills the worker whose run holds its workdir, once that has a checkpoint."""
    workdir = folder / "there/autoencoder-seed0"
    while not list(workdir.glob("checkpoints/*")):
        time.sleep(0.1)
    status = pathlib.Path(f"/proc/{lock.holder(workdir)['pid']}/status").read_text()
    os.kill(int(re.search(r"PPid:\s(\d+)", status)[1]), signal.SIGKILL)
