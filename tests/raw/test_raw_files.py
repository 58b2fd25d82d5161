"""Loose files and members of archives under one kind of path."""

import concurrent.futures
import multiprocessing
import pickle
import zipfile

import pytest

from gandl_jax.raw import raw_files
from gandl_jax.raw.image_files import Unreadable


def pack(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"top/P1/{name}.png", data)


@pytest.fixture
def source(tmp_path):
    """`a` is loose, `b` both loose and packed, `c` packed, `d` in two archives."""
    (tmp_path / "P1").mkdir()
    for name in "ab":
        (tmp_path / f"P1/{name}.png").write_bytes(b"loose")
    pack(tmp_path / "x.zip", b="packed", c="packed", d="x")
    pack(tmp_path / "y.ZIP", d="y")
    (tmp_path / ".z.zip").write_bytes(b"still being fetched")
    return raw_files.open_files(str(tmp_path))


def test_loose_files_win(source):
    paths = [f"P1/{name}.png" for name in "abcde"] + ["P2/a.png", "x.zip/P1"]
    assert source.existing(paths) == set(paths[:4])
    found = [source.read(path) for path in paths[:3]]
    assert found == [b"loose", b"loose", b"packed"]
    with source.open("P1/c.png") as file:
        assert file.read(3) == b"pac"


def test_what_cannot_be_read(source):
    with pytest.raises(Unreadable, match=r"^in x.zip and in y.ZIP$"):
        source.read("P1/d.png")
    with pytest.raises(FileNotFoundError):
        source.read("P1/e.png")


def test_members_with_their_top_folder_and_without(source):
    names = {f"P1/{name}.png" for name in "bcd"}
    assert set(source.members()) == names | {f"top/{name}" for name in names}


def test_other_processes_read_with_handles_of_their_own(source):
    context = multiprocessing.get_context("spawn")
    paths = ["P1/c.png", "P1/a.png"] * 8
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        assert list(pool.map(source.read, paths)) == [b"packed", b"loose"] * 8


def test_a_part_holds_its_own_files_alone(source):
    paths = ["P1/a.png", "P1/b.png", "P1/c.png", "P1/d.png"]
    part = source.subset(["P1/a.png", "P1/c.png", "P1/e.png", "P1/d.png"])
    assert [len(archive.members) for archive in part.archives] == [2, 1]
    assert set(part.members()) == {
        f"{top}P1/{name}.png" for top in ("", "top/") for name in "cd"
    }
    found = pickle.loads(pickle.dumps(part))
    assert [found.read(path) for path in paths[:3]] == [b"loose", b"loose", b"packed"]
    with pytest.raises(Unreadable, match=r"^in x.zip and in y.ZIP$"):
        found.read("P1/d.png")
    assert [len(archive.members) for archive in source.subset([]).archives] == [0, 0]
