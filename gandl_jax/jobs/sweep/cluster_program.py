"""A sweep's programs on the workers of a Dask cluster, which share its folders.

A program dies with its worker. Dask then asks another worker, which waits until no
process holds the workdir, as the first worker may only have been cut off, and continues
from there.
"""

import os
import shlex
import time

from etils import epath

from gandl_jax import cluster_calls, files, lock
from gandl_jax.cluster_calls import Cluster
from gandl_jax.jobs.sweep import programs
from gandl_jax.jobs.sweep.programs import Ended, Program

LOOK_S = 0.2  # between two checks of a program
STOP_S = 60.0  # that a stopping program may take to save


class ClusterProgram:
    """A program on a worker of a cluster; like `programs.Program`.

    Args:
      cluster: of the workers.
      options: as a shell reads them.
      log: the file that output is appended to.
    """

    def __init__(self, cluster: Cluster, options: str, log: epath.Path):
        self._log, self._began = epath.Path(files.absolute(log)), time.monotonic()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.touch()
        (workdir,) = (
            option.removeprefix("--workdir=")
            for option in shlex.split(options)
            if option.startswith("--workdir=")
        )
        self._workdir = epath.Path(files.absolute(workdir))
        folders = str(self._log), str(self._workdir), os.getcwd()
        self._call = cluster.submit(_run, options, *folders)

    @property
    def seconds(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self._began

    def ended(self) -> Ended | None:
        """Returns how it ended, or None while it runs.

        Raises:
          RunError: the cluster went away.
        """
        return self._call.result() if self._call.has_ended() else None

    def last_line(self) -> str:
        """Returns the last line that it printed."""
        return programs.last_line(self._log)

    def ask_to_stop(self) -> None:
        """Asks it to save and leave."""
        self._call.cancel()

    def wait(self) -> None:
        """Waits until it has left its workdir."""
        until = time.monotonic() + STOP_S
        while lock.holder(self._workdir) is not None and time.monotonic() < until:
            time.sleep(LOOK_S)


def _run(options: str, log: str, workdir: str, folder: str) -> Ended:
    """Runs a program to its end, on a worker, as long as it is wanted."""
    is_wanted = cluster_calls.is_wanted()
    while is_wanted() and lock.holder(workdir) is not None:
        time.sleep(LOOK_S)
    environment = cluster_calls.environment()
    program = Program(options, epath.Path(log), folder=folder, environment=environment)
    while not (ended := program.ended()):
        if not is_wanted():
            programs.stop_all([program])
        time.sleep(LOOK_S)
    return ended
