"""Screens of every layout through `prepare` and back: equal pixel by pixel."""

import pathlib

import imagecodecs
import ml_collections
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from gandl_jax import config, config_files
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.raw import screen
from gandl_jax.reading import tiles

H, W = 21, 34  # neither square nor powers of two
SITES = 5
RNG = np.random.default_rng(0)
BITS_16 = RNG.integers(0, 65536, (SITES, H, W, 3)).astype(np.uint16)
BITS_8 = (BITS_16 >> 8).astype(np.uint8)
PIXELS = {8: BITS_8, 16: BITS_16}


def png(path, pixels):
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))


def tiff(path, pixels):
    tifffile.imwrite(path, pixels, photometric="minisblack", compression="lzw")


def pages(path, pixels):
    tiff(path, np.moveaxis(pixels, -1, 0))


def rgb(path, pixels):
    tifffile.imwrite(path, pixels, photometric="rgb")


def pillow(path, pixels):
    Image.fromarray(pixels).save(path)


LAYOUTS = {  # bits, suffix, how a file is written, whether it holds all channels
    "PNG per channel, 8": (8, "png", pillow, False),
    "PNG per channel, 16": (16, "png", pillow, False),
    "TIFF per channel, 8": (8, "tif", tiff, False),
    "TIFF per channel, 16": (16, "tif", tiff, False),
    "pages, 8": (8, "tif", pages, True),
    "pages, 16": (16, "tif", pages, True),
    "RGB PNG, 8": (8, "png", pillow, True),
    "RGB PNG, 16": (16, "png", png, True),
    "RGB TIFF, 8": (8, "tif", rgb, True),
    "RGB TIFF, 16": (16, "tif", rgb, True),
}


def write(folder, layout) -> ml_collections.ConfigDict:
    """Writes the sites, named `images/B02_s1...`; returns a config without a table."""
    bits, suffix, save, whole = LAYOUTS[layout]
    (folder / "images").mkdir(parents=True)
    for i, site in enumerate(PIXELS[bits]):
        name = f"images/b{i + 2}_s1"
        if whole:
            save(folder / f"{name}.{suffix}", site)
        for c in range(0 if whole else 3):
            save(folder / f"{name}_w{c + 1}.{suffix}", site[..., c])
    channel = "" if whole else "_w{channel}"
    c = config.default()
    c.data.update(name="own", source_dir=str(folder), dir=str(folder.parent / "out"))
    c.data.update(records_per_shard=3)
    c.screen.update(name="tiny", metadata="", channels=("dna", "actin", "tubulin"))
    c.screen.file = f"images/{{well}}_s{{site}}{channel}.{suffix}"
    c.screen.columns.update(well="well", site="site")
    return c


