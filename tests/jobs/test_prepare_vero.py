"""RxRx19a's own table of the VERO sites, with small simulated images, end to end.

Images are drawn as numbers first; files, shards and streams are held against these.
"""

import collections
import csv
import hashlib
import json
import pathlib
import struct
import types
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
import tensorflow_datasets as tfds

from gandl_jax import main as program
from gandl_jax.prepared import prepared
from gandl_jax.reading import stream, tiles

pytestmark = pytest.mark.real_data

SIZE = 32
CHANNELS = "nuclei", "er", "actin", "rna", "golgi"
BRIGHT = {  # what a condition adds to every pixel, in grey levels
    "Mock": 40,
    "Active SARS-CoV-2": 70,
    "UV Inactivated SARS-CoV-2": 100,
    "": 130,
}
ROLES = {  # by condition, and whether there is a treatment
    ("Active SARS-CoV-2", True): "treated",
    ("Active SARS-CoV-2", False): "response_0",
    ("Mock", False): "response_1",
    ("UV Inactivated SARS-CoV-2", False): "other",
    ("", False): "other",
}
NOISE = 24  # levels


def published(shared, one_in: int) -> pd.DataFrame:
    """The sites of one well in so many, all of its plates alike."""
    path = shared / "data/rxrx19a_published/metadata_vero.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    wells = sorted(table["well"].unique())[::one_in]
    return table[table["well"].isin(wells)].reset_index(drop=True)


def draw(table: pd.DataFrame) -> np.ndarray:
    """[N, 5, SIZE, SIZE] uint8: noise, the condition's light, a blob a channel."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, NOISE, (len(table), 5, SIZE, SIZE), np.uint8)
    light = table["disease_condition"].map(BRIGHT).to_numpy(np.uint8)
    pixels += light[:, None, None, None]
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    for channel in range(5):
        blob = y**2 + x**2 < (4 + channel) ** 2
        pixels[:, channel] += blob * np.uint8(10 * channel + 20)
    return pixels


def png(pixels: np.ndarray) -> bytes:
    """A grey PNG, written by hand: 100,000 are wanted (PNG, section 5)."""
    rows = np.pad(pixels, ((0, 0), (1, 0))).tobytes()  # each with filter 0
    header = struct.pack(">IIBBBBB", *pixels.shape[::-1], 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def paths(table: pd.DataFrame) -> list[list[str]]:
    """The five images of each site, as Recursion's page writes them."""
    return [
        [
            f"images/{row.experiment}/Plate{row.plate}/{row.well}_s{row.site}_w{w}.png"
            for w in range(1, 6)
        ]
        for row in table.itertuples()
    ]


def write_loose(folder: pathlib.Path, table: pd.DataFrame, pixels: np.ndarray) -> None:
    for folder_name in {pathlib.Path(path).parent for path, *_ in paths(table)}:
        (folder / folder_name).mkdir(parents=True)
    for names, site in zip(paths(table), pixels, strict=True):
        for name, image in zip(names, site, strict=True):
            (folder / name).write_bytes(png(image))
    table.to_csv(folder / "metadata.csv", index=False)


def write_archives(
    folder: pathlib.Path, table: pd.DataFrame, pixels: np.ndarray
) -> None:
    """The two archives under the names and the top folder of the publisher's."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "RxRx19a-images.zip", "w") as archive:
        for names, site in zip(paths(table), pixels, strict=True):
            for name, image in zip(names, site, strict=True):
                archive.writestr(f"RxRx19a/{name}", png(image))
    with zipfile.ZipFile(folder / "RxRx19a-metadata.zip", "w") as archive:
        archive.writestr("RxRx19a/metadata.csv", table.to_csv(index=False))


@pytest.fixture(
    scope="module",
    params=[40, pytest.param(1, marks=pytest.mark.slow)],
    ids="1/{}".format,
)
def vero(request, shared, tmp_path_factory):
    """The drawn screen, as loose files, prepared and verified."""
    table, folder = published(shared, request.param), tmp_path_factory.mktemp("vero")
    pixels = draw(table)
    write_loose(folder / "loose", table, pixels)
    made = types.SimpleNamespace(table=table, pixels=pixels, folder=folder)
    made.run = run = lambda raw: prepare_and_verify(request, folder / raw)
    made.opened = run("loose")
    # every site [SIZE, SIZE, 5], by its name
    made.sites = dict(zip(table["site_id"], np.moveaxis(pixels, 1, -1), strict=True))
    return made


def prepare_and_verify(request, raw: pathlib.Path) -> prepared.Prepared:
    root = request.config.rootpath.parent
    arguments = [
        f"--config={root}/configs/rxrx19a.py",
        f"--workdir={raw}-run",
        f"--config.data.source_dir={raw}",
        f"--config.data.dir={raw}-out",
        f"--config.data.crop_px={SIZE}",
        "--job=prepare,verify",
    ]
    assert program.main(arguments) == 0
    with open(f"{raw}-run/verify.csv") as file:
        assert file.read() == "shard,record,name,what\n"
    return prepared.open_prepared(f"{raw}-out")


def test_counts_are_those_of_the_table(vero):
    """The oracle reads the CSV with Python's own reader, line by line."""
    with open(vero.folder / "loose/metadata.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    manifest = json.loads((vero.folder / "loose-out/screen.json").read_text())[
        "manifest"
    ]
    plates = collections.Counter(f"{r['experiment']}/{r['plate']}" for r in rows)
    conditions = collections.Counter(r["disease_condition"] for r in rows)
    assert manifest["records_per_plate"] == plates and len(plates) == 4
    assert manifest["records_per_condition"] == conditions
    assert set(conditions) == set(BRIGHT)
    assert manifest["records_per_channel"] == dict.fromkeys(CHANNELS, len(rows))
    roles = {r["site_id"]: (r["disease_condition"], bool(r["treatment"])) for r in rows}
    found = vero.opened.table.set_index("Metadata_Record_ID")["Metadata_Role"]
    assert found.to_dict() == {site: ROLES[role] for site, role in roles.items()}


