"""Tiny raw screens with known pixels, and what `prepare` makes of them."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.raw import screen


@pytest.fixture(scope="session")
def make_screen():
    """Function that writes a raw screen and returns its spec and its pixels."""
    return write_screen


def write_screen(folder, *, channels=2, records=13, height=24, width=20, bits=8):
    """Writes PNGs of noise whose scale is the channel's and the plate's.

    Returns:
      The spec, and site_id to [H, W, C] pixels.
    """
    rng = np.random.default_rng(channels * 100 + bits)
    dtype, levels = {8: (np.uint8, 256), 16: (np.uint16, 65536)}[bits]
    spec = screen.Screen(
        name="tiny",
        channels=tuple(f"stain_{i}" for i in range(channels)),
        file="images/{experiment}/Plate{plate}/{well}_s{site}_w{channel}.png",
        key=("site_id",),
        columns={
            "Metadata_Site_ID": "site_id",
            "Metadata_Plate": "plate",
            "Metadata_Treatment": "treatment",
            "Metadata_Concentration_uM": "dose",
        },
        response_0={"treatment": ("",)},
    )
    rows, pixels = [], {}
    for i in range(records):
        row = {"experiment": "E-1", "plate": str(1 + i % 3), "well": f"A{i + 1:02}"}
        row |= {"site": "1", "treatment": "", "dose": "", "Unnamed: 0": str(i)}
        row["site_id"] = f"E-1_{row['plate']}_{row['well']}_1"
        rows.append(row)
        top = levels // (2 + np.arange(channels)) // int(row["plate"])
        site = rng.integers(0, top, (height, width, channels)).astype(dtype)
        pixels[row["site_id"]] = site
        for c in range(channels):
            path = folder / spec.file.format(channel=c + 1, **row)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(site[..., c]).save(path)
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return spec, pixels


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A prepared 2-channel 8-bit screen of 13 records in 3 shards, and its pixels."""
    return _prepared(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def deep(tmp_path_factory):
    """A prepared 6-channel 16-bit screen, and its pixels."""
    return _prepared(tmp_path_factory.mktemp("deep"), channels=6, records=5, bits=16)


def _prepared(folder, **options):
    spec, pixels = write_screen(folder / "raw", **options)
    c = config.default()
    c.data.update(source_dir=str(folder / "raw"), dir=str(folder / "out"))
    c.data.update(records_per_shard=5, low_percentile=2.0, high_percentile=97.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "load", lambda config: spec)
        prepare.run(c, "")
    return prepared.open_prepared(str(folder / "out")), pixels


@pytest.fixture(scope="session")
def stretched():
    """Function of a prepared screen and its pixels to those in [-1, 1]."""
    return _stretched


def _stretched(prepared, pixels, channels=None, *, per_plate=False):
    """site_id to [H, W, C] float in [-1, 1], by interpolation between percentiles.

    The percentiles are those that conftest.py asks for, by NumPy.
    """
    numbers = [prepared.channels.index(name) for name in channels or prepared.channels]
    group = prepared.table["Metadata_Plate"] if per_plate else prepared.shard * 0
    sites = {}
    for _, ids in prepared.table["Metadata_Site_ID"].groupby(group):
        every = np.stack([pixels[site_id] for site_id in ids])
        for site_id in ids:
            planes = [
                np.interp(
                    pixels[site_id][..., i],
                    np.percentile(every[..., i], [2, 97]),
                    (-1, 1),
                )
                for i in numbers
            ]
            sites[site_id] = np.stack(planes, axis=-1)
    return sites


def control_table(plates, wells):
    """Records of control wells alone, one site each, in turn of either control."""
    rows = [
        {
            "Metadata_Site_ID": f"{plate}-{well}",
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"A{well + 1:02d}",
            "Metadata_Experiment": "M-1",
            "Metadata_Cell_Type": "M",
            "Metadata_Treatment": "",
            "Metadata_Role": f"response_{well % 2}",
        }
        for plate in range(plates)
        for well in range(wells)
    ]
    return pd.DataFrame(rows)
