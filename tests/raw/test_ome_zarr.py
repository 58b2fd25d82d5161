"""Plates of OME-Zarr as a raw screen's files, and what is refused of them."""

import functools
import http.server
import json
import pickle
import shutil
import threading
import time

import numpy as np
import ome_writers
import pytest
import zarr

from gandl_jax.errors import InputError, RunError
from gandl_jax.raw import ome_zarr, raw_files, zarr_arrays
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.ome_options import OmeOptions

VERSIONS = "0.4", "0.5"
ATTRIBUTES = {"0.4": ".zattrs", "0.5": "zarr.json"}
ARRAY = {"0.4": ".zarray", "0.5": "zarr.json"}


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def plate(tmp_path, version):
    """The folder of a plate in a raw screen."""
    return ome_writers.write_zarr(
        tmp_path / "raw/P1.ome.zarr", ome_writers.images(), version
    )


def ome(plate, change, path="", version="0.5"):
    """Changes the attributes of OME of a group."""

    def within(content):
        change(content if version == "0.4" else content["attributes"]["ome"])

    ome_writers.edit(plate / path / ATTRIBUTES[version], within)


def check_all(source_dir, pictures=None):
    """All images are there with their pixels; gives the files."""
    opened = raw_files.open_files(str(source_dir))
    for (well, site), pixels in (pictures or ome_writers.images()).items():
        path = f"P1.zarr/{well}/{site}"
        assert opened.existing([path]) == {path}
        read = opened.read_image(path)
        np.testing.assert_array_equal(np.moveaxis(read, -1, 0), pixels)
        assert read.dtype == pixels.dtype
    return opened


def test_a_plate_has_the_images_that_were_written(plate):
    opened = check_all(plate.parent)
    assert opened.plates[0].channels == ("DAPI", "Actin")
    assert opened.read_format("P1.zarr/B02/0") == ImageFormat(32, 32, 16, 2)
    paths = [path for path in opened.all_paths() if "/" in path]
    wanted = [f"P1.zarr/{w}/{s}" for w, s in ome_writers.images()]
    assert [path for path in paths if path in opened.plates[0]] == wanted


def test_no_chunk_is_listed_as_a_file(plate):
    every = list(raw_files.open_files(str(plate.parent)).all_paths())
    assert not [path for path in every if path.startswith("P1.ome.zarr/B/")]


def test_the_folder_itself_may_be_the_plate(plate):
    opened = check_all(plate)
    assert not [path for path in opened.all_paths() if path.startswith("B/")]


@pytest.mark.parametrize("name", ("P1.zip", "P1.ozx", "P1.ome.zarr.zip"))
@pytest.mark.parametrize("top", ("", "P1.ome.zarr/"))
def test_an_archive_holds_a_plate_with_a_folder_around_it_or_none(plate, name, top):
    ome_writers.zipped(plate, plate.parent / name, top)
    shutil.rmtree(plate)
    opened = check_all(plate.parent)
    assert opened.archives == ()
    alone = pickle.loads(pickle.dumps(opened.subset(["P1.zarr/B03/1"])))
    assert list(alone.members()) == ["P1.zarr/B03/1"]
    assert alone.read_image("P1.zarr/B03/1").shape == (32, 32, 2)


def test_several_plates_may_lie_in_one_archive(tmp_path):
    source = tmp_path / "raw"
    for name in ("P1", "P2"):
        ome_writers.write_zarr(source / f"{name}.ome.zarr", ome_writers.images())
    packed = ome_writers.zipped(source, tmp_path / "screen.zip", "screen/")
    shutil.rmtree(source)
    source.mkdir()
    packed.rename(source / "screen.zip")
    opened = check_all(source)
    assert [plate.title for plate in opened.plates] == ["P1", "P2"]


