"""Whole chains: every config, shrunk by its `smoke` option, from images to report."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import main as program

STAINS = ("nuclei", "er", "actin", "rna", "golgi")
CONTROLS = ("Mock", "Active SARS-CoV-2")


def run_config(request, config, workdir, *arguments):
    root = request.config.rootpath.parent
    return program.main(
        [
            f"--config={root}/configs/{config}.py:smoke",
            f"--workdir={workdir}",
            "--config.train.devices=1",
            *arguments,
        ]
    )


def check_outputs(workdir, dataset, channels):
    """What the design promises of a workdir."""
    steps = {path.name for path in (workdir / "checkpoints").iterdir()}
    assert {"0", "5"} <= steps
    encoders = {path.name for path in (workdir / "profiles" / dataset).glob("*@*")}
    assert encoders == {"gan@0", "gan@5"}
    page = (workdir / "report/index.html").read_text()
    assert "<svg" in page and "data:image/png;base64" in page
    for channel in channels:
        assert (workdir / f"images/00000005_{channel}.png").exists()


def rows_of(workdir, dataset, task):
    content = json.loads((workdir / f"tasks/{dataset}/{task}.json").read_text())
    assert content["skipped"] is None
    return content["rows"]


def test_simulated_screen(run, tmp_path, capsys):
    assert run(tmp_path / "w", "--job=all") == 0
    told = capsys.readouterr().out
    assert "ETA" in told and str(tmp_path / "w" / "report" / "index.html") in told
    check_outputs(
        tmp_path / "w", "simulated", ("nuclei", "er", "actin", "rna", "golgi")
    )
    scores = rows_of(tmp_path / "w", "simulated", "control_classification")
    floors = {"gan@0", "intensity", "plate", "position"}
    assert {row["encoder"] for row in scores} == {"gan@5", *floors}
    assert {row["split"] for row in scores} == {"record", "plate"}
    assert rows_of(tmp_path / "w", "simulated", "dose_response")

    capsys.readouterr()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "w").rglob("*.parquet")}
    assert run(tmp_path / "w", "--job=all") == 0
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "w").rglob("*.parquet")}
    assert before == after, "run again, nothing is repeated"


@pytest.mark.slow
def test_zero_shot(request, tmp_path):
    raw, prepared = f"{tmp_path}/raw", f"{tmp_path}/prepared"
    assert (
        run_config(
            request,
            "demo",
            tmp_path / "demo",
            "--job=prepare,train",
            f"--config.data.source_dir={raw}",
            f"--config.data.dir={prepared}",
        )
        == 0
    )
    assert (
        run_config(
            request,
            "demo_zero_shot",
            tmp_path / "w",
            "--job=all",
            f"--config.embed.checkpoint={tmp_path}/demo",
            f"--config.data.source_dir={raw}_rxrx1",
            f"--config.data.dir={prepared}_rxrx1",
        )
        == 0
    )
    rows = rows_of(tmp_path / "w", "simulated_rxrx1", "cell_model_classification")
    recalls = [r for r in rows if r["encoder"] == "gan@5" and r["metric"] == "recall"]
    assert {row["class"] for row in recalls} == {"HUVEC", "RPE", "HepG2", "U2OS"}
    assert not any(row["encoder_saw_test_images"] for row in recalls)
    assert not (tmp_path / "w" / "checkpoints").exists()


@pytest.mark.real_data
@pytest.mark.slow
def test_bbbc013(request, shared, tmp_path):
    source = f"--config.data.source_dir={shared}/data/bbbc013_rows_a_d"
    prepared = f"--config.data.dir={tmp_path}/prepared"
    words = tmp_path / "w", "--job=all", source, prepared
    assert run_config(request, "bbbc013", *words) == 0
    check_outputs(tmp_path / "w", "bbbc013", ("fkhr_gfp", "dna"))
    curves = rows_of(tmp_path / "w", "bbbc013", "dose_response")
    assert {row["treatment"] for row in curves} == {"Wortmannin"}


def partial_vero(metadata: pathlib.Path, folder: pathlib.Path) -> int:
    """RxRx19a's own VERO metadata, with images for a few wells of each plate."""
    folder.mkdir()
    table = pd.read_csv(metadata, dtype=str, keep_default_na=False)
    table.to_csv(folder / "metadata.csv", index=False)
    untreated = table["treatment"] == ""
    control = untreated & table["disease_condition"].isin(CONTROLS)
    treated = table["treatment"].isin(["GS-441524", "Remdesivir (GS-5734)"])
    rng = np.random.default_rng(0)
    written = 0
    for _, plate in table[control | treated].groupby(["experiment", "plate"]):
        kept = pd.concat(
            [
                plate[plate["disease_condition"] == "Mock"].head(8),
                plate[(plate["treatment"] == "")].tail(8),
                plate[plate["treatment"] != ""],
            ]
        )
        for row in kept.drop_duplicates("site_id").to_dict("records"):
            name = "images/{experiment}/Plate{plate}/{well}_s{site}_w{{}}.png"
            for channel in range(1, 6):
                path = folder / name.format(**row).format(channel)
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.poisson(12, (24, 24)).astype(np.uint8)
                Image.fromarray(pixels).save(path)
            written += 1
    return len(table) - written


@pytest.fixture
def vero(request, shared, tmp_path):
    """Function that runs configs/rxrx19a.py on a few wells; images that are missing."""
    metadata = shared / "data/rxrx19a_published/metadata_vero.csv"
    missing = partial_vero(metadata, tmp_path / "raw")

    def run_vero(*settings):
        return run_config(
            request,
            "rxrx19a",
            tmp_path / "w",
            "--job=all",
            f"--config.data.source_dir={tmp_path}/raw",
            f"--config.data.dir={tmp_path}/prepared",
            *settings,
        )

    return run_vero, 5 * missing


@pytest.mark.real_data
def test_rxrx19a_with_most_images_missing_is_refused(vero, tmp_path, capsys):
    run_vero, missing = vero
    assert run_vero() == 2
    told = capsys.readouterr().err
    assert len(told.strip().splitlines()) == 1 and f"{missing} of" in told
    assert not (tmp_path / "prepared").exists() and not (tmp_path / "w").exists()


@pytest.mark.real_data
@pytest.mark.slow
def test_rxrx19a_without_the_images_that_are_missing(vero, tmp_path):
    run_vero, _ = vero
    assert run_vero("--config.data.missing=skip") == 0
    check_outputs(tmp_path / "w", "rxrx19a", STAINS)
    scores = rows_of(tmp_path / "w", "rxrx19a", "control_classification")
    assert {row["group"] for row in scores} == {"VERO"}
    curves = rows_of(tmp_path / "w", "rxrx19a", "dose_response")
    assert {row["treatment"] for row in curves} == {
        "GS-441524",
        "Remdesivir (GS-5734)",
    }
