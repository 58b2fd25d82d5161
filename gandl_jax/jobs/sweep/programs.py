"""Starts programs of a sweep, watches them and ends them with itself."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from etils import epath

from gandl_jax import child_processes, files, terminal

LAST_BYTES = 4_096  # at the end of a program's output, that hold its last line


class Ended(NamedTuple):
    """Result of a program that has ended.

    Attributes:
      code: its exit code.
      seconds: of its run.
      last: the last line that it printed.
    """

    code: int
    seconds: float
    last: str


class Program:
    """A running command line of gandl_jax; its output goes into a file.

    Args:
      options: as a shell reads them.
      log: the file that output is appended to.
      folder: that it is started in; None is the present one.
      environment: its variables; None is this process's.
    """

    def __init__(
        self,
        options: str,
        log: epath.Path,
        *,
        folder: str | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self._log, self._began = log, time.monotonic()
        log.parent.mkdir(parents=True, exist_ok=True)
        program = [sys.executable, "-m", "gandl_jax.main", *shlex.split(options)]
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,  # the terminal's Ctrl-C is for the sweep
                preexec_fn=child_processes.dies_with_parent(),
            )

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    def ended(self) -> Ended | None:
        """Returns how it ended, or None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return Ended(code, self.seconds, self.last_line())

    def last_line(self) -> str:
        """Returns the last line that it printed."""
        return last_line(self._log)

    def ask_to_stop(self) -> None:
        """Asks it to save and leave."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Waits until it has ended."""
        self._process.wait()


Start = Callable[[str, epath.Path], Program]


def run(options: str, log: epath.Path, start: Start = Program) -> Ended:
    """Runs a program to its end; it ends with this process, whatever ends that."""
    program = start(options, log)
    try:
        while not (ended := program.ended()):
            time.sleep(0.1)
        return ended
    except BaseException:
        stop_all([program])
        raise


def stop_all(programs: Sequence[Program]) -> None:
    """Stops programs, which all save their state at the same time."""
    for program in programs:
        program.ask_to_stop()
    for program in programs:
        program.wait()


def last_line(log: epath.Path) -> str:
    """Returns the last line that was printed, in this terminal's characters, or ""."""
    with files.reading(log) as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - LAST_BYTES))
        lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
    printed = [line.strip() for line in lines if line.strip()]
    return terminal.one_line(printed[-1]) if printed else ""
