"""Every real set through the program with its own config, shrunk by `smoke`."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from gandl_jax import main as program
from gandl_jax.profiles import store

ENCODERS = "gan@0", "gan@5", "intensity"


def run(request, config, source, folder, dataset) -> dict[str, dict]:
    """Runs all jobs; returns each task's file after checking the profiles."""
    root = request.config.rootpath.parent
    arguments = [
        f"--config={root}/configs/{config}.py:smoke",
        f"--workdir={folder}/w",
        f"--config.data.source_dir={source}",
        f"--config.data.dir={folder}/prepared",
        "--config.train.devices=1",
        "--job=all",
    ]
    assert program.main(arguments) == 0
    records = pd.read_parquet(folder / "prepared/records.parquet")
    for encoder in ENCODERS:
        check_profile(folder / "w/profiles" / dataset / encoder, records)
    assert (folder / "w/report/index.html").exists()
    files = (folder / "w/tasks" / dataset).glob("*.json")
    return {file.stem: json.loads(file.read_text()) for file in files}


def check_profile(folder: pathlib.Path, records: pd.DataFrame) -> None:
    """Every record once, and features that are finite and tell records apart."""
    assert store.is_complete(folder)
    table = pd.read_parquet(folder)
    ids = "Metadata_Record_ID"
    assert sorted(table[ids]) == sorted(records[ids])
    features = table[[name for name in table if "__" in name]].to_numpy()
    assert np.isfinite(features).all()
    assert len(table) == 1 or len(np.unique(features, axis=0)) > 1


def done(tasks: dict[str, dict]) -> set[str]:
    """The tasks that gave rows; the others must say why they did not."""
    for name, content in tasks.items():
        assert content["rows"] or content["skipped"], name
    return {name for name, content in tasks.items() if content["rows"]}


def labels_of(tasks: dict[str, dict]) -> set[str]:
    """The classes of the label task's rows."""
    return {c for row in tasks["label_classification"]["rows"] for c in row["classes"]}


def some_cells(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Six cells of each well of BBBC021, with their metadata."""
    table = pd.read_csv(source / "metadata.csv", dtype=str, keep_default_na=False)
    table = table.groupby("well_id").head(6)
    for file in table["file"]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes((source / file).read_bytes())
    table.to_csv(folder / "metadata.csv", index=False)
    return folder


def corners(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The upper left 90 x 122 pixels of every TIFF of a folder."""
    folder.mkdir()
    for file in source.glob("*.tif"):
        tifffile.imwrite(folder / file.name, tifffile.imread(file)[:90, :122])
    return folder


def digits(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The first 300 of MNIST's digits as PNGs."""
    (folder / "digits").mkdir(parents=True)
    with np.load(source) as arrays:
        images, classes = arrays["train_x"][:300], arrays["train_y"][:300]
    for number, (image, digit) in enumerate(zip(images, classes, strict=True)):
        Image.fromarray(image).save(folder / f"digits/{digit}_{number}.png")
    return folder


@pytest.mark.real_data
@pytest.mark.slow
def test_bbbc021_cells_cut_down(request, shared, tmp_path):
    source = some_cells(shared / "data/bbbc021_cells", tmp_path / "raw")
    tasks = run(request, "bbbc021_cells", source, tmp_path, "bbbc021_cells")
    assert labels_of(tasks) == {"5.0", "15.0", "50.0"}
    assert "control_classification" not in done(tasks)  # there is one control


@pytest.mark.real_data
@pytest.mark.slow
def test_corners_of_nf1_schwann(request, shared, tmp_path):
    """Without a table, and with fewer sites than a batch."""
    source = corners(shared / "data/nf1_schwann_3ch", tmp_path / "raw")
    tasks = run(request, "nf1_schwann", source, tmp_path, "nf1_schwann")
    assert "dose_response" not in done(tasks)
    table = pd.read_parquet(tmp_path / "w/profiles/nf1_schwann/intensity")
    roles = table.set_index("Metadata_Well")["Metadata_Role"].to_dict()
    null = dict.fromkeys(("B07", "D07", "F07", "H12"), "response_0")
    assert roles == null | {"D06": "response_1"}


@pytest.mark.real_data
@pytest.mark.slow
def test_bbbc021_fields(request, shared, tmp_path):
    source = shared / "data/bbbc021_fields"
    tasks = run(request, "bbbc021_fields", source, tmp_path, "bbbc021_fields")
    assert len(labels_of(tasks)) == 6
    assert "control_classification" not in done(tasks)


@pytest.mark.real_data
@pytest.mark.slow
def test_bbbc021_cells(request, shared, tmp_path):
    source = shared / "data/bbbc021_cells"
    tasks = run(request, "bbbc021_cells", source, tmp_path, "bbbc021_cells")
    assert labels_of(tasks) == {"5.0", "15.0", "50.0"}


@pytest.mark.real_data
@pytest.mark.slow
def test_hpa_cells(request, shared, tmp_path):
    """No wells, plates or treatments: only the label is left to judge by."""
    tasks = run(request, "hpa_cells", shared / "data/hpa_cells", tmp_path, "hpa_cells")
    assert {"Cytosol", "Nucleoplasm", "Mitochondria"} < labels_of(tasks)
    rows = tasks["label_classification"]["rows"]
    assert {row["split"] for row in rows} == {"collage"}
    assert not done(tasks) & {"control_classification", "dose_response"}


@pytest.mark.real_data
@pytest.mark.slow
def test_cell_painting(request, shared, tmp_path):
    """One site: there is nothing to judge, and the program says so and ends well."""
    source = shared / "data/cell_painting_5ch"
    tasks = run(request, "cell_painting", source, tmp_path, "cell_painting")
    assert not done(tasks) - {"well_map"}


@pytest.mark.real_data
@pytest.mark.slow
def test_nf1_schwann(request, shared, tmp_path):
    source = shared / "data/nf1_schwann_3ch"
    tasks = run(request, "nf1_schwann", source, tmp_path, "nf1_schwann")
    assert "dose_response" not in done(tasks)


@pytest.mark.real_data
@pytest.mark.slow
def test_mnist(request, shared, tmp_path):
    source = digits(shared / "data/mnist.npz", tmp_path / "raw")
    tasks = run(request, "mnist", source, tmp_path, "mnist")
    assert labels_of(tasks) == set("0123456789")
