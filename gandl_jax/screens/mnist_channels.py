"""MNIST's digits in channels of known importance.

A record has a label and its own digit. Channel c shows that digit with probability p_c
(`config.simulate.probabilities`), independent of other channels, and else any digit of
another label; a channel of p = .1 shows every label equally often and tells nothing. So
p is the importance of a channel, the truth in `truth_channels.csv` beside the images;
`truth_records.csv` has the labels that each record's channels show.

All digits are stretched from black to the same white, and every channel has equally
many of each label. So channels have the same contrast and levels: no stretching changes
or reveals the truth.

Records of the split `train` are drawn from MNIST's training digits, those of `test`
from its test digits, which configs hold out. The two parts of MNIST are never mixed.
"""

from collections.abc import Mapping

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.errors import InputError
from gandl_jax.raw.screen import Screen
from gandl_jax.simulated import digits, drawing

SIMULATE = {  # this screen's keys of config.simulate
    # Of each channel, to show the record's own digit; in no order, so that a bias
    # towards the first or the last channel does not succeed.
    "probabilities": (0.5, 0.9, 0.2, 0.7, 0.4, 0.8, 0.3, 0.6),
    "train_records": 10_000,
    "test_records": 2_000,
    "digits_file": "data/raw/mnist.npz",  # see gandl_jax/simulated/digits.py, SOURCE
}
SMOKE = {"train_records": 100, "test_records": 50}
LOWEST = {"seed": 0, "train_records": 10, "test_records": 10, "workers": 0}
OPTIONS = ("seed", "probabilities", "train_records", "test_records")


def generate(source_dir: str, options: Mapping) -> None:
    """Draws the screen: images/, metadata.csv, truth_channels.csv, truth_records.csv.

    Images depend on `OPTIONS` only. metadata.csv is written last: without it the
    screen is not finished, and the same call draws what is missing.

    Args:
      source_dir: the folder of the raw screen; made if needed.
      options: `config.simulate`.

    Raises:
      InputError: an option is out of range, there are no digits, or the folder holds
        another screen.
    """
    drawing.check(options, LOWEST)
    _check_probabilities(options["probabilities"])
    folder = epath.Path(source_dir)
    if drawing.is_finished(folder, options, OPTIONS):
        return
    digits_by_part = digits.read(options["digits_file"])
    dealt = {part: _deal(options, part, digits_by_part[part]) for part in digits.PARTS}
    records = pd.concat(
        [_records(part, digits_by_part[part], *dealt[part]) for part in dealt]
    )
    drawing.claim(folder, options, OPTIONS)
    drawing.write_csv(folder / "truth_channels.csv", _channels(options, records))
    drawing.write_csv(folder / "truth_records.csv", records)
    shown = np.concatenate(
        [digits_by_part[part].images[dealt[part][1]] for part in dealt]
    )
    wanted = [
        digits.Record((str(folder / spec(options).image_path(row)),), images)
        for row, images in zip(records.to_dict("records"), shown, strict=True)
    ]
    drawing.draw_all(wanted, options["workers"], digits.draw, "records")
    table = records[["record_id", "dataset", "label"]]
    drawing.write_csv(folder / "metadata.csv", table)


def _check_probabilities(probabilities: tuple[float, ...]) -> None:
    if not probabilities or not all(
        0 <= probability <= 1 for probability in probabilities
    ):
        raise InputError(
            f"config.simulate.probabilities is {probabilities}; name one of each "
            "channel, from 0 to 1"
        )


def channel_names(options: Mapping) -> tuple[str, ...]:
    """Returns the names of the C channels, "c1", "c2" ...."""
    return tuple(f"c{index + 1}" for index in range(len(options["probabilities"])))


def _deal(options: Mapping, part: str, part_digits: digits.Digits):
    """Deals one part of the screen by `digits.deal`."""
    rng = np.random.default_rng([options["seed"], 21 + digits.PARTS.index(part)])
    probabilities = np.array(options["probabilities"])
    return digits.deal(rng, part_digits, options[f"{part}_records"], probabilities)


def _records(
    part: str, part_digits: digits.Digits, labels: np.ndarray, shown: np.ndarray
) -> pd.DataFrame:
    """Table of records: record_id, dataset, label, and the labels that c1 .. show."""
    table = pd.DataFrame({"dataset": part, "label": labels})
    table.insert(
        0, "record_id", [f"{part}_{number:05d}" for number in range(len(labels))]
    )
    shows = {
        f"c{number + 1}": part_digits.labels[column]
        for number, column in enumerate(shown.T)
    }
    return table.assign(**shows)


def _channels(options: Mapping, records: pd.DataFrame) -> pd.DataFrame:
    """Table of channels: channel, truth, and how often each shows the label.

    The truth is the probability of showing it.
    """
    names = list(channel_names(options))
    is_label = records[names].eq(records["label"], axis=0)
    label_share = is_label.groupby(records["dataset"]).mean()
    return pd.DataFrame(
        {
            "channel": names,
            "truth": options["probabilities"],
            **{
                f"shown_{part}": label_share.loc[part].to_numpy()
                for part in digits.PARTS
            },
        }
    )


def spec(options: Mapping) -> Screen:
    """Makes the spec that `config.simulate` describes."""
    return Screen(
        name="mnist_channels",
        channels=channel_names(options),
        file="images/{record_id}.tif",
        key=("record_id",),
        columns={"Metadata_Digit": "label", "Metadata_Split": "dataset"},
        generate=generate,
        options=OPTIONS,
        limits=(
            "Digits are no cells: what a channel tells, it tells with its whole "
            "picture, and channels err independently of one another."
        ),
    )


def SCREEN(config: ml_collections.ConfigDict) -> Screen:
    """Makes the spec of a config, with as many channels as there are probabilities."""
    return spec(config.simulate)
