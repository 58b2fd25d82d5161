"""Makes the whole answer: looks at channels and asks networks."""

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
from gandl_jax.jobs.channel_importance.looks import Looks
from gandl_jax.jobs.channel_importance.record_tiles import RecordTiles
from gandl_jax.jobs.channel_importance.saved_tables import SavedTables
from gandl_jax.jobs.channel_importance.scores import Answered
from gandl_jax.jobs.channel_importance.trainings import Trainings
from gandl_jax.progress import Progress
from gandl_jax.tasks import classification
from gandl_jax.training import opening

SHOWN = 4  # records whose channels and blend are shown
WHOLE = ""  # networks of all channels; others are named by the channel they lack


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Records as they are, and blended.

    Attributes:
      channels: [R, C, H, W] float32 in [-1, 1], the middle tile of each record.
      blended: [R, H, W] float32 in [-1, 1], by the mean weights; None without weights.
    """

    channels: np.ndarray
    blended: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class _Answers:
    """Answers of all networks.

    Attributes:
      importances: [C] for each network of all channels; None without such a layer.
      tables: lacking channel, or WHOLE, to the answers of each seed.
    """

    importances: list[np.ndarray | None]
    tables: dict[str, list[pd.DataFrame]]


def answer(
    config: ml_collections.ConfigDict, trainings: Trainings, folder: epath.Path
) -> tuple[dict[str, Any], Pictures]:
    """Asks all networks that were not asked before.

    Args:
      config: evaluate and channel_importance are read.
      trainings: whose networks are asked.
      folder: of the answer; computed tables are kept in it.

    Returns:
      The content of the answer, as from `content.build`, and pictures.

    Raises:
      InputError: see the job.
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
    shown = RecordTiles(judged, trainings.config, on_bad)
    kept = SavedTables(folder / "kept", _made_from(judged, trainings))
    asking = Asking(judged, shown, kept, trainings.channels, evaluate.seed)
    channel_looks = _look(asking)
    network_answers = _ask(asking, trainings, options.permutations)
    rows = network_answers.tables[WHOLE][0][answers.RECORD].to_numpy()
    is_read = np.isin(judged.rows, rows)
    answer_content = content.build(
        Known(
            trainings=trainings,
            judged=judged,
            looks=channel_looks,
            importances=network_answers.importances,
            answered=Answered(
                channels=trainings.channels,
                permutations=options.permutations,
                whole=network_answers.tables[WHOLE],
                without={
                    name: network_answers.tables[name] for name in trainings.without
                },
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
    return answer_content, _pictures(judged, shown, answer_content)


def _made_from(judged: Judged, trainings: Trainings) -> dict[str, Any]:
    """Returns all settings on which the images that networks are shown depend."""
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

        channel_looks = looks.measure(images(), len(channels))
        line.close()
        looks.refuse(channel_looks, channels, len(rows))
        return channel_looks.table(channels)

    made_from = {"rows": rows, "channels": channels}
    columns = ["channel", "spread", *channels]
    return looks.from_table(asking.kept.table("looks", made_from, columns, make))


def _ask(asking: Asking, trainings: Trainings, permutations: int) -> _Answers:
    """Asks networks of all channels with each permuted, others only as records are."""
    all_questions = answers.questions(len(trainings.channels), permutations)
    networks_to_ask = {WHOLE: (trainings.whole, all_questions)}
    for name, lacking in trainings.without.items():
        networks_to_ask[name] = lacking, all_questions[:1]
    count = sum(
        len(trainings_to_ask) * len(asked)
        for trainings_to_ask, asked in networks_to_ask.values()
    )
    line = Progress("channels", count * len(asking.judged.rows), "records")
    network_answers = _Answers([], {})
    for lacking_channel, (trainings_to_ask, asked) in networks_to_ask.items():
        network_answers.tables[lacking_channel] = []
        for training in trainings_to_ask:
            network = networks.read(training)
            if lacking_channel == WHOLE:
                network_answers.importances.append(network.importance)
            table = asking.ask(training, network, asked, line.update)
            network_answers.tables[lacking_channel].append(table)
    line.close()
    return network_answers


def _pictures(
    judged: Judged, shown: RecordTiles, answer_content: dict[str, Any]
) -> Pictures:
    """Shows the first records of different classes, and their blend."""
    codes = next(iter(judged.codes.values()))
    _, firsts = np.unique(codes, return_index=True)
    firsts = [number for number in firsts if codes[number] >= 0][:SHOWN]
    _, tiles = shown.read(judged.rows[sorted(firsts)])
    images = tiles[:, tiles.shape[1] // 2]  # [R, H, W, C]
    blended = None
    if answer_content["weights"] is not None:
        blended = images @ np.array(answer_content["weights"]["mean"], np.float32)
    return Pictures(np.moveaxis(images, -1, 1), blended)
