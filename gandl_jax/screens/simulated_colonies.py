"""Simulated colonies of stem cells, followed in time: four classes, few of two.

Grey patches of the form that Witmer and Bhanu (2021, Sensors 22:206) classify: dense,
spread, differentiated, in that order in time, and debris outside it. Half of the
colonies are to be learnt from (split "train"), half to be judged on ("test"); those are
drawn from another seed. Beside images/ and metadata.csv lies truth.csv, with the
progress of each patch and what its colony looks like.

Difficulty, fixed before any network was trained: a linear SVM (classes balanced) on 44
numbers of texture (moments; deviation, skewness and kurtosis of four bands; gradients
and their direction at three scales; and the logarithms of all), learnt on the one half
and judged on the other, frame by frame, at 64 px, 60 colonies of 12 hours in each half:

          macro true positive rate   macro F1   of mean and deviation alone
  seed 0  .690                       .676       .330 and .315

and 425, 212, 53 and 30 of the 720 patches that are judged are dense, spread, debris
and differentiated. `tests/screens/test_simulated_colonies.py` computes the first two
again. It must never be changed to move a score.
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

SIMULATE = {  # its own keys of config.simulate
    "colonies": 60,  # to learn from; as many are judged
    "times": 12,  # that each is seen at, hours
}
SMOKE = {"size_px": 48, "colonies": 6, "times": 4}
LOWEST = {"seed": 0, "size_px": 16, "colonies": 1, "times": 1}
OPTIONS = tuple(LOWEST)
TEST_SEED = 1_000_003  # added to the seed of the colonies that are judged
SHOWN = ["record", "colony", "hour", "state", "split"]


def generate(source_dir: str, options: Mapping) -> None:
    """Draws the screen: images/, truth.csv and, last, metadata.csv.

    The same call draws what is missing of a screen that was begun.

    Args:
      source_dir: the folder of the raw screen; made if need be.
      options: `config.simulate`.

    Raises:
      InputError: an option out of range, or a folder that holds another screen.
    """
    drawing.check(options, LOWEST)
    folder = epath.Path(source_dir)
    if drawing.claim(folder, options, OPTIONS):
        return
    truth = patches(options)
    drawing.write_csv(folder / "truth.csv", truth)
    for colony, own in truth.groupby("colony", sort=False):
        (folder / "images" / colony).mkdir(parents=True, exist_ok=True)
        for row in own.to_dict("records"):
            _write(folder / SCREEN.image_path(_texts(row)), row, options)
    drawing.write_csv(folder / "metadata.csv", truth[SHOWN])


def patches(options: Mapping) -> pd.DataFrame:
    """All patches, those to be learnt from first, with what they are drawn from."""
    count, times = options["colonies"], options["times"]
    draw = functools.partial(colonies.table, colonies=count, times=times)
    learnt = draw(options["seed"], first=0).assign(split="train")
    judged = draw(options["seed"] + TEST_SEED, first=count).assign(split="test")
    learnt["seed"], judged["seed"] = options["seed"], options["seed"] + TEST_SEED
    return pd.concat([learnt, judged], ignore_index=True)


def _texts(row: Mapping) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


def _write(path: epath.Path, row: Mapping, options: Mapping) -> None:
    """Draws a patch that is not there yet."""
    if not path.exists():
        with files.replacing(path) as file:
            Image.fromarray(draw(row, options)).save(file, "PNG", compress_level=1)


def draw(row: Mapping, options: Mapping) -> np.ndarray:
    """Draws a row of `patches`: [N, N] uint8."""
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
