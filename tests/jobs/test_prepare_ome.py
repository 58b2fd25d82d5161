"""OME plates are prepared as the same images in TIFFs are, byte for byte."""

import functools
import http.server
import pathlib
import re
import threading

import ome_writers
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.verify import job as verify

FILES = {
    "tiff": "{plate}/{well}_s{site}.tif",
    "zarr": "{plate}.zarr/{well}/{site}",
    "ome": "{plate}.ome/{well}/{site}",
}


def configured(source, target, file, **keys):
    config = configs.default()
    config.data.update(name="own", source_dir=str(source), dir=str(target), crop_px=16)
    config.data.records_per_shard = 4
    config.screen.update(
        name="my_screen", metadata="", file=file, channels=("dapi", "actin")
    )
    config.screen.columns.update(plate="plate", well="well", site="site")
    configs.set_keys(config, keys)
    return config


def prepared(source, target, file, **keys):
    prepare.run(configured(source, target, file, **keys), "")
    return shards(target)


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("my_screen-*")}


@pytest.fixture(scope="module")
def as_tiffs(tmp_path_factory):
    """The shards of plain TIFFs, whatever holds their pixels elsewhere."""
    folder = tmp_path_factory.mktemp("tiffs")
    ome_writers.write_tiffs(folder / "raw", ome_writers.images())
    return prepared(folder / "raw", folder / "out", FILES["tiff"])


@pytest.mark.parametrize("packed", ("folder", "zip"))
@pytest.mark.parametrize("version", ("0.4", "0.5"))
def test_shards_of_a_zarr_plate_are_those_of_tiffs(tmp_path, as_tiffs, version, packed):
    raw = tmp_path / "raw"
    plate = ome_writers.write_zarr(raw / "P1.zarr", ome_writers.images(), version)
    if packed == "zip":
        raw = tmp_path / "packed"
        raw.mkdir()
        ome_writers.zipped(plate, raw / "P1.ozx")
    assert len(as_tiffs) == 2
    assert prepared(raw, tmp_path / "out", FILES["zarr"]) == as_tiffs


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_shards_of_a_plate_at_an_address_are_those_of_tiffs(tmp_path, as_tiffs):
    pytest.importorskip("aiohttp")
    ome_writers.write_zarr(tmp_path / "far/P1.zarr", ome_writers.images())
    handler = functools.partial(_Quiet, directory=str(tmp_path / "far"))
    (tmp_path / "raw").mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/P1.zarr"
        (tmp_path / "raw/plates.txt").write_text(f"{address}\n")
        made = prepared(tmp_path / "raw", tmp_path / "out", FILES["zarr"])
        server.shutdown()
        thread.join()
    assert made == as_tiffs


def test_shards_of_ome_tiffs_are_those_of_tiffs(tmp_path, as_tiffs):
    raw = tmp_path / "raw"
    raw.mkdir()
    for (well, site), pixels in ome_writers.images().items():
        name = raw / f"{well}_{site}.ome.tif"
        ome_writers.write_ome_tiff(name, "P1", [(well, int(site), pixels)])
    assert prepared(raw, tmp_path / "out", FILES["ome"]) == as_tiffs


def test_a_table_beside_the_plate_tells_of_its_wells(tmp_path):
    raw = tmp_path / "raw"
    ome_writers.write_zarr(raw / "P1.zarr", ome_writers.images())
    rows = [
        {
            "site_id": f"{well}-{site}",
            "plate": "P1",
            "well": f"{well[0]}{int(well[1:])}",
        }
        | {"site": site, "drug": "DMSO" if well == "B02" else "taxol"}
        for well, site in ome_writers.images()
    ]
    pd.DataFrame(rows).to_csv(raw / "metadata.csv", index=False)
    config = configured(raw, tmp_path / "out", FILES["zarr"])
    config.screen.metadata = "metadata.csv"
    config.screen.columns.treatment = "drug"
    prepare.run(config, "")  # B2 of the table is B02 of the plate
    assert len(shards(tmp_path / "out")) == 2


def test_another_level_is_another_preparation(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    ome_writers.write_zarr(raw / "P1.zarr", ome_writers.images())
    level = {"screen.ome.pyramid_level": 1}
    half = prepared(raw, out, FILES["zarr"], **level)
    small = {key: pixels[:, ::2, ::2] for key, pixels in ome_writers.images().items()}
    ome_writers.write_tiffs(tmp_path / "small", small)
    assert half == prepared(tmp_path / "small", tmp_path / "o2", FILES["tiff"])
    with pytest.raises(InputError, match="pyramid_level was 1, is 0; choose another"):
        prepare.run(configured(raw, out, FILES["zarr"]), "")
    prepare.run(configured(raw, out, FILES["zarr"], **level), "")
    assert "already prepared" in capsys.readouterr().out


def refused(config):
    with pytest.raises(InputError) as caught:
        prepare.run(config, "")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_wrong_is_one_sentence_and_nothing_is_written(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    plate = ome_writers.write_zarr(raw / "P1.zarr", ome_writers.images())
    config = configured(raw, out, FILES["zarr"])
    chunk = plate / "B/2/1/0/c/0/1/0"
    data = chunk.read_bytes()
    chunk.write_bytes(data[:20])
    told = refused(config)
    assert "1 of 6 images" in told and "P1.zarr/B02/1 (a truncated or corrupt" in told
    chunk.unlink()
    assert "P1.zarr/B02/1 (1 chunk missing, the first B/2/1/0/c/0/1/0;" in refused(
        config
    )
    chunk.write_bytes(data)
    config.screen.channels = ("dapi", "actin", "tubulin")
    assert "has 2 channels, DAPI, Actin, and config.screen.channels" in refused(config)
    config.screen.channels = ("actin", "dapi")
    assert "has them in the order DAPI, Actin: write them in" in refused(config)
    ome_writers.edit(
        plate / "zarr.json", lambda content: content["attributes"].pop("ome")
    )
    config.screen.channels = ("dapi", "actin")
    assert "P1.zarr is a Zarr, and no plate" in refused(config)
    assert not shards(out)


def test_a_plate_is_verified_against_its_store(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    ome_writers.write_zarr(raw / "P1.zarr", ome_writers.images())
    config = configured(raw, out, FILES["zarr"])
    prepare.run(config, "")
    (tmp_path / "work").mkdir()
    verify.run(config, tmp_path / "work")


BLOCKS = re.findall(
    r"^```python\n(.*?)^```",
    (pathlib.Path(__file__).parents[2] / "docs/ome.md").read_text(),
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize("block", BLOCKS, ids=("zarr", "ome"))
def test_the_blocks_of_the_page_describe_such_plates(tmp_path, block):
    raw = tmp_path / "raw"
    if ".zarr" in block:
        ome_writers.write_zarr(raw / "P1.ome.zarr", ome_writers.images())
    else:
        raw.mkdir()
        sites = [(w, int(s), image) for (w, s), image in ome_writers.images().items()]
        ome_writers.write_ome_tiff(raw / "P1.ome.tif", "P1", sites)
    config = configured(raw, tmp_path / "out", "")
    exec(block, {"config": config})
    prepare.run(config, "")
    assert len(shards(tmp_path / "out")) == 2
