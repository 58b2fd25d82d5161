"""Programs on workers of Dask: a made-up program, which waits until it may end."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from etils import epath

from gandl_jax import cluster, lock
from gandl_jax.jobs.sweep.cluster_program import ClusterProgram

PROGRAM = """
import os, pathlib, signal, sys, time

def save(*_):
    print("saved", flush=True)
    sys.exit(75)

signal.signal(signal.SIGTERM, save)
workdir = pathlib.Path(sys.argv[1].removeprefix("--workdir="))
(workdir / f"began-{os.getppid()}").write_text(str(os.getpid()))
while not (workdir / "may_end").exists():
    time.sleep(0.05)
print("one thread:", os.environ.get("OPENBLAS_NUM_THREADS"))
sys.exit(3)
"""

ASK = """
import sys, time
from etils import epath
from gandl_jax import cluster
from gandl_jax.jobs.sweep.cluster_program import ClusterProgram

with cluster.connected(sys.argv[1]) as made:
    asked = ClusterProgram(made, "--workdir=w", epath.Path("logs/w.txt"))
    time.sleep(600)
"""


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    """Of the program, in this working folder, which is found before the package."""
    (tmp_path / "gandl_jax").mkdir()
    (tmp_path / "gandl_jax/__init__.py").touch()
    (tmp_path / "gandl_jax/main.py").write_text(PROGRAM)
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "w"


@pytest.fixture
def here(needs_dask):
    """The address of a scheduler with a worker in this process."""
    import distributed

    with distributed.LocalCluster(
        n_workers=1, processes=False, protocol="tcp", dashboard_address=":0"
    ) as made:
        yield made.scheduler_address


def began(workdir):
    """Process of each worker that began the program, to that of the program."""
    files = workdir.glob("began-*")
    return {int(one.name.partition("-")[2]): one.read_text() for one in files}


def wait(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_program_waits_for_its_workdir_and_is_told_to_save(here, workdir):
    log = epath.Path("logs/w.txt")
    with cluster.connected(here) as made:
        with lock.held(workdir, "another"):
            running = ClusterProgram(made, "--workdir=w", log)
            time.sleep(1)
            assert not began(workdir) and running.ended() is None
            assert running.last_line() == ""
        wait(lambda: any(began(workdir).values()))
        running.ask_to_stop()
        running.wait()
        wait(lambda: running.last_line() == "saved")
        wait(lambda: began(workdir).keys() == {os.getpid()})


@pytest.mark.slow
def test_a_program_whose_worker_is_killed_is_run_by_another(
    dask_processes, workdir, monkeypatch
):
    with cluster.connected(dask_processes.address) as made:
        running = ClusterProgram(made, "--workdir=w", epath.Path("logs/w.txt"))
        wait(lambda: any(began(workdir).values()))
        ((worker, process),) = began(workdir).items()
        os.kill(worker, signal.SIGKILL)
        wait(lambda: not pathlib.Path("/proc", process, "exe").exists())
        wait(lambda: len(began(workdir)) == 2)
        assert running.ended() is None
        (workdir / "may_end").touch()
        wait(running.ended)
        ended = running.ended()
    assert (ended.code, ended.last) == (3, "one thread: None")
    assert began(workdir).keys() == {one.pid for one in dask_processes.workers}


@pytest.mark.slow
def test_a_program_is_stopped_when_who_asked_for_it_is_killed(
    request, dask_processes, workdir
):
    words = [sys.executable, "-P", "-c", ASK, dask_processes.address]
    variables = {"PYTHONPATH": str(request.config.rootpath.parent)}
    asking = subprocess.Popen(words, env=os.environ | variables)
    try:
        wait(lambda: any(began(workdir).values()))
    finally:
        asking.kill()
        asking.wait()
    log = workdir.parent / "logs/w.txt"
    wait(lambda: log.read_text() == "saved\n")
    assert len(began(workdir)) == 1
