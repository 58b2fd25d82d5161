"""Real terminals and pipes that go away, and Ctrl-C, while a training runs."""

import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from gandl_jax import events, logs
from gandl_jax.checkpoint import Checkpoints

pytestmark = pytest.mark.slow
STEPS = 400


@pytest.fixture
def program(run, tmp_path):
    """Gives the command of a training whose step is logged each, in a bad folder."""
    workdir = tmp_path / "w [1]*{x}"
    settings = ("--config.train.log_every_images=32", *run.recipe)
    assert run(workdir, "--job=prepare", *settings) == 0

    def command(steps):
        words = run.words(workdir, "--job=train", *settings)
        words.append(f"--config.train.total_images={32 * steps}")
        return [sys.executable, "-u", "-m", "gandl_jax.main", *words]

    command.workdir = workdir
    command.environment = dict(
        os.environ, PYTHONPATH=str(pathlib.Path(__file__).resolve().parents[2])
    )
    return command


def wait_for_step(workdir, step, terminal):
    """Reads what the terminal shows, which would be full, until a step is logged."""
    until = time.monotonic() + 300
    while not any(line["step"] >= step for line in logs.read(workdir)):
        assert time.monotonic() < until
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 2**16)


def in_a_terminal(program, steps, *, nohup=False):
    """Starts a training that alone has a terminal; gives its id and our end of it."""
    pid, terminal = pty.fork()
    if pid == 0:
        if nohup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        words = program(steps)
        os.execve(words[0], words, program.environment)
    return pid, terminal


def is_saved_whole(workdir):
    """Whether the newest checkpoint is of the last step that was logged."""
    saved = Checkpoints(workdir)
    return saved.newest(print) == logs.read(workdir)[-1]["step"] < STEPS


def test_a_closed_terminal_saves(program):
    pid, terminal = in_a_terminal(program, STEPS)
    wait_for_step(program.workdir, 3, terminal)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 75
    assert is_saved_whole(program.workdir)
    assert events.read(program.workdir)[-1]["why"].endswith("on SIGHUP")


@pytest.mark.parametrize("to", [signal.SIGINT, b"\x03"])
def test_ctrl_c_saves(program, to):
    pid, terminal = in_a_terminal(program, STEPS)
    wait_for_step(program.workdir, 3, terminal)
    os.kill(pid, to) if isinstance(to, int) else os.write(terminal, to)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    os.close(terminal)
    assert is_saved_whole(program.workdir)
    assert events.read(program.workdir)[-1]["what"] == "interrupted"


def test_without_its_terminal_or_its_pipes_reader_a_training_ends(program):
    pid, terminal = in_a_terminal(program, 8, nohup=True)
    wait_for_step(program.workdir, 3, terminal)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert Checkpoints(program.workdir).steps()[-1] == 8
    script = '"$@" 2>&1 | head -1; exit ${PIPESTATUS[0]}'
    words = ["bash", "-c", script, "bash", *program(16)]
    done = subprocess.run(words, env=program.environment, capture_output=True)
    assert done.returncode == 0 and done.stdout.count(b"\n") == 1
    assert Checkpoints(program.workdir).steps()[-1] == 16
