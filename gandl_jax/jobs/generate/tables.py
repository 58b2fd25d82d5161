"""Tables and grids beside the generated images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import csv_files, pictures
from gandl_jax.jobs.generate import copies
from gandl_jax.jobs.generate.candidates import Candidates
from gandl_jax.jobs.generate.made_screen import Kept
from gandl_jax.jobs.generate.real_images import SHOWN, RealImages
from gandl_jax.methods.contract import Pair

COUNTS, COPIES, GRIDS = "counts.csv", "copies.csv", "grids"


def counts(
    before: Mapping[str, int],
    drawn: Mapping[str, int],
    passing: Mapping[str, int],
    kept: Mapping[str, int],
) -> pd.DataFrame:
    """Counts images of each class, a line each.

    Args:
      before: class to the number of its training records.
      drawn: class to the number of candidates.
      passing: class to the number that the selection lets through.
      kept: class to the number of images that are kept.
    """
    rows = [
        {
            "class": name,
            "training_records": count,
            "candidates": drawn.get(name, 0),
            "let_through": passing.get(name, 0),
            "kept": kept.get(name, 0),
            "after": count + kept.get(name, 0),
        }
        for name, count in before.items()
    ]
    return pd.DataFrame(rows)


def near_training(
    kept: Kept,
    classes: Sequence[str],
    nearest: copies.Nearest,
    records: np.ndarray,
) -> pd.DataFrame:
    """Lists each generated image with its nearest training image, a line each.

    Args:
      kept: the images.
      classes: names of the codes.
      nearest: of the images.
      records: [N] str, names of the nearest images' records.
    """
    return pd.DataFrame(
        {
            "record": kept.name,
            "class": np.array(classes, object)[kept.code],
            "nearest_training_record": records,
            "distance": nearest.distance,
            "as_near_as_a_copy": nearest.is_near,
        }
    )


def write(folder: epath.Path, of_counts: pd.DataFrame, near: pd.DataFrame) -> None:
    """Writes both tables."""
    folder.mkdir(parents=True, exist_ok=True)
    csv_files.write(folder / COUNTS, of_counts)
    csv_files.write(folder / COPIES, near)


def write_grids(
    folder: epath.Path,
    step: int,
    channels: Sequence[str],
    classes: Sequence[str],
    real: RealImages,
    kept: Kept,
    candidates: Candidates,
    ends: Any,
) -> None:
    """Writes for each class real images beside generated ones.

    Args:
      folder: to write to.
      step: of the generator.
      channels: names of the images'.
      classes: names of the codes.
      real: some images of each class.
      kept: the generated ones.
      candidates: that hold them.
      ends: function of a class and numbers to levels that are -1 and +1, [n, 2, C].
    """
    for code in np.unique(kept.code).tolist():
        numbers = kept.number[kept.code == code][:SHOWN]
        levels = np.stack([candidates.levels(code, n) for n in numbers.tolist()])
        low, high = (ends(code, numbers)[:, None, None, i] for i in (0, 1))
        drawn = (levels - low) / (high - low) * 2 - 1
        titles = f"real {classes[code]}", f"generated {classes[code]}"
        pair = Pair(titles[0], real.first[code], titles[1], drawn)
        pictures.write_grids(folder, step, channels, pair, code)


def in_words(of_counts: pd.DataFrame, near: pd.DataFrame) -> list[str]:
    """Summarises the tables in lines for the terminal."""
    lines = [
        f"{row['class']}: {row['training_records']:,} training records, "
        f"{row['candidates']:,} candidates, {row['let_through']:,} let through, "
        f"{row['kept']:,} kept, {row['after']:,} after"
        for row in of_counts.to_dict("records")
    ]
    count = int(near["as_near_as_a_copy"].sum())
    share = copies.NEAR_FRAC
    return [
        *lines,
        f"copies: {count:,} of {len(near):,} images are nearer to a training image "
        f"than {1 - share:.0%} of real images to their nearest other one ({share:.0%} "
        "would be so by chance)",
    ]
