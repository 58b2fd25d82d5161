"""Raw screens in zip archives: the same shards as from loose files."""

import io
import pathlib
import shutil
import struct
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare

RECORDS = 6
FIRST = "images/HRCE-1/Plate1/B01_s1_w1.png"


def png(pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def files(rxrx19a_files) -> dict[str, bytes]:
    """A raw screen in RxRx19a's form, path to bytes."""
    return rxrx19a_files(RECORDS)


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def loose(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def pack(path, files, top=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(top + name, data)


def published(folder, files):
    """As Recursion publishes it: images and metadata apart, in one top folder."""
    table = {"metadata.csv": files["metadata.csv"]}
    pack(folder / "RxRx19a-metadata.zip", table, "RxRx19a/")
    rest = {path: data for path, data in files.items() if path not in table}
    pack(folder / "RxRx19a-images.zip", rest, "RxRx19a/")


def settings(raw, out="out", **data):
    c = config.default()
    c.data.update(name="rxrx19a", source_dir=str(raw), dir=str(raw.parent / out))
    c.data.update(records_per_shard=4, **data)
    return c


def shards(c) -> dict[str, bytes]:
    """All that was prepared but the two files that name the source."""
    folder = pathlib.Path(c.data.dir)
    found = [path for path in folder.rglob("*") if path.is_file()]
    named = {"plan.json", "screen.json"}
    return {path.name: path.read_bytes() for path in found if path.name not in named}


@pytest.fixture(scope="module")
def wanted(files, tmp_path_factory):
    """What comes of the loose files."""
    folder = tmp_path_factory.mktemp("loose")
    c = settings(loose(folder / "raw", files))
    prepare.run(c, "")
    return shards(c)


def refused(c, message):
    with pytest.raises(InputError, match=message) as caught:
        prepare.run(c, "")
    assert "\n" not in str(caught.value)
    assert not pathlib.Path(c.data.dir).exists()


def test_the_published_archives_give_the_same_bytes(raw, files, wanted):
    published(raw, files)
    before = sorted(raw.rglob("*"))
    c = settings(raw)
    prepare.run(c, "")
    assert shards(c) == wanted and len(wanted) > 4
    assert sorted(raw.rglob("*")) == before  # nothing was unpacked


def test_one_archive_without_a_top_folder(raw, files, wanted):
    pack(raw / "all.ZIP", files)
    c = settings(raw)
    prepare.run(c, "")
    assert shards(c) == wanted


def test_loose_files_win_over_archives(raw, files, wanted):
    other = {path: png(np.zeros((9, 9), np.uint8)) for path in files}
    pack(raw / "a.zip", files | {FIRST: other[FIRST]})
    loose(raw, {FIRST: files[FIRST], "metadata.csv": files["metadata.csv"]})
    c = settings(raw)
    prepare.run(c, "")
    assert shards(c) == wanted


def test_missing_images_and_a_channel_too_many_are_seen(raw, files):
    pack(raw / "a.zip", {path: data for path, data in files.items() if path != FIRST})
    refused(settings(raw), f"1 of 30 images are missing.*{FIRST}")
    pack(raw / "a.zip", files | {FIRST.replace("w1", "w6"): b""})
    refused(settings(raw), "1 images of a channel 6")


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def flip(path):
    """A byte within the first member's data."""
    data = bytearray(path.read_bytes())
    data[60 + len(FIRST)] ^= 255
    path.write_bytes(data)


def encrypt(path):
    """The flag alone, of the first member, in the directory."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\1\2") + 8, 1)
    path.write_bytes(data)


def double(path):
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("RxRx19a/" + FIRST, b"x")


def lead_out(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../stray.png", b"x")


def copy(path):
    shutil.copy(path, path.with_name("copy.zip"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (cut, "RxRx19a-images.zip is no zip archive, or one cut short .*fetch it"),
        (flip, rf"1 of 30 images.*{FIRST} \(damaged in RxRx19a-images.zip\)$"),
        (encrypt, rf"1 of 30 .*{FIRST} \(encrypted in RxRx19a-images.zip\)$"),
        (double, rf"1 of 30 .*{FIRST} \(twice in RxRx19a-images.zip\)$"),
        (lead_out, "images.zip names 1 paths outside of it, the first '../../stray"),
        (copy, r"30 of 30 .*\(in RxRx19a-images.zip and in copy.zip\)"),
    ],
)
def test_spoilt_archives_are_told_in_one_line(raw, files, spoil, told):
    published(raw, files)
    spoil(raw / "RxRx19a-images.zip")
    refused(settings(raw), told)
    assert {path.name for path in raw.parent.iterdir()} == {"raw"}


def test_a_table_that_cannot_be_read(raw, files):
    published(raw, files)
    encrypt(raw / "RxRx19a-metadata.zip")
    refused(settings(raw), "metadata.csv is not .*: encrypted in RxRx19a-metadata.zip")
    (raw / "RxRx19a-metadata.zip").unlink()
    refused(settings(raw), "there is no metadata.csv in")


def test_tiffs_found_by_their_names_in_an_archive(raw):
    """A screen without a table: the pattern is matched below the top folder."""
    stack = np.random.default_rng(0).integers(0, 999, (2, 8, 8)).astype(np.uint16)
    packed = io.BytesIO()
    tifffile.imwrite(packed, stack, photometric="minisblack", compression="zlib")
    names = ["P1/B02.tif", "P1/B03.tif", "P2/B02.tif", "P2/.B04.tif", "P2/x.txt"]
    pages = dict.fromkeys(names, packed.getvalue())

    def prepared(folder):
        c = settings(folder, f"{folder.name}-out")
        c.data.name = "own"
        c.screen.update(name="tiny", metadata="", file="{plate}/{well}.tif")
        c.screen.update(channels=("dna", "actin"))
        prepare.run(c, "")
        return shards(c)

    pack(raw / "screen.zip", pages, "screen/")
    assert prepared(raw) == prepared(loose(raw.parent / "loose", pages))
