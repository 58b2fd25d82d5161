"""From a folder to a config: it says what is there, and the jobs run by it."""

import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from init_job import init, loaded
from PIL import Image

from gandl_jax import main as program
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.raw import screen

WELLS = ("A01", "A02", "B01", "B02")


def write(path, side=32, bits=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = abs(hash(str(path.name))) % 2**32
    levels = np.random.default_rng(seed).integers(0, 200, (side, side))
    Image.fromarray(levels.astype({8: np.uint8, 16: np.uint16}[bits])).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two plates of four wells, two sites and two channels, with a table."""
    rows = []
    for plate in "12":
        for well in WELLS:
            for site in "12":
                stem = f"images/P{plate}/{well}_s{site}"
                for channel in ("DAPI", "GFP"):
                    write(tmp_path / "raw" / f"{stem}_{channel}.tif", bits=16)
                row = {"plate": f"P{plate}", "well": well, "field": site}
                row["compound"] = {"A01": "DMSO", "A02": "taxol"}.get(well, "x")
                row["dose_uM"] = "" if well == "A01" else "1.5"
                rows.append(row)
    pd.DataFrame(rows).to_csv(tmp_path / "raw/layout.csv", index=False)
    return tmp_path / "raw"


def test_a_table_and_names_become_a_config_that_prepares(folder, tmp_path, capsys):
    target = tmp_path / "my_screen.py"
    assert init(folder, target) == 0
    told = capsys.readouterr().out
    assert f"next: python -m gandl_jax.main --config={target}:smoke --job=all" in told
    config = loaded(target, tmp_path)
    assert config.screen.file == "images/{plate}/{well}_s{field}_{channel}.tif"
    assert config.screen.metadata == "layout.csv"
    assert config.screen.channels == ("dapi", "gfp")
    assert config.screen.channel_codes == ("DAPI", "GFP")
    assert config.screen.key == ("plate", "well", "field")
    assert config.screen.columns.treatment == "compound"
    assert config.screen.response_0 == "compound=DMSO" and not config.screen.response_1
    assert config.evaluate.nuclei == "dapi"
    assert config.evaluate.splits == ("record", "plate")
    prepare.run(config, tmp_path)
    opened = prepared.open_prepared(config.data.dir)
    assert opened.records == 16 and opened.bit_depth == 16
    roles = screen.table(screen.load(config), prepared.read_source_table(opened))
    assert roles["Metadata_Role"].value_counts()["response_0"] == 4
    picture = np.asarray(Image.open(tmp_path / "my_screen.png"))
    assert picture.std() > 10


def test_names_alone_become_a_config_that_prepares(folder, tmp_path):
    (folder / "layout.csv").unlink()
    target = tmp_path / "my_screen.py"
    assert init(folder, target) == 0
    config = loaded(target, tmp_path)
    assert config.screen.metadata == ""
    assert config.screen.file == "images/P{plate}/{well}_s{site}_{channel}.tif"
    assert "Could not be told:\n" in target.read_text()
    prepare.run(config, tmp_path)
    opened = prepared.open_prepared(config.data.dir)
    assert sorted(set(opened.table["Metadata_Well"])) == list(WELLS)


def test_an_archive_is_read_as_it_is(folder, tmp_path):
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "screen.zip", "w") as archive:
        for path in folder.rglob("*.*"):
            archive.write(path, path.relative_to(folder.parent))
    target = tmp_path / "my_screen.py"
    assert init(packed, target) == 0
    config = loaded(target, tmp_path)
    assert config.screen.file == "images/{plate}/{well}_s{field}_{channel}.tif"


def test_a_column_for_each_channel_is_known(folder, tmp_path):
    table = pd.read_csv(folder / "layout.csv", dtype=str)
    for name, code in {"FileName_OrigDNA": "DAPI", "FileName_OrigER": "GFP"}.items():
        table[name] = table["well"] + "_s" + table["field"] + f"_{code}.tif"
    table.to_csv(folder / "layout.csv", index=False)
    target = tmp_path / "my_screen.py"
    assert init(folder, target) == 0
    config = loaded(target, tmp_path)
    assert config.screen.file == "images/{plate}/{FileName_Orig{channel}}"
    assert config.screen.channel_codes == ("DNA", "ER")


def test_a_column_of_paths_goes_before_names(tmp_path, folder):
    rows = [
        {"path": f"cells/{i}.png", "class": "ab"[i % 2], "donor": str(i % 3)}
        for i in range(12)
    ]
    for row in rows:
        write(tmp_path / "cells" / row["path"])
    pd.DataFrame(rows).to_csv(tmp_path / "cells/metadata.csv", index=False)
    target = tmp_path / "cells.py"
    assert init(tmp_path / "cells", target) == 0
    config = loaded(target, tmp_path)
    assert config.screen.file == "{path}" and config.screen.key == ("path",)
    assert config.evaluate.label_classification.label == "Class"
    assert config.evaluate.label_classification.splits == ("donor",)
    assert config.model.input_px == 64 and config.data.crop_px == 32


def test_images_that_lack_are_counted(folder, tmp_path):
    (folder / "images/P1/A01_s1_GFP.tif").unlink()
    target = tmp_path / "my_screen.py"
    assert init(folder, target) == 0
    assert loaded(target, tmp_path).data.missing == "skip"
    assert "1 of 16 rows have no images" in target.read_text()


def test_nothing_is_overwritten(folder, tmp_path, capsys):
    for name in ("my_screen.py", "my_screen.png"):
        (tmp_path / name).write_text("mine")
        assert init(folder, tmp_path / "my_screen.py") == 2
        assert f"{name} is there already: name another" in capsys.readouterr().err
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()


def test_what_is_no_screen_is_refused_and_nothing_written(folder, tmp_path, capsys):
    many, none, bad = (tmp_path / name for name in ("many", "none", "bad"))
    for name in "ab":
        write(many / name / "x.png")
        (many / name / "metadata.csv").write_text("file\nx.png\n")
    none.mkdir()
    (none / "notes.txt").touch()
    (bad / "x").mkdir(parents=True)
    (bad / "x/a.png").write_bytes(b"no image")
    cases = {
        many: "holds several screens, each with a table: name one, as in .*many/a",
        none: "holds no PNG or TIFF, but files with .txt",
        tmp_path / "nowhere": "there is no folder",
        bad: "no image in .*bad can be read: x/a.png .neither a PNG nor a TIFF",
    }
    target = tmp_path / "my_screen.py"
    for source, words in cases.items():
        assert init(source, target) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert re.search(words, error), error
        assert not target.exists()


def test_it_runs_alone(folder, tmp_path, capsys):
    code = program.main(
        [
            "--job=init,prepare",
            f"--config.data.source_dir={folder}",
            f"--config={tmp_path}/a.py",
        ]
    )
    told = capsys.readouterr().err
    assert code == 2 and "writes the config that the others read" in told
