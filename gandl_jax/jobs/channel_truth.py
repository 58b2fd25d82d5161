"""The job `channel_truth`: do networks weigh channels as a simulated screen's truth?

A simulated screen may say how much each channel matters: `truth_channels.csv` in its
folder (config.data.source_dir) has a row for every channel, or for every treatment and
channel. Takes workdirs of trainings (config.compare.workdirs, patterns too; after a
sweep its runs) and holds the weights of their mixing layers against it. Left out, and
said, are those without weights, those that lack a channel, and, where the truth is of
treatments, those that did not learn to tell one treatment from controls.

Trainings that differ in seed and treatment alone are of one kind. A channel is strong
where its truth is above the mean of all, of its treatment.

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
from gandl_jax.jobs.channel_importance.trainings import Training
from gandl_jax.judging import entrants, task_results
from gandl_jax.raw import screen
from gandl_jax.tasks.score_table import aligned
from gandl_jax.training import opening

JOB = FOLDER = "channel_truth"
WORKDIR = "unclaimed"
FILE = "truth_channels.csv"
LIKE = ("seed", "data.label_values")  # in which trainings of one kind differ
HEADER = "kind", "trainings", "rank correlation", "strongest first", "all strong first"
HEADER += ("AUROC of strong channels",)


@dataclasses.dataclass(frozen=True)
class Weighed:
    """A training whose layer weighs the channels.

    Attributes:
      training: the workdir and its config.
      treatment: that was told from controls; "" where the truth is of all records.
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
    """Compares, prints a table and writes it.

    Args:
      config: data.source_dir, compare.workdirs and sweep are read.
      workdir: of the answer.

    Raises:
      InputError: the screen has no truth, no training is named or finished, or none
        has weights to compare.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    truth = read_truth(config.data.source_dir)
    trainings = [_read(folder, dataset) for folder in _folders(config, workdir)]
    weighed = list(filter(None, (_weighed(one, truth) for one in trainings)))
    if not weighed:
        raise InputError(
            "none of the trainings has weights of its channels that the truth is of: "
            "name some of model.channels_in=blend, collapsed or over"
        )
    names = _kinds([one.training.config for one in weighed])
    rows = [_row(name, one) for name, one in zip(names, weighed, strict=True)]
    kinds = [_kind(name, names, weighed) for name in dict.fromkeys(names)]
    folder = workdir / FOLDER / dataset
    folder.mkdir(parents=True, exist_ok=True)
    csv_files.write(folder / "trainings.csv", pd.DataFrame(rows))
    csv_files.write(folder / "kinds.csv", pd.DataFrame(kinds))
    print("\n".join(aligned([HEADER, *map(_cells, kinds)])), flush=True)
    task_results.say(JOB, f"wrote {folder}")


def read_truth(source_dir: str) -> pd.DataFrame:
    """A simulated screen's truth: channel, truth (float) and maybe treatment.

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


def _read(folder: epath.Path, dataset: str) -> Training:
    config = opening.read_trained(folder)
    if (name := screen.load(config).name) != dataset:
        raise InputError(
            f"{folder} is of the screen {name!r}, this config's is {dataset!r}: name "
            "trainings of one screen"
        )
    opening.check_finished(folder, config)
    return Training(folder, config)


def _weighed(training: Training, truth: pd.DataFrame) -> Weighed | None:
    from gandl_jax.jobs.channel_importance import networks  # slow

    treatment, why = "", ""
    if "treatment" in truth:
        known = set(truth["treatment"])
        learnt = [v for v in training.config.data.label_values if v in known]
        if len(learnt) == 1:
            (treatment,) = learnt
            truth = truth[truth["treatment"] == treatment]
        else:
            why = "it tells no single treatment from controls"
    by_channel = truth.drop_duplicates("channel").set_index("channel")["truth"]
    if set(training.channels) != set(by_channel.index):
        why = "it lacks a channel"
    weights = None if why else networks.read(training).importance
    if weights is None:
        why = why or "its layer has no weights"
        task_results.say(JOB, f"{training.folder.name} is left out: {why}")
        return None
    own = by_channel[list(training.channels)].to_numpy()
    return Weighed(training, treatment, weights, own)


def _kinds(trainings: Sequence[ml_collections.ConfigDict]) -> list[str]:
    """The name of each training's kind: what tells kinds apart."""
    every = [configs.identity(one) for one in trainings]
    arms = [{k: v for k, v in one.items() if k not in LIKE} for one in every]
    keys = entrants.differing(arms)
    return [entrants.words(arm, keys) or arm["model.channels_in"] for arm in arms]


def _row(name: str, one: Weighed) -> dict[str, Any]:
    return {
        "kind": name,
        "training": one.training.folder.name,
        "seed": one.training.seed,
        "treatment": one.treatment,
        "rank_correlation": stats.spearmanr(one.weights, one.truth)[0],
        "strongest_first": _strongest_first(one),
        "auroc": auroc(one.weights, one.is_strong),
        **dict(zip(one.training.channels, one.weights, strict=True)),
    }


def _kind(name: str, names: Sequence[str], weighed: Sequence[Weighed]) -> dict:
    own = [one for other, one in zip(names, weighed, strict=True) if other == name]
    rows = [_row(name, one) for one in own]
    mean = {
        key: float(np.mean([row[key] for row in rows]))
        for key in ("rank_correlation", "strongest_first")
    }
    seeds = sorted({one.training.seed for one in own})
    pooled = [[one for one in own if one.training.seed == seed] for seed in seeds]
    return {
        "kind": name,
        "trainings": len(own),
        **mean,
        "all_strong_first": float(np.mean([row["auroc"] == 1 for row in rows])),
        "auroc": float(np.mean([_pooled(some) for some in pooled])),
    }


def _strongest_first(one: Weighed) -> bool:
    """Whether the largest weight is of a channel that none is stronger than."""
    return bool(one.truth[one.weights.argmax()] == one.truth.max())


def _pooled(some: Sequence[Weighed]) -> float:
    """AUROC over the channels of all treatments."""
    weights = np.concatenate([one.weights for one in some])
    return auroc(weights, np.concatenate([one.is_strong for one in some]))


def auroc(scores: np.ndarray, is_strong: np.ndarray) -> float:
    """How often a strong channel scores higher than a weak one; equal counts half.

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


def _cells(kind: dict[str, Any]) -> list[str]:
    return [
        kind["kind"],
        str(kind["trainings"]),
        f"{kind['rank_correlation']:.3f}",
        f"{kind['strongest_first']:.0%}",
        f"{kind['all_strong_first']:.0%}",
        f"{kind['auroc']:.3f}",
    ]