@pytest.mark.parametrize("dtype", (np.uint8, np.int16))
def test_other_depths_are_read(tmp_path, version, dtype):
    pictures = ome_writers.images(dtype=dtype)
    ome_writers.write_zarr(tmp_path / "P1.zarr", pictures, version)
    unsigned = {
        k: v.astype(np.dtype(dtype).str.replace("i", "u")) for k, v in pictures.items()
    }
    check_all(tmp_path, unsigned)


def test_shards_of_chunks_are_read(tmp_path):
    pictures = ome_writers.images()
    ome_writers.write_zarr(tmp_path / "P1.zarr", pictures, sharded=True)
    check_all(tmp_path)
    ome_writers.zipped(tmp_path / "P1.zarr", tmp_path / "P1.ozx")
    shutil.rmtree(tmp_path / "P1.zarr")
    check_all(tmp_path)


def test_a_level_of_the_pyramid_is_chosen(plate):
    opened = raw_files.open_files(str(plate.parent), OmeOptions(pyramid_level=1))
    pixels = ome_writers.images()["B03", "1"][:, ::2, ::2]
    assert opened.read_format("P1.zarr/B03/1") == ImageFormat(16, 16, 16, 2)
    read = opened.read_image("P1.zarr/B03/1")
    np.testing.assert_array_equal(np.moveaxis(read, -1, 0), pixels)
    opened = raw_files.open_files(str(plate.parent), OmeOptions(pyramid_level=2))
    with pytest.raises(Unreadable, match="2 pyramid levels, from 0, and config.screen"):
        opened.read_format("P1.zarr/B03/1")


@pytest.mark.parametrize("axes", ("tczyx", "czyx", "zcyx"))
def test_a_plane_and_a_time_point_are_chosen(tmp_path, version, axes):
    pictures = ome_writers.images()
    ome_writers.write_zarr(tmp_path / "P1.zarr", pictures, version, axes)
    one = int("t" in axes)
    for z, t in ((1, one), (0, one)):
        options = OmeOptions(z_plane=z, time_point=t)
        opened = raw_files.open_files(str(tmp_path), options)
        read = np.moveaxis(opened.read_image("P1.zarr/C02/0"), -1, 0)
        wanted = pictures["C02", "0"] // (1 if z else 2)
        np.testing.assert_array_equal(read, wanted)
    opened = raw_files.open_files(str(tmp_path), OmeOptions(z_plane=2))
    with pytest.raises(Unreadable, match="2 along z, .*z_plane is 2"):
        opened.read_format("P1.zarr/C02/0")


def test_an_image_without_channels_is_one_channel(tmp_path, version):
    one = {key: pixels[:1] for key, pixels in ome_writers.images().items()}
    ome_writers.write_zarr(tmp_path / "P1.zarr", one, version, "yx")
    check_all(tmp_path, one)


