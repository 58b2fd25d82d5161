"""The whole of an answer: networks are asked, and what they say is put together."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.jobs.channel_importance import (
    answers,
    doubts,
    intensity,
    judged_records,
    looks,
    networks,
    scores,
    weights,
)
from gandl_jax.jobs.channel_importance.answers import Asking
from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.kept import Kept
from gandl_jax.jobs.channel_importance.looks import Looks
from gandl_jax.jobs.channel_importance.scores import Answered
from gandl_jax.jobs.channel_importance.shown import Shown
from gandl_jax.jobs.channel_importance.text import YARDSTICKS
from gandl_jax.jobs.channel_importance.trainings import Training, Trainings
from gandl_jax.progress import Progress
from gandl_jax.tasks import classification
from gandl_jax.training import opening

SHOWN = 4  # records of which channels and blend are shown
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Records as they are and blended.

    Attributes:
      channels: [R, C, H, W] float32 in [-1, 1], the middle tile of each record.
      blended: [R, H, W] float32 in [-1, 1], by the mean weights; None without any.
    """

    channels: np.ndarray
    blended: np.ndarray | None


def answer(
    config: ml_collections.ConfigDict, trainings: Trainings, folder: epath.Path
) -> tuple[Row, Pictures]:
    """Asks all networks that were not asked before.

    Args:
      config: evaluate and channel_importance are read.
      trainings: that are asked.
      folder: of the answer; what was computed is kept in it.

    Returns:
      The content of the answer, plain data but for NumPy's numbers; and pictures.

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
    kept = Kept(folder / "kept", {"prepared": judged.records.dataset.fingerprint,
                                  "levels": _reading(trainings)})  # fmt: skip
    on_bad = opening.bad_records_policy(
        trainings.config, judged.records.dataset, folder
    )
    shown = Shown(judged, trainings.config, on_bad)
    asking = Asking(judged, shown, kept, trainings.channels, evaluate.seed)
    seen = _look(asking, trainings)
    importances, tables = _ask(asking, trainings, options.permutations)
    first = tables["whole"][0]
    rows = first[answers.RECORD].to_numpy()
    is_read = np.isin(judged.rows, rows)
    answered = Answered(
        channels=trainings.channels,
        permutations=options.permutations,
        whole=tables["whole"],
        without={name: tables[name] for name in trainings.without},
        units=judged.units[is_read],
        trained=len(judged.records.rows.trained),
        draws=evaluate.bootstrap_draws,
        seed=evaluate.seed,
    )
    named = intensity.named(
        judged, rows, kept, on_bad, svm_c=evaluate.svm_c, seed=evaluate.seed
    )
    codes = {label: own[is_read] for label, own in judged.codes.items()}
    content = _about(trainings, judged, seen, options.permutations)
    content |= {"records": len(rows)}
    content |= _of_weights(importances)
    content |= _of_labels(content, answered, codes, judged, is_read, named)
    content["top"] = doubts.top(content["rows"][: len(trainings.channels)])
    content["left_out"] = doubts.left_out(content)
    content["warnings"] = doubts.doubts(content)
    return content, _pictures(judged, shown, content)


def _reading(trainings: Trainings) -> dict[str, Any]:
    """What of a config decides what networks are shown of a record."""
    keys = ("crop_px", "pad_px", "padding", "low_percentile", "high_percentile")
    data, train = trainings.config.data, trainings.config.train
    read = {key: data[key] for key in (*keys, "scaling", "illumination")}
    return read | {"hold_out": train.hold_out}


def _look(asking: Asking, trainings: Trainings) -> Looks:
    """Looks at the channels, and refuses those that cannot be compared."""
    channels, blocks = trainings.channels, asking.judged.blocks

    def make() -> pd.DataFrame:
        line = Progress("looks", len(asking.judged.rows), "records")

        def images():
            for number, block in enumerate(blocks):
                yield asking.shown.block(number)[1]
                line.update(len(block))

        seen = looks.measure(images(), len(channels))
        line.close()
        looks.refuse(seen, channels, len(asking.judged.rows))
        return seen.table(channels)

    made_from = {"rows": asking.judged.rows, "channels": channels}
    columns = ["channel", "spread", *channels]
    return looks.from_table(asking.kept.table("looks", made_from, columns, make))


def _ask(
    asking: Asking, trainings: Trainings, permutations: int
) -> tuple[list[np.ndarray | None], dict[str, list[pd.DataFrame]]]:
    """Importances of the networks of all channels, and the answers of each kind."""
    every = answers.questions(len(trainings.channels), permutations)
    kinds: dict[str, tuple[Sequence[Training], list]] = {
        "whole": (trainings.whole, every),
        **{name: (own, every[:1]) for name, own in trainings.without.items()},
    }
    count = len(asking.judged.rows)
    total = sum(len(own) * len(asked) * count for own, asked in kinds.values())
    line = Progress("channels", total, "records")
    importances, tables = [], {}
    for kind, (own, asked) in kinds.items():
        tables[kind] = []
        for training in own:
            network = networks.read(training)
            if kind == "whole":
                importances.append(network.importance)
            tables[kind].append(asking.ask(training, network, asked, line.update))
    line.close()
    return importances, tables


def _about(trainings: Trainings, judged: Judged, seen: Looks, permutations: int) -> Row:
    folders = [t.folder for t in trainings.whole]
    folders += [t.folder for own in trainings.without.values() for t in own]
    return {
        "channels": list(trainings.channels),
        "channels_in": str(getattr(trainings.config.model, "channels_in", "all")),
        "seeds": [training.seed for training in trainings.whole],
        "without": {
            name: [training.seed for training in own]
            for name, own in trainings.without.items()
        },
        "workdirs": [str(folder) for folder in folders],
        "permutations": permutations,
        "part": judged.part,
        "unit": judged.unit,
        "units": len(np.unique(judged.units)),
        "spread": seen.spread.tolist(),
        "correlation": seen.correlation.tolist(),
        "skipped": None,
        "inputs": {},
    }


def _of_weights(importances: Sequence[np.ndarray | None]) -> Row:
    """The weights over seeds; None where no layer has any."""
    if importances[0] is None:
        return {"weights": None, "agreement_of_seeds": None}
    own = np.stack(importances)
    return {
        "weights": {name: x.tolist() for name, x in weights.over_seeds(own).items()}
        | {"of_seeds": own.tolist()},
        "agreement_of_seeds": weights.agreement_of_seeds(own),
    }


def _of_labels(
    content: Row,
    answered: Answered,
    codes: Mapping[str, np.ndarray],
    judged: Judged,
    is_read: np.ndarray,
    named: Mapping[str, np.ndarray],
) -> Row:
    """All that is told of each label."""
    made: Row = {"rows": [], "classes": [], "accuracy": [], "agreement": []}
    made["has_controls"] = False
    is_control = classification.controls(judged.metadata)[is_read]
    for label, own in codes.items():
        names = judged.names[label]
        asked = scores.classes(label, own, len(names))
        judgement = scores.judge(asked, answered)
        rows = _channel_rows(content, label, judgement)
        made["rows"] += rows
        made["accuracy"].append(
            _accuracy(asked, answered, judgement, label, named[label])
        )
        made["agreement"] += _agreement(rows, label)
        controls = _controls(own, is_control)
        made["has_controls"] |= bool(controls)
        made["classes"] += _class_rows(label, own, names, controls, answered)
    made["classes"] = scores.corrected(made["classes"])
    return made


def _channel_rows(content: Row, label: str, judgement: scores.Judgement) -> list[Row]:
    permuted = scores.lost_permuted(judgement)
    without = scores.lost_without(judgement)
    own_weights = content["weights"]
    made = []
    for number, name in enumerate(content["channels"]):
        row: Row = {"label": label, "channel": name}
        row |= _weight_of(own_weights, number)
        row |= _lost("permuted", permuted[name]) | _lost("without", without.get(name))
        row["spread"] = content["spread"][number]
        made.append(row)
    return made


def _weight_of(own_weights: Row | None, number: int) -> Row:
    ends = {"": "mean", "_low": "low", "_high": "high", "_sd": "sd"}
    if own_weights is None:
        return {f"weight{end}": None for end in ends} | {"weight_of_seeds": []}
    row = {f"weight{end}": own_weights[key][number] for end, key in ends.items()}
    return row | {"weight_of_seeds": [own[number] for own in own_weights["of_seeds"]]}


def _lost(name: str, lost: Mapping[str, Any] | None) -> Row:
    ends = {"": "value", "_low": "low", "_high": "high", "_p": "p"}
    if lost is None:
        return {f"{name}{end}": None for end in ends} | {f"{name}_of_seeds": []}
    row = {f"{name}{end}": lost[key] for end, key in ends.items()}
    return row | {f"{name}_of_seeds": lost["of_seeds"]}


def _accuracy(
    asked: scores.Asked,
    answered: Answered,
    judgement: scores.Judgement,
    label: str,
    named: np.ndarray,
) -> Row:
    base = scores.floor(asked, answered, named)
    return {
        "label": label,
        **scores.accuracy(judgement, answered.seed),
        "of_seeds": judgement.whole.values.tolist(),
        "chance": asked.chance,
        "intensity": base.value,
        "over_intensity": scores.gain(judgement, base),
    }


def _agreement(rows: Sequence[Row], label: str) -> list[Row]:
    """Rank correlations of the yardsticks that are there for all channels."""
    there = {
        words: [row[key] for row in rows]
        for key, words in YARDSTICKS.items()
        if all(row[key] is not None for row in rows)
    }
    return [{"label": label, **row} for row in weights.agreements(there)]


def _controls(codes: np.ndarray, is_control: np.ndarray) -> list[int]:
    """Classes all of whose records are controls; none where all classes are."""
    present = np.unique(codes[codes >= 0])
    own = [int(code) for code in present if is_control[codes == code].all()]
    return own if len(own) < len(present) else []


def _class_rows(
    label: str,
    codes: np.ndarray,
    names: Sequence[str],
    controls: Sequence[int],
    answered: Answered,
) -> list[Row]:
    classes = len(np.unique(codes[codes >= 0]))
    each = 2 if controls else 1
    total = classes * each - (each - 1) * len(controls)
    line = Progress("classes", total, "questions")
    made = []
    for rows in scores.class_rows(label, codes, names, controls, answered):
        made += rows
        line.update(1)
    line.close()
    return made


def _pictures(judged: Judged, shown: Shown, content: Row) -> Pictures:
    """The first records of different classes, and their blend."""
    codes = next(iter(judged.codes.values()))
    _, firsts = np.unique(codes, return_index=True)
    firsts = [place for place in firsts if codes[place] >= 0][:SHOWN]
    _, tiles = shown.of_rows(judged.rows[sorted(firsts)])
    images = tiles[:, tiles.shape[1] // 2]  # [R, H, W, C]
    blended = None
    if content["weights"] is not None:
        blended = images @ np.array(content["weights"]["mean"], np.float32)
    return Pictures(np.moveaxis(images, -1, 1), blended)
