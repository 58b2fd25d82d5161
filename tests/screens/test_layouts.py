"""Layouts of instruments: docs/layouts.md as it stands, on files of those names."""

import re

import numpy as np
import pandas as pd
import pytest
import tifffile

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.reading import tiles

PX = 16
CHANNELS = "dna", "actin"
PLACES = [(p, w, s) for p in ("P1", "P2") for w in ("B02", "H12") for s in (1, 2)]
RNG = np.random.default_rng(0)
NUMBER = {"B02": 14, "H12": 96}  # along the rows of 96 wells
ROW_COLUMN = {"B02": "r02c02", "H12": "r08c12"}


def uuid():
    """As ImageXpress writes: often a digit first."""
    text = RNG.bytes(16).hex().upper()
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


def image_xpress(plate, well, site, c):
    return f"{plate}/TimePoint_1/{plate}_{well}_s{site}_w{c + 1}{uuid()}.tif"


def in_cell(plate, well, site, c):
    name = ("UV - DAPI", "Blue - FITC")[c]
    return f"{plate}/{well[0]} - {well[1:]}(fld {site} wv {name}).tif"


def scan_r(plate, well, site, c):
    name = ("DAPI", "FITC")[c]
    place = f"--W{NUMBER[well]:05}--P{site:05}--Z00000--T00000"
    return f"{plate}/data/{place}--{name}.tif"


def cv8000(plate, well, site, c):
    place = f"F{site:03}L01A{c + 1:02}Z01C{c + 1:02}"
    return f"{plate}/AssayPlate_Greiner_#655090_{well}_T0001{place}.tif"


def cv1000(plate, well, site, c):
    return f"{plate}/Image/W{NUMBER[well]}F{site:03}T0001Z01C{c + 1}.tif"


def phenix(plate, well, site, c):
    name = f"{ROW_COLUMN[well]}f{site:02}p01-ch{c + 1}sk1fk1fl1.tiff"
    return f"{plate}__2024-05-13T10_11_12-Measurement 1/Images/{name}"


def cellomics(plate, well, site, c):
    return f"MFGTMPcx7_{plate}_{well}f{site:02}d{c}.TIF"


LAYOUTS = {  # heading: what names its files, and their dtype
    "ImageXpress": (image_xpress, np.uint16),
    "INCell": (in_cell, np.uint16),
    "ScanR": (scan_r, np.int16),
    "Yokogawa CV7000 and CV8000": (cv8000, np.uint16),
    "CellVoyager CV1000 and CQ1": (cv1000, np.uint16),
    "Opera Phenix and Operetta": (phenix, np.uint16),
    "Cellomics ArrayScan and CellInsight": (cellomics, np.uint16),
    "CellProfiler's and JUMP's load_data": (phenix, np.uint16),
}


@pytest.fixture
def described(request, tmp_path):
    """Function that gives the config of a heading of docs/layouts.md."""
    text = (request.config.rootpath.parent / "docs/layouts.md").read_text()
    blocks = dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", text, re.M | re.S))
    assert blocks.keys() == LAYOUTS.keys()

    def describe(heading):
        config = configs.default()
        folders = {"source_dir": str(tmp_path / "raw"), "dir": str(tmp_path / "out")}
        config.data.update(name="own", workers=1, **folders)
        config.screen.name = "mine"
        exec(blocks[heading], {"config": config})
        return config

    return describe


def write(folder, named, dtype):
    """Writes all images; gives pixels by (plate, well, site) and names beside them."""
    pixels, names = {}, {}
    for place in PLACES:
        pixels[place] = RNG.integers(0, 4096, (PX, PX, 2)).astype(dtype)
        names[place] = [named(*place, c) for c in range(2)]
        for c, name in enumerate(names[place]):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / name, pixels[place][..., c])
    return pixels, names