def stored(c, channels=()):
    """The well of every record, and its site as the stream gives it."""
    opened = prepared.open_prepared(c.data.dir)
    wells = opened.table["Metadata_Well"]
    return {
        wells[row]: site
        for shard in range(opened.shards)
        for row, site in tiles.sites(opened, shard, channels)
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_stored_is_what_was_written(tmp_path, layout):
    c = write(tmp_path / "raw", layout)
    prepare.run(c, "")
    pixels = PIXELS[LAYOUTS[layout][0]]
    sites = stored(c)
    assert sorted(sites) == [f"B0{i + 2}" for i in range(SITES)]
    for i, site in enumerate(pixels):
        assert sites[f"B0{i + 2}"].dtype == site.dtype
        np.testing.assert_array_equal(sites[f"B0{i + 2}"], site)
    opened = prepared.open_prepared(c.data.dir)
    assert (opened.height_px, opened.width_px) == (H, W)
    for i, name in enumerate(opened.channels):
        got, wanted = opened.statistics[name], np.percentile(pixels[..., i], 99.9)
        assert got["high"] == pytest.approx(wanted)
        assert got["max"] == pixels[..., i].max()


def test_a_column_of_paths_equals_the_names_pattern(tmp_path):
    """Paths may be written in any way: below the source, or absolute where allowed."""
    c = write(tmp_path / "raw", "pages, 16")
    files = sorted((tmp_path / "raw/images").iterdir())
    (tmp_path / "elsewhere").mkdir()
    files[0] = files[0].rename(tmp_path / "elsewhere/first.tif")
    table = pd.DataFrame(
        {"id": list("vwxyz"), "position": [f"B{i + 2}" for i in range(5)]}
    )
    table["path"] = [*map(str, files[:2]), *(f"images/{f.name}" for f in files[2:])]
    table.to_csv(tmp_path / "raw/list.csv", index=False)
    c.screen.update(metadata="list.csv", file="{path}")
    c.screen.columns.update(site_id="id", well="position", site="")
    with pytest.raises(InputError, match="first.tif', which leads out of .*=allow"):
        prepare.run(c, "")
    c.data.outside = "allow"
    prepare.run(c, "")
    sites = stored(c)
    for i, site in enumerate(BITS_16):
        np.testing.assert_array_equal(sites[f"B0{i + 2}"], site)


def test_cells_of_one_site_are_records_of_their_own(tmp_path):
    c = write(tmp_path / "raw", "RGB PNG, 8")
    files = sorted((tmp_path / "raw/images").iterdir())
    table = pd.DataFrame({"site_id": list("aabbb"), "cell": [0, 1, 0, 1, 2]})
    table["path"] = [f"images/{file.name}" for file in files]
    table.to_csv(tmp_path / "raw/metadata.csv", index=False)
    c.screen.update(metadata="metadata.csv", file="{path}")
    c.screen.columns.update(cell="cell", well="", site="")
    prepare.run(c, "")
    opened = prepared.open_prepared(c.data.dir)
    ids = opened.table.set_index("Metadata_Record_ID")["Metadata_Site_ID"]
    assert ids.to_dict() == {"a_0": "a", "a_1": "a", "b_0": "b", "b_1": "b", "b_2": "b"}
    for shard in range(opened.shards):
        for row, site in tiles.sites(opened, shard, ("tubulin",)):
            i = ["a_0", "a_1", "b_0", "b_1", "b_2"].index(ids.index[row])
            np.testing.assert_array_equal(site[..., 0], BITS_8[i, ..., 2])


def test_codes_name_the_channels_in_any_order(tmp_path):
    c = write(tmp_path / "raw", "TIFF per channel, 16")
    c.screen.update(channels=("tubulin", "dna"), channel_codes=("3", "1"))
    prepare.run(c, "")
    for i, site in enumerate(BITS_16):
        np.testing.assert_array_equal(stored(c)[f"B0{i + 2}"], site[..., [2, 0]])


def test_12_bit_data_keep_their_levels_and_are_told(tmp_path, capsys):
    c = write(tmp_path / "raw", "pages, 16")
    for i, file in enumerate(sorted((tmp_path / "raw/images").iterdir())):
        pages(file, BITS_16[i] >> 4)
    prepare.run(c, "")
    assert "use 12 bits (largest level 4095)" in capsys.readouterr().out
    opened = prepared.open_prepared(c.data.dir)
    assert opened.bit_depth == 16
    for i, name in enumerate(opened.channels):
        high = np.percentile(BITS_16[..., i] >> 4, 99.9)
        assert opened.statistics[name]["high"] == pytest.approx(high)
    np.testing.assert_array_equal(stored(c)["B02"], BITS_16[0] >> 4)


def test_bytes_of_prepared_tiffs_do_not_depend_on_when(tmp_path):
    """A shard redone holds the same bytes: its pictures are compressed the same way."""
    c = write(tmp_path / "raw", "pages, 16")
    prepare.run(c, "")
    shard = pathlib.Path(c.data.dir) / "tiny-train.tfrecord-00001-of-00002"
    before = shard.read_bytes()
    shard.unlink()
    prepare.run(c, "")
    assert shard.read_bytes() == before


def test_the_template_describes_a_screen_that_prepares(request, tmp_path):
    """configs/my_screen.py as it stands, with the files and table that it tells of."""
    c = config_files.load(f"{request.config.rootpath.parent}/configs/my_screen.py")
    folder = tmp_path / "raw"
    (folder / "images/P1").mkdir(parents=True)
    rows = []
    for i, drug in enumerate(["DMSO", "Taxol", "Taxol", "new", "DMSO"]):
        rows.append({"plate": "P1", "well": f"A{i + 1}", "site": 1, "compound": drug})
        rows[-1] |= {"site_id": i, "cell_line": "U2OS", "dose_uM": [0, 1, 2, 3, 0][i]}
        for channel, code in enumerate(("DAPI", "FITC", "TRITC")):
            tiff(folder / f"images/P1/A{i + 1}_s1_{code}.tif", BITS_16[i, ..., channel])
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    c.data.update(source_dir=str(folder), dir=str(tmp_path / "out"))
    prepare.run(c, "")
    opened = prepared.open_prepared(c.data.dir)
    roles = opened.table.set_index("Metadata_Well")["Metadata_Role"].sort_index()
    wanted = ["response_0", "response_1", "treated", "treated", "response_0"]
    assert roles.tolist() == wanted and screen.load(c).name == "my_screen"
    np.testing.assert_array_equal(stored(c)["A04"], BITS_16[3])
