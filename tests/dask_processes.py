"""A real scheduler and real workers of Dask, each a process on loopback."""

import contextlib
import importlib.util
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


def slowly(numbers, item):
    """What workers call: takes a while."""
    time.sleep(0.2)
    return numbers.sum() + item


class Processes:
    """Starts them; `address` is the scheduler's."""

    def __init__(self, folder):
        self._folder, self._started = folder, []
        self.address = f"tcp://127.0.0.1:{_free_port()}"
        port = self.address.rpartition(":")[2]
        words = ["scheduler", "--host=127.0.0.1", f"--port={port}", "--no-dashboard"]
        self.scheduler = self._start(*words)
        self.workers = []

    def start_worker(self):
        """Starts one more of one thread; gives its process."""
        words = ["worker", self.address, "--nthreads=1", "--no-nanny"]
        self.workers.append(self._start(*words, "--no-dashboard"))
        return self.workers[-1]

    def await_workers(self, count):
        """Waits until so many have joined."""
        import distributed

        with distributed.Client(
            self.address, timeout=120, set_as_default=False
        ) as client:
            client.wait_for_workers(count, timeout=120)

    def _start(self, kind, *words):
        variables = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        log = self._folder / f"{kind}-{len(self._started)}.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words],
                env=os.environ | variables,
                cwd=self._folder,
                stdout=file,
                stderr=file,
            )
        self._started.append(process)
        return process

    def stop(self):
        """Ends all of them."""
        for process in self._started[::-1]:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()


def _free_port():
    with contextlib.closing(socket.socket()) as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@pytest.fixture(scope="session")
def needs_dask():
    """Skips where the extra is not installed."""
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is not installed: pip install -e '.[cluster]'")


@pytest.fixture
def dask_processes(needs_dask, tmp_path_factory):
    """A scheduler and two workers."""
    made = Processes(tmp_path_factory.mktemp("dask"))
    try:
        made.start_worker()
        made.start_worker()
        made.await_workers(2)
        yield made
    finally:
        made.stop()
