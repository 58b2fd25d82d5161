"""Archives made by zipfile, whole and spoilt."""

import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from etils import epath

from gandl_jax import files as on_disk
from gandl_jax.errors import InputError
from gandl_jax.raw import zip_archive
from gandl_jax.raw.image_files import Unreadable

FILES = {f"top/P{i % 3}/A{i:02}_w1.png": b"image %d " % i * 40 for i in range(20)}


def pack(path, files=FILES, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return epath.Path(path)


def read(archive, path):
    with archive.open(path) as file:
        return file.read()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_member_with_and_without_the_top_folder(tmp_path, method):
    archive = zip_archive.open_archive(pack(tmp_path / "a.zip", FILES, method))
    assert archive.top == "top"
    for name, data in FILES.items():
        assert read(archive, name) == read(archive, name[4:]) == data
    assert set(archive.paths()) == {*FILES, *(name[4:] for name in FILES)}
    for absent in ("", "top", "top/P0", "P0/A00_w1.pn", "P0/A00_w1.png2", "zz"):
        assert absent not in archive


@pytest.mark.parametrize(
    ("names", "top"),
    [
        (["images/a/b.png", "metadata.csv"], ""),
        (["images/a.png", "images/b.png"], "images"),
        (["a/b.png", "ab/c.png"], ""),
        (["é/ü.png", "é/z.png"], "é"),
        (["__MACOSX/a/._b.png", "a/b.png", "a/c/"], "a"),
        ([], ""),
    ],
)
def test_the_folder_common_to_all(tmp_path, names, top):
    packed = pack(tmp_path / "a.zip", dict.fromkeys(names, b"x"))
    archive = zip_archive.open_archive(packed)
    assert archive.top == top
    kept = [n for n in names if not n.endswith("/") and not n.startswith("__MACOSX")]
    assert all(read(archive, name) == b"x" for name in kept)
    assert len(archive.members) == len(kept)


def test_it_goes_to_another_process_and_is_small(tmp_path):
    files = {f"RxRx19a/images/HRCE-1/Plate1/{i:06}.png": b"" for i in range(5_000)}
    archive = zip_archive.open_archive(pack(tmp_path / "a.zip", files))
    sent = pickle.dumps(archive)
    assert len(sent) < 90 * len(files)
    again = pickle.loads(sent)
    assert all(read(again, name) == b"" for name in list(files)[::500])


def test_the_directory_is_read_again_only_when_the_file_changed(tmp_path):
    path = pack(tmp_path / "a.zip")
    first = zip_archive.open_archive(path)
    assert zip_archive.open_archive(path) is first
    pack(tmp_path / "a.zip", {"b.png": b"b"})
    assert list(zip_archive.open_archive(path).paths()) == ["b.png"]


def test_an_archive_after_other_bytes(tmp_path):
    """As self-extracting ones are; zipfile reads them, so we do."""
    data = pack(tmp_path / "a.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(b"#!/bin/sh\n" + data)
    archive = zip_archive.open_archive(epath.Path(tmp_path / "b.zip"))
    assert all(read(archive, name) == data for name, data in FILES.items())


def test_cut_short_anywhere(tmp_path):
    data = pack(tmp_path / "a.zip").read_bytes()
    for keep in range(0, len(data), 7):
        path = epath.Path(tmp_path / f"{keep}.zip")
        path.write_bytes(data[:keep])
        with pytest.raises(InputError, match=rf"{keep}.zip is no zip.*cut short"):
            zip_archive.open_archive(path)


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x", "/etc/x", "C:/x", "a\\..\\x", "\\x", "a/.."]
)
def test_paths_that_lead_out(tmp_path, name):
    path = pack(tmp_path / "a.zip", {"a/b.png": b"", name: b""})
    with pytest.raises(InputError, match=r"a.zip names 1 paths outside of it"):
        zip_archive.open_archive(path)


def test_dots_within_a_name_are_no_way_out(tmp_path):
    path = pack(tmp_path / "a.zip", {"a..b/c...png": b"", "..a/b": b""})
    assert "a..b/c...png" in zip_archive.open_archive(path)


def test_two_of_one_name(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in ("b.png", "a.png", "b.png"):
                archive.writestr(name, b"x")
    archive = zip_archive.open_archive(epath.Path(tmp_path / "a.zip"))
    assert read(archive, "a.png") == b"x"
    with pytest.raises(Unreadable, match="twice in a.zip"):
        read(archive, "b.png")


def spoil_directory(path, offset, value):
    """Writes 16 bits into the directory's entry of the first member."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\1\2") + offset, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("offset", "value", "told"),
    [(8, 1, "encrypted in a.zip"), (10, 9, "by method 9, neither stored nor")],
)
def test_what_is_not_read(tmp_path, offset, value, told):
    path = pack(tmp_path / "a.zip")
    spoil_directory(path, offset, value)
    archive = zip_archive.open_archive(path)
    with pytest.raises(Unreadable, match=told):
        read(archive, next(iter(FILES)))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_no_flipped_byte_gives_other_data(tmp_path, method):
    """Flips each byte of one member: local header, name and packed data."""
    name, wanted = "a.png", bytes(range(256))
    path = pack(tmp_path / "a.zip", {name: wanted, "b.png": b""}, method)
    archive, whole = zip_archive.open_archive(path), path.read_bytes()
    refused = 0
    for place in range(whole.index(b"PK\3\4", 4)):
        data = bytearray(whole)
        data[place] ^= 255
        path.write_bytes(data)
        try:
            assert read(archive, name) == wanted
        except zip_archive.DAMAGED:
            refused += 1
    assert refused >= len(wanted)
    path.write_bytes(whole[:50])  # cut while we read
    with pytest.raises(zip_archive.DAMAGED):
        read(archive, name)


def test_what_unpacks_to_far_more_than_it_takes_is_refused_before(
    tmp_path, monkeypatch
):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("blank.png", bytes(2**20))
        archive.writestr("image.png", np.random.default_rng(0).bytes(2**20))
    found = zip_archive.open_archive(epath.Path(tmp_path / "x.zip"))
    with found.open("blank.png") as file:
        assert file.read() == bytes(2**20)
    monkeypatch.setattr(on_disk, "MOST_UNPACKED_BYTES", 2**19)
    monkeypatch.setattr(zip_archive, "_member", None)
    told = "^1,048,576 bytes when unpacked from x.zip, and 524,288 are the most$"
    with pytest.raises(Unreadable, match=told), found.open("blank.png"):
        pass
    monkeypatch.undo()
    monkeypatch.setattr(on_disk, "MOST_UNPACKED_BYTES", 2**19)
    with found.open("image.png") as file:
        assert len(file.read()) == 2**20
    with pytest.raises(Unreadable), found.open("image.png", 2**20 - 1):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reading_a_member_whole_takes_little_more_than_it_is_large(
    tmp_path, monkeypatch, method
):
    monkeypatch.setattr(zip_archive._Member, "MAX_N", 2**14)
    data = np.random.default_rng(0).bytes(2**20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("a", data)
    found = zip_archive.open_archive(epath.Path(tmp_path / "x.zip"))
    tracemalloc.start()
    with found.open("a") as file:
        read = file.read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == data
    assert peak < 1.5 * len(data)
