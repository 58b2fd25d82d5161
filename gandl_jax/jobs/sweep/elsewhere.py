"""A sweep's programs on the workers of a Dask cluster, which share its folders.

A program whose worker dies dies with it. Dask then asks another worker, where it goes
on from its workdir; that waits until nobody holds the workdir, as a worker may only
have been cut off.
"""

import os
import shlex
import time

from etils import epath

from gandl_jax import cluster_calls, files, lock
from gandl_jax.cluster_calls import Cluster
from gandl_jax.jobs.sweep import programs
from gandl_jax.jobs.sweep.programs import Ended, Program

LOOK_S = 0.2  # between two looks at a program
STOP_S = 60.0  # that a program which is to stop may take to save


class Elsewhere:
    """A program that some worker runs; as `programs.Program`.

    Args:
      cluster: of the workers.
      options: as a shell reads them.
      log: the file; what is in it stays.
    """

    def __init__(self, cluster: Cluster, options: str, log: epath.Path):
        self._log, self._began = epath.Path(files.absolute(log)), time.monotonic()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.touch()
        (workdir,) = (
            word.removeprefix("--workdir=")
            for word in shlex.split(options)
            if word.startswith("--workdir=")
        )
        self._workdir = epath.Path(files.absolute(workdir))
        place = str(self._log), str(self._workdir), os.getcwd()
        self._call = cluster.submit(_run, options, *place)

    @property
    def seconds(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self._began

    def ended(self) -> Ended | None:
        """How it ended, or None where it still runs.

        Raises:
          RunError: the cluster went away.
        """
        return self._call.result() if self._call.has_ended() else None

    def last_line(self) -> str:
        """The last line that it printed."""
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
