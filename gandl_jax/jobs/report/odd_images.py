"""Chapter of the report on images that stood out when the screen was prepared."""

import dataclasses

import ml_collections
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.numbers import Numbers
from gandl_jax.jobs.report.page import Html
from gandl_jax.prepared import prepared
from gandl_jax.prepared.description import REMARKS
from gandl_jax.raw import screen

CSV = "odd_images"
HEADER = (
    "Image",
    "Channel",
    "What",
    "Focus",
    "Entropy (bits)",
    "Foreground",
    "Record",
)
MEASURES = (
    "Focus is the squared difference of neighbouring pixels over that of pixels 8 "
    "apart: about 1 in noise, 1/64 where all is smooth. Entropy is that of the grey "
    "levels. Foreground is the share of pixels above the level that parts the "
    "channel's dark pixels from its bright ones over the whole screen (Otsu). Wells in "
    "which cells died are nearly empty, too."
)


@dataclasses.dataclass(frozen=True)
class OddImages:
    """Images of a prepared screen that stand out.

    Attributes:
      screen: its name.
      remarks: sentences.
      table: the images that stand out, as from `image_quality.table`.
    """

    screen: str
    remarks: list[str]
    table: pd.DataFrame


def read(config: ml_collections.ConfigDict) -> OddImages | None:
    """Reads the prepared screen's odd images; returns None if it is not here."""
    name = screen.load(config).name
    try:
        description = prepared.read_description(config.data.dir)
        table = prepared.read_odd_images(config.data.dir, description)
    except InputError:
        return None
    if description["name"] != name:
        return None
    sentences = description.get(REMARKS, {}).get("images", [])
    return OddImages(name, sentences, table)


def section(odd: OddImages | None, numbers: Numbers) -> Html | None:
    """Builds the chapter, and adds its rows to the CSV file; None without remarks."""
    if odd is None or not odd.remarks:
        return None
    parts = [page.items(odd.remarks)]
    if len(odd.table):
        numbers[CSV] = [odd.table]
        rows = map(_row, odd.table.to_dict("records"))
        parts += [page.tag("p", MEASURES), page.table(HEADER, rows, CSV)]
    return page.section("odd-images", "Images that stand out", *parts, of=odd.screen)


def _row(image: dict) -> list[object]:
    values = (image[key] for key in ("focus", "entropy_bits", "foreground_frac"))
    formatted = (page.number(float(text or "nan"), ".3g") for text in values)
    return [
        image["image"],
        image["channel"],
        image["what"],
        *formatted,
        image["record"],
    ]
