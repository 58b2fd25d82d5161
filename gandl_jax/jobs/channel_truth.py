"""The job `channel_truth`: do networks weigh channels as a simulated screen's truth?

A simulated screen may say how much each channel matters: `truth_channels.csv` in its
folder (config.data.source_dir) has a row for every channel, or for every treatment and
channel. Takes workdirs of trainings (config.compare.workdirs, patterns too; after a
sweep its runs) and compares the weights of their mixing layers with it. Trainings
without weights, trainings that lack a channel and, if the truth is per treatment,
trainings that did not learn to tell a single treatment from controls are left out, with
a message.

Trainings that differ only in seed and treatment are of one kind. A channel is strong if
its truth is above the mean over all channels of its treatment.

Writes channel_truth/<dataset>/trainings.csv and kinds.csv.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath
from scipy import stats

from gandl_jax import config as configs
from gandl_jax import csv_files
from gandl_jax.errors import InputError
from gandl_jax.jobs.channel_importance.trainings import Training, read_config
from gandl_jax.judging import entrants, task_results
from gandl_jax.raw import screen
from gandl_jax.tasks.score_table import aligned
from gandl_jax.training import opening

JOB = FOLDER = "channel_truth"
WORKDIR = "unclaimed"
FILE = "truth_channels.csv"
LIKE = ("seed", "data.label_values")  # keys in which trainings of one kind may differ
HEADER = "kind", "trainings", "rank correlation", "strongest first", "all strong first"
HEADER += ("AUROC of strong channels",)


@dataclasses.dataclass(frozen=True)
class Weighed:
    """Training whose layer weighs the channels.

    Attributes:
      training: the workdir and its config.
      treatment: that was told from controls; "" if the truth is of all records.
      weights: [C] float64 of sum 1.
      truth: [C] float64 of the same channels.
    """

    training: Training
    treatment: str
    weights: np.ndarray
    truth: np.ndarray

    @property
    def is_strong(self) -> np.ndarray:
        """[C] bool."""
        return self.truth > self.truth.mean()


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Compares the weights, prints a table and writes it.

    Args:
      config: data.source_dir, compare.workdirs and sweep are read.
      workdir: of the answer.

    Raises:
      InputError: the screen has no truth, no training is named or finished, one is of
        another screen or draw, or none has weights to compare.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    truth = read_truth(config.data.source_dir)
    trainings = [_read(folder, config) for folder in _folders(config, workdir)]
    weighed = list(filter(None, (_weighed(training, truth) for training in trainings)))
    if not weighed:
        raise InputError(
            "none of the trainings has weights of its channels that the truth is of: "
            "name some of model.channels_in=blend, collapsed or over"
        )
    names = _kinds([weighed_training.training.config for weighed_training in weighed])
    rows = [
        _row(name, weighed_training)
        for name, weighed_training in zip(names, weighed, strict=True)
    ]
    kind_rows = [_kind(name, names, weighed) for name in dict.fromkeys(names)]
    folder = workdir / FOLDER / dataset
    folder.mkdir(parents=True, exist_ok=True)
    csv_files.write(folder / "trainings.csv", pd.DataFrame(rows))
    csv_files.write(folder / "kinds.csv", pd.DataFrame(kind_rows))
    print("\n".join(aligned([HEADER, *map(_cells, kind_rows)])), flush=True)
    task_results.say(JOB, f"wrote {folder}")


def read_truth(source_dir: str) -> pd.DataFrame:
    """Reads a simulated screen's truth: channel, truth (float) and maybe treatment.

    Raises:
      InputError: there is none.
    """
    path = epath.Path(source_dir) / FILE
    if not path.exists():
        raise InputError(
            f"there is no {path}, which a simulated screen has that says how much its "
            "channels matter: name its folder in --config.data.source_dir="
        )
    table = csv_files.read(path)
    return table.assign(truth=table["truth"].astype(float))


def _folders(config: ml_collections.ConfigDict, workdir: epath.Path):
    named = config.compare.workdirs
    named = named or [str(workdir / name) for name in config.sweep.runs]
    if not named:
        raise InputError(
            "config.compare.workdirs is empty: name trainings, as in "
            "--config.compare.workdirs='runs/dcmix/mnist_channels/*'"
        )
    return entrants.find(named)


def _read(folder: epath.Path, config: ml_collections.ConfigDict) -> Training:
    shown = screen.load(config)
    trained = read_config(folder, shown.name)
    for option in shown.options:
        theirs, ours = trained.simulate[option], config.simulate[option]
        if theirs != ours:
            raise InputError(
                f"{folder} learnt a screen of config.simulate.{option}={theirs}, whose "
                f"truth is another; this config's is {ours}: name trainings of one draw"
            )
    opening.check_finished(folder, trained)
    return Training(folder, trained)


def _weighed(training: Training, truth: pd.DataFrame) -> Weighed | None:
    from gandl_jax.jobs.channel_importance import networks  # slow

    treatment, reason = "", ""
    if "treatment" in truth:
        known = set(truth["treatment"])
        learnt = [
            value for value in training.config.data.label_values if value in known
        ]
        if len(learnt) == 1:
            (treatment,) = learnt
            truth = truth[truth["treatment"] == treatment]
        else:
            reason = "it tells no single treatment from controls"
    by_channel = truth.drop_duplicates("channel").set_index("channel")["truth"]
    if set(training.channels) != set(by_channel.index):
        reason = "it lacks a channel"
    weights = None if reason else networks.read(training).importance
    if weights is None:
        reason = reason or "its layer has no weights"
        task_results.say(JOB, f"{training.folder.name} is left out: {reason}")
        return None
    channel_truth = by_channel[list(training.channels)].to_numpy()
    return Weighed(training, treatment, weights, channel_truth)


def _kinds(trainings: Sequence[ml_collections.ConfigDict]) -> list[str]:
    """Names each training's kind by the keys that tell kinds apart."""
    identities = [configs.identity(config) for config in trainings]
    arms = [
        {key: value for key, value in identity.items() if key not in LIKE}
        for identity in identities
    ]
    keys = entrants.differing(arms)
    return [
        entrants.settings_text(arm, keys) or arm["model.channels_in"] for arm in arms
    ]