@pytest.mark.parametrize("heading", LAYOUTS)
def test_what_the_page_says_reads_files_of_those_names(heading, described, tmp_path):
    named, dtype = LAYOUTS[heading]
    config, folder = described(heading), tmp_path / "raw"
    pixels, names = write(folder, named, dtype)
    if named is image_xpress:
        for name in sum(names.values(), []):
            thumb = re.sub(r"(_w\d).*", rf"\1_thumb{uuid()}.tif", name)
            tifffile.imwrite(folder / thumb, np.zeros((4, 4), np.uint16))
    if config.screen.metadata:
        load_data(names).to_csv(folder / config.screen.metadata, index=False)
    prepare.run(config, "")
    check_stored(config, pixels)


def load_data(names):
    """A table as JUMP's, with the folders of another machine."""
    rows = []
    for (plate, well, site), paths in names.items():
        place = {"Plate": plate, "Well": well, "Site": site}
        rows.append({f"Metadata_{key}": value for key, value in place.items()})
        for stain, path in zip(("DNA", "AGP"), paths, strict=True):
            rows[-1][f"FileName_Orig{stain}"] = path.rpartition("/")[2]
            rows[-1][f"PathName_Orig{stain}"] = f"/home/ubuntu/bucket/{plate}/Images/"
    return pd.DataFrame(rows)


def check_stored(config, pixels):
    opened = prepared.open_prepared(config.data.dir)
    table = opened.table[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]]
    assert opened.channels == CHANNELS and len(table) == len(pixels)
    for shard in range(opened.shards):
        for row, site in tiles.sites(opened, shard, CHANNELS):
            plate, well, number = table.iloc[row]
            np.testing.assert_array_equal(site, pixels[plate, well, int(number)])


def test_folders_of_the_table_where_they_are_right(described, tmp_path):
    """A slash at a folder's end is no other folder; absolute ones lie within."""
    config, folder = described("CellProfiler's and JUMP's load_data"), tmp_path / "raw"
    pixels, names = write(folder, phenix, np.uint16)
    table = load_data(names)
    for stain, c in (("DNA", 0), ("AGP", 1)):
        paths = [paths[c].rpartition("/")[0] + "/" for paths in names.values()]
        paths[::2] = [f"{folder}/{path}" for path in paths[::2]]
        paths[1] = f"./{paths[1]}"
        table[f"PathName_Orig{stain}"] = paths
    table.to_csv(folder / "load_data.csv", index=False)
    config.screen.file = "{PathName_{channel}}/{FileName_{channel}}"
    prepare.run(config, "")
    check_stored(config, pixels)


def test_a_table_beside_names_that_vary(described, tmp_path, capsys):
    """ImageXpress with a table that writes wells in another way, A1 for A01."""
    config, folder = described("ImageXpress"), tmp_path / "raw"
    pixels, _ = write(folder, image_xpress, np.uint16)
    rows = [dict(p=p, w=w.replace("B02", "B2"), s=s, id=i) for i, (p, w, s) in
            enumerate(PLACES)]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    file = "{p}/TimePoint_1/{p}_{w}_s{s}_w{channel}*.tif"
    config.screen.update(metadata="metadata.csv", file=file)
    config.screen.columns.update(site_id="id", plate="p", well="w", site="s")
    prepare.run(config, "")
    check_stored(config, pixels)
    assert "8 images are spelled otherwise" in capsys.readouterr().out


def test_a_field_for_what_differs_in_each_file_is_told_of(described, tmp_path):
    config = described("ImageXpress")
    write(tmp_path / "raw", image_xpress, np.uint16)
    config.screen.file = "{plate}/TimePoint_1/{plate}_{well}_s{site}_w{channel}{id}.tif"
    with pytest.raises(InputError, match=r"no record .* write \* in place of what"):
        prepare.run(config, "")


def test_two_files_that_fit_are_named_and_none_is_taken(described, tmp_path):
    config, folder = described("ImageXpress"), tmp_path / "raw"
    _, names = write(folder, image_xpress, np.uint16)
    first = names[PLACES[0]][0]
    again = re.sub(r"_w1.*", "_w1again.tif", first)
    (folder / again).write_bytes((folder / first).read_bytes())
    with pytest.raises(InputError, match="again.tif both fit P1/.*ignored_files"):
        prepare.run(config, "")
    config.screen.ignored_files = ("*again*",)
    prepare.run(config, "")
