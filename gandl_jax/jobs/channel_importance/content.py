"""Content of an answer: results on channels, as rows of numbers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.jobs.channel_importance import doubts, scores, weights
from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.looks import Looks
from gandl_jax.jobs.channel_importance.scores import Answered
from gandl_jax.jobs.channel_importance.text import YARDSTICKS
from gandl_jax.jobs.channel_importance.trainings import Trainings
from gandl_jax.progress import Progress

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Known:
    """All answers and measurements.

    Attributes:
      trainings: whose networks were asked.
      judged: the records.
      looks: at their channels.
      importances: [C] for each network of all channels; None without such a layer.
      answered: by the networks, about the m records that could be read.
      codes: label to [m] int class of each record, -1 if blank.
      is_control: [m] bool, records of control wells.
      by_intensity: label to [m] int class that plain intensities name.
    """

    trainings: Trainings
    judged: Judged
    looks: Looks
    importances: Sequence[np.ndarray | None]
    answered: Answered
    codes: Mapping[str, np.ndarray]
    is_control: np.ndarray
    by_intensity: Mapping[str, np.ndarray]


def build(known: Known) -> Row:
    """Builds the content of the answer: plain data except for NumPy's numbers."""
    content = _about(known) | _weight_summary(known.importances)
    content |= {"rows": [], "accuracy": [], "agreement": [], "classes": []}
    content["has_controls"] = False
    for label, codes in known.codes.items():
        asked = scores.classes(label, codes, len(known.judged.names[label]))
        judgement = scores.judge(asked, known.answered)
        rows = _channel_rows(content, label, judgement)
        content["rows"] += rows
        content["accuracy"].append(_accuracy(known, asked, judgement))
        content["agreement"] += _agreement(rows, label)
        controls = _controls(codes, known.is_control)
        content["has_controls"] |= bool(controls)
        content["classes"] += _class_rows(known, label, controls)
    content["classes"] = scores.corrected(content["classes"])
    content["top"] = doubts.top(content["rows"][: len(content["channels"])])
    content["left_out"] = doubts.left_out(content)
    content["warnings"] = doubts.doubts(content)
    return content


def _about(known: Known) -> Row:
    trainings, judged = known.trainings, known.judged
    groups = (trainings.whole, *trainings.without.values())
    return {
        "channels": list(trainings.channels),
        "channels_in": str(getattr(trainings.config.model, "channels_in", "all")),
        "seeds": [training.seed for training in trainings.whole],
        "without": {
            name: [training.seed for training in lacking]
            for name, lacking in trainings.without.items()
        },
        "workdirs": [str(training.folder) for group in groups for training in group],
        "permutations": known.answered.permutations,
        "records": len(known.is_control),
        "part": judged.part,
        "unit": judged.unit,
        "units": len(np.unique(known.answered.units)),
        "spread": known.looks.spread.tolist(),
        "correlation": known.looks.correlation.tolist(),
        "skipped": None,
        "inputs": {},
    }


def _weight_summary(importances: Sequence[np.ndarray | None]) -> Row:
    """Returns the weights over seeds; None if no layer has any."""
    if importances[0] is None:
        return {"weights": None, "agreement_of_seeds": None}
    of_seeds = np.stack(importances)
    statistics = {
        name: values.tolist() for name, values in weights.over_seeds(of_seeds).items()
    }
    return {
        "weights": statistics | {"of_seeds": of_seeds.tolist()},
        "agreement_of_seeds": weights.agreement_of_seeds(of_seeds),
    }


def _channel_rows(content: Row, label: str, judgement: scores.Judgement) -> list[Row]:
    permuted = scores.lost_permuted(judgement)
    without = scores.lost_without(judgement)
    return [
        {"label": label, "channel": name, "spread": content["spread"][number]}
        | _weight_of(content["weights"], number)
        | _lost("permuted", permuted[name])
        | _lost("without", without.get(name))
        for number, name in enumerate(content["channels"])
    ]


def _weight_of(over_seeds: Row | None, number: int) -> Row:
    ends = {"": "mean", "_low": "low", "_high": "high", "_sd": "sd"}
    if over_seeds is None:
        return {f"weight{end}": None for end in ends} | {"weight_of_seeds": []}
    row = {f"weight{end}": over_seeds[key][number] for end, key in ends.items()}
    return row | {
        "weight_of_seeds": [
            weights_of_seed[number] for weights_of_seed in over_seeds["of_seeds"]
        ]
    }


def _lost(name: str, lost: Mapping[str, Any] | None) -> Row:
    ends = {"": "value", "_low": "low", "_high": "high", "_p": "p"}
    if lost is None:
        return {f"{name}{end}": None for end in ends} | {f"{name}_of_seeds": []}
    row = {f"{name}{end}": lost[key] for end, key in ends.items()}
    return row | {f"{name}_of_seeds": lost["of_seeds"]}


def _accuracy(known: Known, asked: scores.Asked, judgement: scores.Judgement) -> Row:
    base = scores.floor(asked, known.answered, known.by_intensity[asked.label])
    return {
        "label": asked.label,
        **scores.accuracy(judgement, known.answered.seed),
        "of_seeds": judgement.whole.values.tolist(),
        "chance": asked.chance,
        "intensity": base.value,
        "over_intensity": scores.gain(judgement, base),
    }


def _agreement(rows: Sequence[Row], label: str) -> list[Row]:
    """Returns rank correlations of the yardsticks that are there for all channels."""
    yardstick_values = {
        yardstick: [row[key] for row in rows]
        for key, yardstick in YARDSTICKS.items()
        if all(row[key] is not None for row in rows)
    }
    return [{"label": label, **row} for row in weights.agreements(yardstick_values)]


def _controls(codes: np.ndarray, is_control: np.ndarray) -> list[int]:
    """Finds classes all of whose records are controls; none if all classes are."""
    present = np.unique(codes[codes >= 0])
    controls = [int(code) for code in present if is_control[codes == code].all()]
    return controls if len(controls) < len(present) else []


def _class_rows(known: Known, label: str, controls: Sequence[int]) -> list[Row]:
    codes, names = known.codes[label], known.judged.names[label]
    class_questions = [*scores.class_questions(label, codes, names, controls)]
    line, rows = Progress("classes", len(class_questions), "questions"), []
    for question in class_questions:
        rows += scores.class_rows(question, known.answered)
        line.update(1)
    line.close()
    return rows