def _row(name: str, weighed: Weighed) -> dict[str, Any]:
    return {
        "kind": name,
        "training": weighed.training.folder.name,
        "seed": weighed.training.seed,
        "treatment": weighed.treatment,
        "rank_correlation": stats.spearmanr(weighed.weights, weighed.truth)[0],
        "strongest_first": _strongest_first(weighed),
        "auroc": auroc(weighed.weights, weighed.is_strong),
        **dict(zip(weighed.training.channels, weighed.weights, strict=True)),
    }


def _kind(name: str, names: Sequence[str], weighed: Sequence[Weighed]) -> dict:
    of_kind = [
        training for kind, training in zip(names, weighed, strict=True) if kind == name
    ]
    rows = [_row(name, training) for training in of_kind]
    mean = {
        key: float(np.mean([row[key] for row in rows]))
        for key in ("rank_correlation", "strongest_first")
    }
    seeds = sorted({training.training.seed for training in of_kind})
    pooled = [
        [training for training in of_kind if training.training.seed == seed]
        for seed in seeds
    ]
    return {
        "kind": name,
        "trainings": len(of_kind),
        **mean,
        "all_strong_first": float(np.mean([row["auroc"] == 1 for row in rows])),
        "auroc": float(np.mean([_pooled(trainings) for trainings in pooled])),
    }


def _strongest_first(weighed: Weighed) -> bool:
    """Tells whether the largest weight is of a channel with the highest truth."""
    return bool(weighed.truth[weighed.weights.argmax()] == weighed.truth.max())


def _pooled(trainings: Sequence[Weighed]) -> float:
    """Computes the AUROC over the channels of all treatments."""
    weights = np.concatenate([training.weights for training in trainings])
    return auroc(
        weights, np.concatenate([training.is_strong for training in trainings])
    )


def auroc(scores: np.ndarray, is_strong: np.ndarray) -> float:
    """Computes how often a strong channel scores higher than a weak one; ties are half.

    Args:
      scores: [N] float.
      is_strong: [N] bool.

    Returns:
      Mann and Whitney's U as a share of all pairs; NaN without pairs.
    """
    strong, weak = scores[is_strong], scores[~is_strong]
    if not len(strong) or not len(weak):
        return float("nan")
    return float(stats.mannwhitneyu(strong, weak)[0] / (len(strong) * len(weak)))


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["kind"],
        str(row["trainings"]),
        f"{row['rank_correlation']:.3f}",
        f"{row['strongest_first']:.0%}",
        f"{row['all_strong_first']:.0%}",
        f"{row['auroc']:.3f}",
    ]
