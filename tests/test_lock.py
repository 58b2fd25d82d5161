"""One process at a time in a workdir."""

import datetime
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from etils import epath

from gandl_jax import files, lock
from gandl_jax.errors import InputError

HOLD = """
import sys, time
from gandl_jax import lock
with lock.held(sys.argv[1], "a command"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holding(tmp_path):
    """A process that holds a folder."""
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_told_who_holds_it_since_when(holding, tmp_path):
    found = lock.holder(tmp_path)
    assert (found["pid"], found["host"]) == (holding.pid, socket.gethostname())
    since = datetime.datetime.fromisoformat(found["since"])
    assert abs(datetime.datetime.now(datetime.UTC) - since).total_seconds() < 60
    told = f"in use by process {holding.pid} on .* since {found['since'][:10]}.*'a comm"
    with pytest.raises(InputError, match=told), lock.held(tmp_path, "another"):
        raise AssertionError
    assert lock.holder(tmp_path) == found  # refused, it has changed nothing
    assert lock.other_holder(tmp_path) == found


def test_the_holder_itself_is_not_refused_where_it_may_hold_already(tmp_path):
    with lock.held(tmp_path, "outer"), lock.held_here(tmp_path, "inner"):
        assert lock.holder(tmp_path)["command"] == "outer"
    with lock.held_here(tmp_path, "alone"):
        assert lock.holder(tmp_path)["command"] == "alone"
    assert lock.holder(tmp_path) is None


def test_another_holder_is_refused_there_too(holding, tmp_path):
    with pytest.raises(InputError, match="in use"), lock.held_here(tmp_path, "x"):
        raise AssertionError


def test_a_lock_left_by_a_dead_process_is_recovered(holding, tmp_path):
    os.kill(holding.pid, signal.SIGKILL)
    holding.wait()
    assert (tmp_path / lock.FILE).stat().st_size  # it says still what it said
    assert lock.holder(tmp_path) is None
    with lock.held(tmp_path, "another"):
        assert lock.holder(tmp_path)["pid"] == os.getpid()
        assert lock.other_holder(tmp_path) is None
    assert lock.holder(tmp_path) is None


def test_the_program_refuses_a_workdir_that_is_held(run, holding, tmp_path, capsys):
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run(tmp_path, "--job=prepare") == 2
    (told,) = capsys.readouterr().err.strip().splitlines()
    assert f"in use by process {holding.pid}" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """A folder that is taken for one in a bucket, where nothing is locked."""
    monkeypatch.setattr(files, "is_remote", lambda path: True)
    monkeypatch.setattr(files, "replace", _plain_replace)
    monkeypatch.setattr(lock, "SETTLE_S", 0.05)
    monkeypatch.setattr(lock, "BEAT_S", 0.05)
    return tmp_path


def _plain_replace(path, data):
    beside = epath.Path(f"{path}.new")
    beside.write_text(data)
    beside.replace(path)


def test_in_a_bucket_the_holder_says_that_it_lives(bucket, monkeypatch):
    monkeypatch.setattr(lock, "SILENT_S", 1.0)
    with lock.held(bucket, "a command"):
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
        with pytest.raises(InputError, match="in use by process"):
            with lock.held(bucket, "another"):
                raise AssertionError
        first = lock.holder(bucket)
        while lock.holder(bucket)["alive"] == first["alive"]:
            pass
    assert lock.holder(bucket) is None and not (bucket / lock.FILE).exists()


def test_in_a_bucket_one_that_was_silent_for_long_holds_nothing(bucket, monkeypatch):
    left = '{"host": "elsewhere", "pid": 1, "since": "then", "alive": %d}'
    (bucket / lock.FILE).write_text(left % 0)
    assert lock.holder(bucket) is None
    with lock.held(bucket, "another"):
        assert lock.holder(bucket)["pid"] == os.getpid()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = left.replace('"elsewhere"', f'"{socket.gethostname()}"')
    here = here.replace('"pid": 1', f'"pid": {gone.pid}')
    (bucket / lock.FILE).write_text(here % 2**40)  # dead, however lately it spoke
    assert lock.holder(bucket) is None
    ours = here.replace(str(gone.pid), str(os.getpid()))
    (bucket / lock.FILE).write_text(ours % 2**40)  # of a machine started anew
    assert lock.holder(bucket) is None


def test_a_disk_without_locks_is_as_a_bucket(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(lock, "SETTLE_S", 0.05)
    with lock.held(tmp_path, "a command"):
        assert lock.holder(tmp_path)["pid"] == os.getpid()
        with pytest.raises(InputError, match="in use by process"):
            with lock.held(tmp_path, "another"):
                raise AssertionError
    assert lock.holder(tmp_path) is None


IN_A_BUCKET = """
from gandl_jax import files
files.is_remote = lambda path: True
files.replace = lambda path, data: path.write_text(data)
lock.SETTLE_S = lock.BEAT_S = 0.2
with lock.held"""


def test_in_a_bucket_one_whose_place_was_taken_leaves_it(tmp_path):
    program = HOLD.replace("\nwith lock.held", IN_A_BUCKET)
    words = [sys.executable, "-c", program, str(tmp_path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == "held\n"
    other = '{"host": "elsewhere", "pid": 7, "token": "other", "alive": 1e12}'
    for _ in range(3):  # a sign of life may have begun before
        files.replace(tmp_path / lock.FILE, other)  # whole, as a bucket's objects are
        time.sleep(0.1)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 1 and "in use by process 7 on elsewhere" in told
    assert (tmp_path / lock.FILE).read_text() == other


def test_in_a_bucket_the_place_of_one_that_just_died_is_waited_for(bucket, monkeypatch):
    monkeypatch.setattr(lock, "SILENT_S", 1.0)
    left = {"host": "elsewhere", "pid": 1, "since": "then", "alive": time.time()}
    (bucket / lock.FILE).write_text(json.dumps(left))
    with lock.held(bucket, "a command"):
        assert time.time() - left["alive"] > 1.0
        assert lock.holder(bucket)["pid"] == os.getpid()


def test_in_a_bucket_one_that_cannot_be_read_is_not_taken_for_ended(
    bucket, monkeypatch
):
    held = {"host": "elsewhere", "pid": 7, "alive": time.time()}
    (bucket / lock.FILE).write_text(json.dumps(held))
    reads = iter([held, {}, held | {"alive": time.time() + 1}])
    monkeypatch.setattr(lock, "_read", lambda file: next(reads))
    with pytest.raises(InputError, match="in use by process 7 on elsewhere"):
        with lock.held(bucket, "a command"):
            raise AssertionError


@pytest.mark.parametrize("wrong", [{"alive": "now"}, {"host": 3}, {"pid": None}])
def test_values_of_another_type_are_as_if_it_said_nothing(bucket, wrong):
    left = {"host": "elsewhere", "pid": 1, "since": "then", "alive": time.time()}
    (bucket / lock.FILE).write_text(json.dumps(left | wrong))
    assert lock.holder(bucket) is None
