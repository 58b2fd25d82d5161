"""Work on a Dask cluster: in this process, by processes, and with some that die."""

import contextlib
import functools
import importlib.util
import operator
import os
import signal
import socket

import numpy as np
import pytest
from dask_processes import slowly

from gandl_jax import cluster, cluster_calls, modules
from gandl_jax.errors import InputError, RunError

pytestmark = pytest.mark.usefixtures("needs_dask")
ADDRESS = "tcp://10.0.0.5:8786"


@pytest.fixture(scope="module")
def here(needs_dask):
    """A scheduler with a worker of two threads in this process; gives the address."""
    import distributed

    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        dashboard_address=":0",
    ) as made:
        yield made


def refusal(call, kind=InputError):
    """The sentence by which it is refused."""
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def connect(address):
    with cluster.connected(address):
        raise AssertionError("it should be refused")


def test_calls_give_what_they_give_here(here):
    numbers, told = np.arange(100_000.0), []
    items = [np.float64(2), np.full(50_000, 3.0)[:1], numbers]
    with cluster.connected(here.scheduler_address) as made:
        for _ in range(3):
            found = made.each(operator.mul, (numbers,), items, done=told.append)
            np.testing.assert_equal(found, [numbers * item for item in items])
        assert made.each(operator.mul, (numbers,), [], done=told.append) == []
        held = set(made._sent)
        for factor in (2.0, 3.0):
            made.each(operator.mul, (factor * numbers,), [1.0], done=told.append)
        assert not held & set(made._sent)  # what is needed no more is let go of
    assert len(told) == 3 * 3 + 2
    with cluster.connected("") as made:
        assert made is None


def test_what_cannot_be_sent_as_a_worker_goes_is_sent_again(here, monkeypatch):
    monkeypatch.setattr(cluster_calls, "LOOK_S", 0.01)
    with cluster.connected(here.scheduler_address) as made:
        scatter, failing = made._client.scatter, [OSError("reset"), KeyError("gone")]

        def fails_twice(*args, **options):
            if failing:
                raise failing.pop()
            return scatter(*args, **options)

        monkeypatch.setattr(made._client, "scatter", fails_twice)
        assert made.each(operator.mul, (2,), [3, 4], done=id) == [6, 8]
        assert not failing
        failing += [OSError("reset")] * 99
        call = functools.partial(made.each, operator.mul, (5,), [3], done=id)
        assert "are gone" in refusal(call, RunError)


def test_what_a_call_raises_is_raised(here):
    with cluster.connected(here.scheduler_address) as made:
        with pytest.raises(ZeroDivisionError):
            made.each(operator.truediv, (1,), [1, 0], done=lambda _: None)


def test_a_worker_that_joins_with_other_files_is_told_apart(here, monkeypatch):
    with cluster.connected(here.scheduler_address) as made:
        called = functools.partial(made.each, operator.mul, (1,), [1], done=id)
        assert called() == [1]
        digests = iter(["of this machine"])
        monkeypatch.setattr(modules, "digest", lambda: next(digests, "of the worker"))
        assert "other files of gandl_jax" in refusal(called, RunError)


def test_no_address_is_told_and_what_to_install(monkeypatch):
    for address in ("10.0.0.5", "10.0.0.5:8786", "tcp://10.0.0.5", "tcp://host:port"):
        assert repr(address) in refusal(functools.partial(cluster.check, address))
    cluster.check(ADDRESS)
    cluster.check("")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    told = refusal(functools.partial(cluster.check, ADDRESS))
    assert "pip install" in told and "[cluster]" in told


def test_what_cannot_be_reached_is_told_soon(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        nobody = refusal(functools.partial(connect, address))
        silent.listen()
        mute = refusal(functools.partial(connect, address))
    assert "cannot be reached" in nobody and "cannot be reached" in mute


def test_a_worker_is_no_scheduler(here):
    (address,) = here.scheduler.workers
    assert "cannot be reached" in refusal(functools.partial(connect, address))


def test_a_cluster_without_workers_is_told(needs_dask):
    import distributed

    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address=":0"
    ) as made:
        told = refusal(functools.partial(connect, made.scheduler_address))
    assert "has no workers" in told and "dask worker tcp://" in told


class Client:
    """Of a cluster whose workers say this of themselves."""

    def __init__(self, *said):
        self._said = list(said)

    def scheduler_info(self):
        return {"workers": {"tcp://w:1": {}}}

    def run(self, fn, *args, **options):
        return {"tcp://w:1": self._said.pop(0)}


def test_workers_with_other_versions_are_told():
    version = cluster_calls.gandl_jax.__version__
    versions = dict(cluster_calls._versions())
    cluster_calls.Cluster(Client(version, versions), ADDRESS).check_workers()
    for said, words in (
        ((None,), "lacks gandl_jax"),
        (("0.0.1",), "has gandl_jax 0.0.1"),
        ((version, versions | {"numpy": "1.0"}), "has numpy 1.0"),
        ((version, versions | {"files of gandl_jax": "0"}), "has files of gandl_jax 0"),
        ((version, ModuleNotFoundError("scipy")), "lacks files of gandl_jax"),
    ):
        made = cluster_calls.Cluster(Client(*said), ADDRESS)
        told = refusal(made.check_workers)
        assert words in told and "tcp://w:1" in told and ADDRESS in told


def test_programs_of_workers_are_not_kept_to_one_thread(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # as Dask has it
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = cluster_calls.environment()
    assert "OPENBLAS_NUM_THREADS" not in found
    assert found["OMP_NUM_THREADS"] == "3" and found["PATH"] == os.environ["PATH"]


@pytest.mark.slow
def test_what_died_with_the_only_worker_is_sent_again(dask_processes):
    first, second = dask_processes.workers
    numbers, told = np.arange(100_000.0), []

    def done(result):
        told.append(result)
        if len(told) == 3:
            for process in (first, second):
                os.kill(process.pid, signal.SIGKILL)
            dask_processes.start_worker()

    with cluster.connected(dask_processes.address) as made:
        found = made.each(slowly, (numbers,), range(20), done=done)
    assert found == [numbers.sum() + item for item in range(20)]
    assert sorted(told) == found


@pytest.mark.slow
def test_a_cluster_that_goes_away_is_told(dask_processes, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    monkeypatch.setattr(cluster_calls, "GONE_S", 5.0)

    def call(process):
        with cluster.connected(dask_processes.address) as made:
            kill = functools.partial(os.kill, process.pid, signal.SIGKILL)
            made.each(slowly, (np.ones(2),), range(20), done=lambda _: kill())

    dask_processes.workers[1].kill()
    assert "are gone" in refusal(
        functools.partial(call, dask_processes.workers[0]), RunError
    )
    dask_processes.start_worker()
    dask_processes.await_workers(1)
    assert "are gone" in refusal(
        functools.partial(call, dask_processes.scheduler), RunError
    )
