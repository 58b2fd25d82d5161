"""Nothing but regular files is opened, and none is waited for."""

import os
import re
import signal
import socket

import pytest
from etils import epath

from gandl_jax import (
    config_files,
    events,
    file_hashes,
    files,
    lock,
    logs,
    pictures,
    regular_files,
)
from gandl_jax.errors import InputError
from gandl_jax.prepared import illumination, prepared
from gandl_jax.profiles import foreign, store
from gandl_jax.raw import raw_files
from gandl_jax.raw.image_files import Unreadable
from gandl_jax.reading import bad_records
from gandl_jax.training import network_files

KINDS = {
    "pipe": "a pipe",
    "socket": "a socket",
    "zero": "a device",
    "terminals": "a device",
    "folder": "a folder",
    "gone": "a link to nothing",
    "loop": "a link that leads back to itself",
}


@pytest.fixture(autouse=True)
def not_waiting():
    """Ends a test that waits for somebody to write."""

    def stop(*_):
        raise AssertionError("it waited")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def put(path, kind):
    """Puts what is no file in the place of one; of a device, a link to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            opened = os.open(path.parent, os.O_RDONLY)  # a socket's path must be short
            bound.bind(f"/proc/self/fd/{opened}/{path.name}")
            os.close(opened)
    elif kind == "folder":
        path.mkdir()
    else:
        targets = {"zero": "/dev/zero", "terminals": "/dev/ptmx", "gone": "nothing"}
        path.symlink_to(targets.get(kind, path.name))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", [files.read_bytes, files.read_text, files.read_json])
def test_what_is_no_file_is_named_and_not_opened(tmp_path, monkeypatch, kind, read):
    path = tmp_path / "a.json"
    put(path, kind)

    def opened(*_):
        raise AssertionError("it was opened")

    monkeypatch.setattr(os, "open", opened)
    told = rf"^{re.escape(str(path))} is {KINDS[kind]}, and only regular files are read"
    with pytest.raises(InputError, match=told):
        read(path)


@pytest.mark.parametrize("kind", ["pipe", "zero", "terminals"])
def test_one_that_is_put_there_after_the_look_is_not_waited_for(
    tmp_path, monkeypatch, kind
):
    put(tmp_path / "a", kind)
    monkeypatch.setattr(regular_files, "check", lambda path: None)
    with (
        pytest.raises(InputError, match=f"a is {KINDS[kind]}"),
        files.reading(tmp_path / "a"),
    ):
        pass


def test_whoever_passes_over_unreadable_files_passes_over_it(tmp_path):
    put(tmp_path / "a", "pipe")
    with pytest.raises(OSError), files.reading(tmp_path / "a"):
        pass


def test_regular_files_are_read_through_links_and_empty(tmp_path):
    (tmp_path / "a").write_text("µ")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").touch()
    texts = [files.read_text(tmp_path / name) for name in "abc"]
    assert texts == ["µ", "µ", ""]
    with files.reading(tmp_path / "b") as file:
        assert file.name == str(tmp_path / "b") and file.seekable()


def test_what_is_not_there_is_for_the_caller_to_say(tmp_path):
    regular_files.check(tmp_path / "a")
    regular_files.check(tmp_path / "a" / "b")
    files.check_regular("gs://no-such-bucket/a")
    files.check_regular_in("gs://no-such-bucket", ["a"])
    with pytest.raises(FileNotFoundError):
        files.read_bytes(tmp_path / "a")


def test_a_file_that_is_read_whole_has_a_largest_size(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"[123]")
    assert files.read_bytes(tmp_path / "a", 5) == b"[123]"
    with pytest.raises(InputError, match="a has 5 bytes, and 4 are the most"):
        files.read_bytes(tmp_path / "a", 4)
    monkeypatch.setattr(files, "MOST_JSON_BYTES", 4)
    with pytest.raises(InputError, match="a has 5 bytes, and 4 are the most"):
        files.read_json(tmp_path / "a")


def test_a_hole_of_a_terabyte_is_not_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="has 1,099,511,627,776 bytes"):
        files.read_json(tmp_path / "a.json")


OPENERS = {
    "config.py": config_files.load,
    "t.csv": foreign.open_table,
    "t.tsv.gz": foreign.open_table,
    "t.parquet": foreign.open_table,
    "n.npz": lambda path: network_files.fingerprint(str(path)),
    "grid.png": lambda path: pictures.shrunk(path, 8),
    "screen.json": lambda path: prepared.read_description(str(path.parent)),
    "f": lambda path: files.check_regular_in(path.parent, {"f"}),
    "_SUCCESS": lambda path: store.is_complete(path.parent),
    "_made_from.json": lambda path: store.made_from(path.parent),
    "illumination.npz": lambda path: illumination.read(path.parent),
    "metrics.jsonl": lambda path: logs.read(path.parent),
    "events.jsonl": lambda path: events.add(path.parent, "x"),
    "lock": lambda path: lock.holder(path.parent),
    "bad_records.csv": lambda path: bad_records.read(path.parent),
    "x.zip": lambda path: raw_files.open_files(str(path.parent)),
}


@pytest.mark.parametrize("name", OPENERS)
def test_wherever_a_file_of_the_users_is_opened(tmp_path, name):
    put(tmp_path / name, "pipe")
    path = str(tmp_path / name) if name == "config.py" else epath.Path(tmp_path / name)
    with pytest.raises(InputError, match=f"{name} is a pipe, and only regular files"):
        OPENERS[name](path)


def test_a_checkpoint_that_holds_a_pipe_is_damaged(tmp_path):
    (tmp_path / "manifest.sha256").write_text(f"{'0' * 64}  f\n")
    put(tmp_path / "f", "pipe")
    assert "f cannot be read" in file_hashes.damage(tmp_path)
    assert "is a pipe" in file_hashes.damage(tmp_path)


def test_a_workdir_whose_lock_is_a_pipe_is_not_held(tmp_path):
    put(tmp_path / "lock", "pipe")
    with pytest.raises(InputError, match="lock is a pipe"), lock.held(tmp_path, "x"):
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_of_a_raw_screen(tmp_path, kind):
    put(tmp_path / "P1/a.png", kind)
    source = raw_files.open_files(str(tmp_path))
    assert source.existing(["P1/a.png"]) == {"P1/a.png"}
    with pytest.raises(Unreadable, match=f"^{KINDS[kind]}, not a file$"):
        source.read("P1/a.png")
    with pytest.raises(Unreadable), source.expected("P1/a.png"):
        pass
