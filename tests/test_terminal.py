"""What is printed: shown where it can be, and never the end of a job."""

import io
import logging
import os
import pathlib
import pty
import subprocess
import sys

import pytest

from gandl_jax import main as program
from gandl_jax import progress, terminal


def encoded(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def closed():
    stream = encoded("utf-8")
    stream.close()
    return stream


def without_reader():
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


def full_disk():
    return open("/dev/full", "w")


def lost_terminal():
    master, terminal_end = pty.openpty()
    os.close(master)
    return os.fdopen(terminal_end, "w")


def read_only():
    return open(os.devnull)


GONE = [closed, without_reader, full_disk, lost_terminal, read_only, lambda: None]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_letters_that_an_encoding_lacks_are_escaped(encoding, monkeypatch):
    stream, text = encoded(encoding), "α-Amanitin, 0.3 µM, \udcff"
    monkeypatch.setattr(sys, "stdout", stream)
    with terminal.printing_safely():
        print(text)
    shown = text.replace("\udcff", "\\udcff") + "\n"
    assert stream.buffer.getvalue() == shown.encode(encoding, "backslashreplace")


@pytest.mark.parametrize("make", GONE)
def test_what_is_gone_takes_what_is_printed_and_says_nothing(make, monkeypatch):
    streams = [make(), make()]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    with terminal.printing_safely():
        for _ in range(2):
            print("x" * 10_000, flush=True)
            print("α", file=sys.stderr)
            sys.stdout.writelines(["a", "b"])
            progress.Progress("train", 2, "images").close()
            logging.getLogger("of a library").warning("α")
        assert sys.stdout.isatty() is False
    monkeypatch.undo()
    for stream in streams:
        if stream is not None and not stream.closed and stream.writable():
            stream.flush()  # as Python does when it ends
            stream.close()


@pytest.mark.parametrize("make", [*GONE, lambda: encoded("ascii")])
def test_a_job_ends_as_it_would(make, monkeypatch):
    monkeypatch.setattr(sys, "stdout", make())
    monkeypatch.setattr(sys, "stderr", make())
    assert program.main(["--help"]) == 0
    assert program.main(["--config=α.py"]) == 2


ALONE = """
import contextlib, os, sys
from gandl_jax import terminal
with terminal.printing_safely():
    print("x", file=sys.stdout)
    print("x", file=sys.stderr)
    opened = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        os.write(2, b"of C++ code")
sys.exit(7 if opened > 2 else 1)
"""


@pytest.mark.parametrize("streams", [">&- 2>&- <&-", ">/dev/full 2>&1"])
def test_a_program_ends_with_its_own_code_and_no_file_of_its_is_printed_to(
    streams, tmp_path
):
    command = f'exec "{sys.executable}" -c "$1" "$2" {streams}'
    words = ["sh", "-c", command, "sh", ALONE, str(tmp_path / "file")]
    assert subprocess.run(words).returncode == 7
    assert (tmp_path / "file").read_bytes() == b""


def test_names_of_files_are_utf_8_in_every_locale():
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    root = str(pathlib.Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "gandl_jax.main", "--config=Ü/none.py"],
        env=dict(os.environ, PYTHONPATH=root) | old,
        capture_output=True,
    )
    assert done.returncode == 2 and b"'\\xdc/none.py'" in done.stderr