def test_each_chunk_is_read_once(plate, monkeypatch):
    opened = raw_files.open_files(str(plate.parent))
    keys, real = [], type(opened.plates[0].keys).read

    def counted(self, key, *span):
        keys.append(key)
        return real(self, key, *span)

    monkeypatch.setattr(type(opened.plates[0].keys), "read", counted)
    opened.read_image("P1.zarr/B02/0")
    chunks = [key for key in keys if not key.endswith(("json", ".zattrs", ".zarray"))]
    assert len(chunks) == len(set(chunks)) == 4  # 2 x 2; both channels lie in each
    assert len(keys) == 6  # and the metadata of image and array


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(plate):
    """The address of the raw screen's folder, at this machine."""
    pytest.importorskip("aiohttp")
    handler = functools.partial(_Quiet, directory=str(plate.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def listing(folder, *lines):
    folder.mkdir(exist_ok=True)
    (folder / "plates.txt").write_text("\n".join(["# plates", "", *lines]))
    return folder


def test_a_list_names_plates_at_an_address(served, tmp_path):
    check_all(listing(tmp_path / "far", f"{served}/P1.ome.zarr/"))


def test_an_address_that_holds_nothing_or_does_not_answer_is_told(served, tmp_path):
    with pytest.raises(InputError, match="P9.zarr is no Zarr: it has neither"):
        raw_files.open_files(str(listing(tmp_path / "far", f"{served}/P9.zarr")))
    gone = listing(tmp_path / "far", "http://127.0.0.1:9/P1.zarr")
    with pytest.raises(RunError, match="http://127.0.0.1:9/P1.zarr did not give"):
        raw_files.open_files(str(gone))


def test_a_list_names_plates_in_folders_below(plate, tmp_path):
    batch = plate.parent / "batch1"
    batch.mkdir()
    plate.rename(batch / plate.name)
    listing(plate.parent, "batch1/P1.ome.zarr")
    opened = raw_files.open_files(str(plate.parent))
    assert opened.read_image("batch1/P1.zarr/B02/0").shape == (32, 32, 2)
    for line in ("/etc/P1.zarr", "../P1.zarr"):
        listing(plate.parent, line)
        with pytest.raises(
            InputError, match=r"plates.txt, line 3: .* is neither an ad"
        ):
            raw_files.open_files(str(plate.parent))


def refused(plate):
    with pytest.raises(InputError) as caught:
        raw_files.open_files(str(plate.parent))
    assert "\n" not in str(caught.value) and str(plate) in str(caught.value)
    return str(caught.value)


def unreadable(plate, path="P1.zarr/B02/0", **options):
    opened = raw_files.open_files(str(plate.parent), OmeOptions(**options))
    with pytest.raises(Unreadable) as caught:
        opened.read_format(path)
        opened.read_image(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_zarr_that_is_no_plate_is_told_where_a_plate_was_looked_for(plate, version):
    ome(plate, lambda content: content.pop("plate"), version=version)
    opened = raw_files.open_files(str(plate.parent))
    assert opened.plates == ()
    assert "is a Zarr, and no plate" in opened.no_plates[0]
    shutil.rmtree(plate)
    ome_writers.write_image(plate, ome_writers.images()["B02", "0"], version)
    opened = raw_files.open_files(str(plate.parent))
    assert "is an OME-Zarr image, and no plate" in opened.no_plates[0]
    shutil.rmtree(plate)
    plate.mkdir()
    opened = raw_files.open_files(str(plate.parent))
    assert "is no Zarr: it has neither zarr.json nor .zattrs" in opened.no_plates[0]


def test_a_version_that_is_not_known_is_refused(plate, version):
    def change(content):
        (content if version == "0.5" else content["plate"])["version"] = "0.9"

    ome(plate, change, version=version)
    assert "of version '0.9' on Zarr" in refused(plate)


def test_a_plate_that_lacks_wells_is_refused(plate, version):
    shutil.rmtree(plate / "B/3")
    assert "lists 3 wells, of which 1 are not there" in refused(plate)
    ome(plate, lambda content: content["plate"].update(wells=[]), version=version)
    assert "lists no wells" in refused(plate)


def test_a_path_that_leads_out_of_the_store_is_refused(plate, version):
    for path in ("../../secret", "/etc", "B/..", "B//2", ""):
        change = lambda c, p=path: c["plate"]["wells"][0].update(path=p)  # noqa: E731
        ome(plate, change, version=version)
        assert f"the path {path!r} in its metadata is none" in refused(plate)


def test_an_image_that_lacks_a_channel_has_another_format(plate, version):
    field = plate / "B/3/1"
    shutil.rmtree(field)
    pixels = ome_writers.images()["B03", "1"]
    ome_writers.write_image(field, pixels[:1], version)
    assert "its channels are DAPI, and those of" in unreadable(plate, "P1.zarr/B03/1")
    ome(field, lambda content: content.pop("omero"), version=version)
    opened = raw_files.open_files(str(plate.parent))
    assert opened.read_format("P1.zarr/B03/1").planes == 1


def test_channels_in_another_order_are_refused(plate, version):
    def change(content):
        content["omero"]["channels"].reverse()

    ome(plate, change, "B/3/1", version)
    found = unreadable(plate, "P1.zarr/B03/1")
    assert found.startswith("its channels are Actin, DAPI, and those of the plate's")


def test_plates_of_other_channels_are_refused(plate, version):
    shutil.copytree(plate, plate.parent / "P2.zarr")
    for place in (plate.parent / "P2.zarr").glob("?/?/?"):
        change = lambda c: c["omero"]["channels"].reverse()  # noqa: E731
        ome(place, change, version=version)
    with pytest.raises(InputError, match="P2.zarr has the channels Actin, DAPI, and"):
        raw_files.open_files(str(plate.parent))


def test_two_plates_of_one_name_are_refused(plate):
    ome_writers.zipped(plate, plate.parent / "P1.ozx")
    with pytest.raises(InputError, match="are plates of one name: rename"):
        raw_files.open_files(str(plate.parent))


def chunks(plate, version):
    folder = plate / "B/2/0/0" / ("c" if version == "0.5" else "")
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name[0] in "0123")


def test_a_truncated_or_changed_chunk_is_told(plate, version):
    chunk = chunks(plate, version)[0]
    data = chunk.read_bytes()
    for damaged in (data[: len(data) // 2], data[:4], b"", b"\xff" * len(data)):
        chunk.write_bytes(damaged)
        assert "chunk" in unreadable(plate)


def test_a_chunk_that_ends_too_soon_is_never_decoded(plate, version):
    """Blosc is not given a chunk's length, and would read on behind its end."""
    chunk = chunks(plate, version)[0]
    data = chunk.read_bytes()
    for length in (len(data) - 1, len(data) // 2, 17):
        chunk.write_bytes(data[:length])
        wanted = f"a truncated or corrupt chunk of {length:,} bytes"
        assert unreadable(plate) == wanted
    chunk.write_bytes(data[:4] + b"\xff\xff\xff\x7f" + data[8:])
    assert "a corrupt chunk that unpacks to 2,147,483,647" in unreadable(plate)


def test_a_chunk_in_a_shard_is_not_decoded_behind_its_end_either(tmp_path):
    plate = ome_writers.write_zarr(
        tmp_path / "raw/P1.zarr", ome_writers.images(), sharded=True
    )
    shard = plate / "B/2/0/0/c/0/0/0"
    data = bytearray(shard.read_bytes())
    data[12:16] = b"\xff\xff\0\0"  # of its first chunk, the bytes that it has
    shard.write_bytes(data)
    assert "a truncated or corrupt chunk of" in unreadable(plate)


def test_a_missing_chunk_is_told_or_filled_where_that_is_meant(plate, version):
    chunk = chunks(plate, version)[0]
    chunk.unlink()
    found = unreadable(plate)
    assert "1 chunk missing, the first B/2/0/0/" in found
    assert "config.screen.ome.absent_chunks to fill" in found
    options = OmeOptions(absent_chunks="fill")
    read = raw_files.open_files(str(plate.parent), options).read_image("P1.zarr/B02/0")
    wanted = ome_writers.images()["B02", "0"].copy()
    wanted[:, :16, :16] = 0
    np.testing.assert_array_equal(np.moveaxis(read, -1, 0), wanted)


def test_a_pipe_in_place_of_a_chunk_is_not_waited_for(plate, version):
    import os

    chunk = chunks(plate, version)[0]
    chunk.unlink()
    os.mkfifo(chunk)
    assert "cannot be read" in unreadable(plate)


@pytest.mark.parametrize(
    "dtype, told",
    (
        ("float32", "levels, not whole numbers of 8 or 16"),
        ("bool", "levels, not whole"),
    ),
)
def test_images_that_are_no_whole_numbers_are_told(plate, version, dtype, told):
    folder = plate / "B/2/0/0"
    data = np.ones((2, 32, 32), dtype)
    shutil.rmtree(folder)
    ome_writers.write_array(folder, data, version, (2, 16, 16))
    assert told in unreadable(plate)


def test_levels_below_0_are_told(plate, version):
    folder = plate / "B/2/0/0"
    shutil.rmtree(folder)
    data = np.full((2, 32, 32), -3, np.int16)
    ome_writers.write_array(folder, data, version, (2, 16, 16))
    assert "levels below 0, the lowest -3" in unreadable(plate)


@pytest.mark.parametrize(
    "change, told",
    (
        ({"shape": [2, 2**20, 2**20]}, "px are the most"),
        ({"shape": [32, 32]}, "a shape [32, 32] that is not of the axes c, y, x"),
        ({"shape": [2, -1, 32]}, "a shape"),
        ({"shape": "x"}, "a shape"),
    ),
)
def test_an_array_that_is_no_image_is_told(plate, version, change, told):
    file = plate / "B/2/0/0" / ARRAY[version]
    ome_writers.edit(file, lambda content: content.update(change))
    assert told in unreadable(plate)


def test_metadata_that_were_cut_short_are_told(plate, version):
    file = plate / "B/2/0/0" / ARRAY[version]
    file.write_text(file.read_text()[:40])
    assert "is no JSON, or was cut short" in unreadable(plate)
    file = plate / "B/2" / ATTRIBUTES[version]
    file.write_text(file.read_text()[:40])
    assert "is no JSON, or was cut short" in refused(plate)


def test_a_damaged_archive_is_told(plate):
    path = ome_writers.zipped(plate, plate.parent / "P1.ozx")
    shutil.rmtree(plate)
    opened = raw_files.open_files(str(path.parent))
    data = bytearray(path.read_bytes())
    middle = data.index(b"B/2/0/0/") + 200
    for at in range(middle, middle + 3000, 7):
        data[at] ^= 255
    path.write_bytes(data)
    with pytest.raises(Unreadable, match="is damaged in P1.ozx"):
        opened.read_image("P1.zarr/B02/0")


def test_without_the_library_it_is_said_what_to_install(plate, monkeypatch):
    monkeypatch.setattr(ome_zarr.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "gandl_jax\[ome\]"'):
        raw_files.open_files(str(plate.parent))


def test_an_unknown_codec_is_told(tmp_path):
    plate = ome_writers.write_zarr(tmp_path / "raw/P1.zarr", ome_writers.images())
    codec = {"name": "of_tomorrow", "configuration": {}}
    change = lambda content: content.update(codecs=[codec])  # noqa: E731
    ome_writers.edit(plate / "B/2/0/0/zarr.json", change)
    assert "of_tomorrow" in unreadable(plate)


def test_the_store_is_read_only(plate):
    import asyncio

    opened = raw_files.open_files(str(plate.parent))
    store = zarr_arrays._Store(opened.plates[0].keys)
    assert json.loads(
        asyncio.run(
            store.get(ATTRIBUTES["0.4"])
            if (plate / ".zattrs").exists()
            else store.get("zarr.json")
        ).to_bytes()
    )
    with pytest.raises(PermissionError):
        asyncio.run(store.delete("zarr.json"))


@pytest.mark.slow
def test_images_are_read_at_the_librarys_rate(tmp_path, version):
    """By CPU time, which others' computing does not change: at least 80 %."""
    pictures = ome_writers.images(side=1024, sites=4)
    plate = ome_writers.write_zarr(tmp_path / "P1.zarr", pictures, version)
    opened = raw_files.open_files(str(tmp_path))

    def ours():
        for well, site in pictures:
            opened.read_image(f"P1.zarr/{well}/{site}")

    def theirs():
        for well, site in pictures:
            place = plate.joinpath(*ome_writers.WELLS[well], site, "0")
            zarr.open_array(str(place), mode="r")[:]

    times = {ours: [], theirs: []}
    for _ in range(7):
        for read, spent in times.items():
            begun = time.process_time()
            read()
            spent.append(time.process_time() - begun)
    assert min(times[theirs]) >= 0.8 * min(times[ours])
