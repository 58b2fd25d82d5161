"""The whole of an answer: channels are looked at, networks are asked."""

import dataclasses
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.jobs.channel_importance import (
    answers,
    content,
    intensity,
    judged_records,
    looks,
    networks,
)
from gandl_jax.jobs.channel_importance.answers import Asking
from gandl_jax.jobs.channel_importance.content import Known
from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.kept import Kept
from gandl_jax.jobs.channel_importance.looks import Looks
from gandl_jax.jobs.channel_importance.scores import Answered
from gandl_jax.jobs.channel_importance.shown import Shown
from gandl_jax.jobs.channel_importance.trainings import Trainings
from gandl_jax.progress import Progress
from gandl_jax.tasks import classification
from gandl_jax.training import opening

SHOWN = 4  # records of which channels and blend are shown
WHOLE = ""  # the kind of networks of all channels; others are named by what they lack


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Records as they are and blended.

    Attributes:
      channels: [R, C, H, W] float32 in [-1, 1], the middle tile of each record.
      blended: [R, H, W] float32 in [-1, 1], by the mean weights; None without any.
    """

    channels: np.ndarray
    blended: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class _Answers:
    """What all networks told.

    Attributes:
      importances: [C] of each network of all channels, None without such a layer.
      tables: kind of network to the answers of its seeds.
    """

    importances: list[np.ndarray | None]
    tables: dict[str, list[pd.DataFrame]]


def answer(
    config: ml_collections.ConfigDict, trainings: Trainings, folder: epath.Path
) -> tuple[dict[str, Any], Pictures]:
    """Asks all networks that were not asked before.

    Args:
      config: evaluate and channel_importance are read.
      trainings: that are asked.
      folder: of the answer; what was computed is kept in it.

    Returns:
      The content of the answer, as of `content.build`, and pictures.

    Raises:
      InputError: as of the job.
    """
    options, evaluate = config.channel_importance, config.evaluate
    judged = judged_records.choose(
        trainings,
        most=options.records,
        unit=evaluate.bootstrap_unit,
        seed=evaluate.seed,
    )
    dataset = judged.records.dataset
    on_bad = opening.bad_records_policy(trainings.config, dataset, folder)
    shown = Shown(judged, trainings.config, on_bad)
    kept = Kept(folder / "kept", _made_from(judged, trainings))
    asking = Asking(judged, shown, kept, trainings.channels, evaluate.seed)
    seen = _look(asking)
    told = _ask(asking, trainings, options.permutations)
    rows = told.tables[WHOLE][0][answers.RECORD].to_numpy()
    is_read = np.isin(judged.rows, rows)
    made = content.build(
        Known(
            trainings=trainings,
            judged=judged,
            looks=seen,
            importances=told.importances,
            answered=Answered(
                channels=trainings.channels,
                permutations=options.permutations,
                whole=told.tables[WHOLE],
                without={name: told.tables[name] for name in trainings.without},
                units=judged.units[is_read],
                trained=len(judged.records.rows.trained),
                draws=evaluate.bootstrap_draws,
                seed=evaluate.seed,
            ),
            codes={name: codes[is_read] for name, codes in judged.codes.items()},
            is_control=classification.controls(judged.metadata)[is_read],
            by_intensity=intensity.named(
                judged, rows, kept, on_bad, svm_c=evaluate.svm_c, seed=evaluate.seed
            ),
        )
    )
    return made, _pictures(judged, shown, made)


def _made_from(judged: Judged, trainings: Trainings) -> dict[str, Any]:
    """What decides what networks are shown of a record."""
    data, dataset = trainings.config.data, judged.records.dataset
    keys = "crop_px", "pad_px", "padding", "scaling", "illumination"
    return {
        "prepared": dataset.fingerprint,
        "hold_out": trainings.config.train.hold_out,  # whose grey levels do not count
        **{key: data[key] for key in keys},
    }


def _look(asking: Asking) -> Looks:
    """Looks at the channels, and refuses those that cannot be compared."""
    rows, channels = asking.judged.rows, asking.channels

    def make() -> pd.DataFrame:
        line = Progress("looks", len(rows), "records")

        def images():
            for number, block in enumerate(asking.judged.blocks):
                yield asking.shown.block(number)[1]
                line.update(len(block))

        seen = looks.measure(images(), len(channels))
        line.close()
        looks.refuse(seen, channels, len(rows))
        return seen.table(channels)

    made_from = {"rows": rows, "channels": channels}
    columns = ["channel", "spread", *channels]
    return looks.from_table(asking.kept.table("looks", made_from, columns, make))


def _ask(asking: Asking, trainings: Trainings, permutations: int) -> _Answers:
    """Asks networks of all channels with each permuted, others as records are."""
    every = answers.questions(len(trainings.channels), permutations)
    kinds = {WHOLE: (trainings.whole, every)}
    for name, lacking in trainings.without.items():
        kinds[name] = lacking, every[:1]
    count = sum(len(of_kind) * len(asked) for of_kind, asked in kinds.values())
    line = Progress("channels", count * len(asking.judged.rows), "records")
    told = _Answers([], {})
    for kind, (of_kind, asked) in kinds.items():
        told.tables[kind] = []
        for training in of_kind:
            network = networks.read(training)
            if kind == WHOLE:
                told.importances.append(network.importance)
            table = asking.ask(training, network, asked, line.update)
            told.tables[kind].append(table)
    line.close()
    return told


def _pictures(judged: Judged, shown: Shown, made: dict[str, Any]) -> Pictures:
    """The first records of different classes, and their blend."""
    codes = next(iter(judged.codes.values()))
    _, firsts = np.unique(codes, return_index=True)
    firsts = [number for number in firsts if codes[number] >= 0][:SHOWN]
    _, tiles = shown.read(judged.rows[sorted(firsts)])
    images = tiles[:, tiles.shape[1] // 2]  # [R, H, W, C]
    blended = None
    if made["weights"] is not None:
        blended = images @ np.array(made["weights"]["mean"], np.float32)
    return Pictures(np.moveaxis(images, -1, 1), blended)
