"""The report's chapter on the screen's images: what was odd when it was prepared."""

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
    """What the prepared screen says of its images.

    Attributes:
      screen: its name.
      remarks: sentences.
      table: the images that stand out, as from `image_quality.table`.
    """

    screen: str
    remarks: list[str]
    table: pd.DataFrame


def read(config: ml_collections.ConfigDict) -> OddImages | None:
    """What is odd about the images; None where the prepared screen is not here."""
    name = screen.load(config).name
    try:
        description = prepared.read_description(config.data.dir)
        table = prepared.read_odd_images(config.data.dir, description)
    except InputError:
        return None
    if description["name"] != name:
        return None
    told = description.get(REMARKS, {}).get("images", [])
    return OddImages(name, told, table)


def section(found: OddImages | None, numbers: Numbers) -> Html | None:
    """The chapter, and its rows for the CSV file; None where nothing is odd."""
    if found is None or not found.remarks:
        return None
    parts = [page.items(found.remarks)]
    if len(found.table):
        numbers[CSV] = [found.table]
        rows = map(_row, found.table.to_dict("records"))
        parts += [page.tag("p", MEASURES), page.table(HEADER, rows, CSV)]
    return page.section("odd-images", "Images that stand out", *parts, of=found.screen)


def _row(image: dict) -> list[object]:
    measured = (image[key] for key in ("focus", "entropy_bits", "foreground_frac"))
    figures = (page.number(float(text or "nan"), ".3g") for text in measured)
    return [image["image"], image["channel"], image["what"], *figures, image["record"]]
