"""Init names OME plates, and its config prepares them."""

import ome_writers
import pandas as pd
import pytest
from init_job import init, loaded

from gandl_jax.jobs import prepare
from gandl_jax.raw import screen


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


def plates(raw, version="0.5"):
    for name in ("P1", "P2"):
        ome_writers.write_zarr(raw / f"{name}.ome.zarr", ome_writers.images(), version)


@pytest.mark.parametrize("version", ("0.4", "0.5"))
def test_zarr_plates_become_a_config_that_prepares(raw, tmp_path, capsys, version):
    plates(raw, version)
    target = tmp_path / "my_screen.py"
    assert init(raw, target) == 0
    told = capsys.readouterr().out
    assert "12 records, 6 wells, 2 plates" in told and "2 channels: dapi, actin" in told
    assert "names are as those of OME-Zarr" in told
    assert (tmp_path / "my_screen.png").exists()
    config = loaded(target, tmp_path)
    assert config.screen.file == "{plate}.zarr/{well}/{site}"
    assert config.evaluate.nuclei == "dapi"
    prepare.run(config, "")
    table = screen.read_metadata(screen.load(config), str(raw))
    assert table["plate"].tolist() == ["P1"] * 6 + ["P2"] * 6


def test_a_table_is_joined_to_the_plates_wells(raw, tmp_path, capsys):
    plates(raw)
    rows = [
        {"plate": plate, "well": well, "compound": "DMSO" if well == "B02" else "x"}
        | {"site": site}
        for plate in ("P1", "P2")
        for well, site in ome_writers.images()
    ]
    pd.DataFrame(rows).to_csv(raw / "layout.csv", index=False)
    assert init(raw, tmp_path / "my_screen.py") == 0
    assert "4 response_0" in capsys.readouterr().out
    config = loaded(tmp_path / "my_screen.py", tmp_path)
    assert config.screen.metadata == "layout.csv"
    assert config.screen.file == "{plate}.zarr/{well}/{site}"
    assert config.screen.key == ("plate", "well", "site")


def test_plates_in_folders_below_are_of_experiments(raw, tmp_path):
    plates(raw / "day1")
    (raw / "plates.txt").write_text("day1/P1.ome.zarr\nday1/P2.ome.zarr\n")
    assert init(raw, tmp_path / "my_screen.py") == 0
    config = loaded(tmp_path / "my_screen.py", tmp_path)
    assert config.screen.file == "{experiment}/{plate}.zarr/{well}/{site}"


def test_ome_tiffs_become_a_config_too(raw, tmp_path, capsys):
    raw.mkdir()
    for (well, site), pixels in ome_writers.images().items():
        name = raw / f"x_{well}_{site}.ome.tif"
        ome_writers.write_ome_tiff(name, "P1", [(well, int(site), pixels)])
    assert init(raw, tmp_path / "my_screen.py") == 0
    assert "names are as those of OME-TIFF" in capsys.readouterr().out
    config = loaded(tmp_path / "my_screen.py", tmp_path)
    assert config.screen.file == "{plate}.ome/{well}/{site}"
    assert config.screen.channels == ("dapi", "actin")


def test_a_zarr_that_is_no_plate_is_refused(raw, tmp_path, capsys):
    ome_writers.write_image(raw / "a.zarr", ome_writers.images()["B02", "0"], "0.5")
    assert init(raw, tmp_path / "my_screen.py") == 2
    assert "a.zarr is an OME-Zarr image, and no plate" in capsys.readouterr().err
    assert not (tmp_path / "my_screen.py").exists()


def test_an_address_goes_into_a_list(tmp_path, capsys):
    assert init("https://somewhere/P1.zarr", tmp_path / "my_screen.py") == 2
    told = capsys.readouterr().err
    assert "is an address that cannot be opened" in told and "plates.txt" in told
