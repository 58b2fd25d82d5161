"""Simulated colonies of stem cells, followed in time: four classes, two of them rare.

Grey patches like those that Witmer and Bhanu (2021, Sensors 22:206) classify: dense,
spread, differentiated, in that order in time, and debris at any time. Half of the
colonies are for training (split "train"), half for testing ("test"), drawn from another
seed. Beside images/ and metadata.csv lies truth.csv, with the progress of each patch
and the look of its colony.

Difficulty, fixed before any network was trained: a linear SVM (classes balanced) on 44
numbers of texture (moments; deviation, skewness and kurtosis of four bands; gradients
and their direction at three scales; and the logarithms of all), trained on one half and
tested on the other, frame by frame, at 64 px, 60 colonies of 12 hours in each half:

          macro true positive rate   macro F1   of mean and deviation alone
  seed 0  .690                       .676       .330 and .315

and 425, 212, 53 and 30 of the 720 test patches are dense, spread, debris and
differentiated. `tests/screens/test_simulated_colonies.py` computes the first two again.
It must never be changed to move a score.
"""

import functools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from etils import epath
from PIL import Image

from gandl_jax import files
from gandl_jax.raw.screen import Screen
from gandl_jax.simulated import colonies, drawing

SIMULATE = {  # this screen's keys of config.simulate
    "colonies": 60,  # for training; as many are for testing
    "times": 12,  # number of hours at which each is imaged
}
SMOKE = {"size_px": 48, "colonies": 8, "times": 8}  # with every class in both halves
LOWEST = {"seed": 0, "size_px": 16, "colonies": 1, "times": 1}
OPTIONS = tuple(LOWEST)
TEST_SEED = 1_000_003  # added to the seed of the test colonies
SHOWN = ["record", "colony", "hour", "state", "split"]


def generate(source_dir: str, options: Mapping) -> None:
    """Draws the screen: images/, truth.csv and, last, metadata.csv.

    The same call draws the missing images of a screen that was begun.

    Args:
      source_dir: the folder of the raw screen; made if needed.
      options: `config.simulate`.

    Raises:
      InputError: an option is out of range, or the folder holds another screen.
    """
    drawing.check(options, LOWEST)
    folder = epath.Path(source_dir)
    if drawing.claim(folder, options, OPTIONS):
        return
    truth = patches(options)
    drawing.write_csv(folder / "truth.csv", truth)
    for colony, colony_patches in truth.groupby("colony", sort=False):
        (folder / "images" / colony).mkdir(parents=True, exist_ok=True)
        for row in colony_patches.to_dict("records"):
            _write(folder / SCREEN.image_path(_texts(row)), row, options)
    drawing.write_csv(folder / "metadata.csv", truth[SHOWN])


def patches(options: Mapping) -> pd.DataFrame:
    """Table of all patches, those for training first, with their truth."""
    count, times = options["colonies"], options["times"]
    draw = functools.partial(colonies.table, colonies=count, times=times)
    training = draw(options["seed"], first=0).assign(split="train")
    testing = draw(options["seed"] + TEST_SEED, first=count).assign(split="test")
    training["seed"], testing["seed"] = options["seed"], options["seed"] + TEST_SEED
    return pd.concat([training, testing], ignore_index=True)


def _texts(row: Mapping) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


def _write(path: epath.Path, row: Mapping, options: Mapping) -> None:
    """Draws a patch whose file is missing."""
    if not path.exists():
        with files.replacing(path) as file:
            Image.fromarray(draw(row, options)).save(file, "PNG", compress_level=1)


def draw(row: Mapping, options: Mapping) -> np.ndarray:
    """Draws a row of `patches`, [N, N] uint8."""
    number = int(row["colony"][1:]) % options["colonies"]
    rng = np.random.default_rng([row["seed"], number, row["hour"] + 1])
    names = colonies.Look.__dataclass_fields__
    look = colonies.Look(**{name: row[name] for name in names})
    return colonies.draw(rng, row["state"], row["progress"], look, options["size_px"])


SCREEN = Screen(
    name="simulated_colonies",
    channels=("phase",),
    file="images/{colony}/{record}.png",
    key=("record",),
    columns={
        "Metadata_State": "state",
        "Metadata_Colony": "colony",
        "Metadata_Hour": "hour",
        "Metadata_Split": "split",
    },
    generate=generate,
    options=OPTIONS,
)