def test_every_site_is_read_once_as_it_was_drawn(vero):
    names, light = vero.opened.table["Metadata_Record_ID"].tolist(), {}
    for shard in range(vero.opened.shards):
        for row, site in tiles.sites(vero.opened, shard, ()):
            np.testing.assert_array_equal(site, vero.sites[names[row]])
            assert row not in light
            light[row] = site.mean()
    assert sorted(light) == list(range(len(vero.table)))
    means = pd.Series(light).groupby(vero.opened.table["Metadata_Condition"]).mean()
    for condition, bright in BRIGHT.items():  # of the noise of 5,120 pixels each
        assert means[condition] - means["Mock"] == pytest.approx(bright - 40, abs=0.2)


def test_tiles_have_the_means_of_what_was_drawn(vero):
    flat = np.moveaxis(vero.pixels, 1, -1).reshape(-1, 5)
    low, high = np.percentile(flat, [0.1, 99.9], axis=0)
    found = {}
    for shard in range(vero.opened.shards):
        for batch in tiles.tile_batches(
            vero.opened,
            shard,
            channels=(),
            scaling="dataset",
            illumination="none",
            crop_px=SIZE,
            batch=64,
        ):
            rows = batch["record"][batch["mask"]].tolist()
            assert not found.keys() & set(rows)
            found |= zip(rows, batch["images"].mean((1, 2)), strict=False)
    assert sorted(found) == list(range(len(vero.table)))
    for row, name in enumerate(vero.opened.table["Metadata_Record_ID"]):
        levels = np.clip(vero.sites[name], low, high)
        wanted = ((levels - low) / (high - low) * 2 - 1).mean((0, 1))
        np.testing.assert_allclose(found[row], wanted, atol=1e-5)


def test_an_epoch_of_training_has_every_site_once(vero):
    """Crops as large as the sites, neither mirrored nor turned: sites as drawn."""
    low, high = (
        np.array([vero.opened.statistics[channel][end] for channel in CHANNELS])
        for end in ("low", "high")
    )
    seen, count = collections.Counter(), len(vero.table)
    batches = stream.train_batches(
        vero.opened,
        channels=(),
        scaling="dataset",
        illumination="none",
        crop_px=SIZE,
        batch=32,
        seed=0,
        first_step=0,
        flips=False,
        rotations=False,
    )
    while seen.total() < count:
        images = next(batches)["images"][: count - seen.total()]
        seen.update(map(fingerprint, low + (images + 1) / 2 * (high - low)))
    drawn = (np.clip(site, low, high) for site in vero.sites.values())
    assert seen == collections.Counter(map(fingerprint, drawn))


def fingerprint(levels: np.ndarray) -> bytes:
    return np.round(levels).astype(np.uint8).tobytes()


def test_tfds_loads_it_alone(vero):
    builder = tfds.builder_from_directory(str(vero.folder / "loose-out"))
    assert builder.info.splits["train"].num_examples == len(vero.table)
    rows = vero.table.set_index("site_id").to_dict("index")
    for example in tfds.as_numpy(builder.as_dataset(split="train")):
        name = example["site_id"].decode()
        for column, text in rows.pop(name).items():
            assert example[column].decode() == text
        planes = [example["images"][channel][..., 0] for channel in CHANNELS]
        np.testing.assert_array_equal(np.stack(planes, -1), vero.sites[name])
    assert not rows


def test_the_published_archives_give_the_same(vero):
    write_archives(vero.folder / "archives", vero.table, vero.pixels)
    vero.run("archives")
    one, other = (digests(vero.folder / f"{raw}-out") for raw in ("loose", "archives"))
    assert one == other and len(one) > 4


def digests(folder: pathlib.Path) -> dict[str, str]:
    """SHA-256 of all that was prepared but the two files that name the source."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name not in ("plan.json", "screen.json")
    }
