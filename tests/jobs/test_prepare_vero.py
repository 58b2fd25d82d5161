"""RxRx19a's own table of the VERO sites, with small simulated images, end to end."""

import json
import pathlib
import struct
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
import tensorflow_datasets as tfds

from gandl_jax import main as program
from gandl_jax.datasets import prepared, stream

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
MODULO = 8  # the fast tests take the sites of every eighth well


def published(shared) -> pd.DataFrame:
    path = shared / "data/rxrx19a_published/metadata_vero.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def draw(table: pd.DataFrame) -> np.ndarray:
    """[N, 5, SIZE, SIZE] uint8: a blob for each channel, the condition's light, noise.

    The blob lies where the site's number says, so that no two sites are alike.
    """
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 24, (len(table), 5, SIZE, SIZE), np.uint8)
    pixels += (
        table["disease_condition"].map(BRIGHT).to_numpy(np.uint8)[:, None, None, None]
    )
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    for channel in range(5):
        blob = (y**2 + x**2 < (4 + channel) ** 2) * np.uint8(10 * channel + 20)
        pixels[:, channel] += blob
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
    """Of each site its five images, as Recursion's page writes them."""
    return [
        [
            f"images/{row.experiment}/Plate{row.plate}/{row.well}_s{row.site}_w{w}.png"
            for w in range(1, 6)
        ]
        for row in table.itertuples()
    ]


def write_loose(folder: pathlib.Path, table: pd.DataFrame, pixels: np.ndarray) -> None:
    for names, site in zip(paths(table), pixels, strict=True):
        for name, image in zip(names, site, strict=True):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(image))
    table.to_csv(folder / "metadata.csv", index=False)


def write_archives(
    folder: pathlib.Path, table: pd.DataFrame, pixels: np.ndarray
) -> None:
    """The two archives under the names and the top folder of the publisher's."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "RxRx19a-images.zip", "w") as archive:
        for names, site in zip(paths(table), pixels, strict=True):
            for name, image in zip(names, site, strict=True):
                archive.writestr(f"RxRx19a/{name}", png(image))
    with zipfile.ZipFile(folder / "RxRx19a-metadata.zip", "w") as archive:
        archive.writestr("RxRx19a/metadata.csv", table.to_csv(index=False))
