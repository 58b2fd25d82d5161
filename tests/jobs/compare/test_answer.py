"""Sentences of a comparison's answer, beside the rows that they are made of."""

import re

from gandl_jax.jobs.compare import answer
from gandl_jax.judging.judged import TRAINED

QUESTION = "Label classification: all, Class"


def row(arm, rank, value, gain):
    low, high = gain - 0.1, gain + 0.1
    return {
        "task": "label_classification",
        "arm": arm,
        "role": TRAINED,
        "rank": rank,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "best": 0.5,
        "seeds": [0, 1],
        "lower_is_better": False,
        "minus_untrained": {"value": gain, "low": low, "high": high},
    }


def test_a_gain_is_told_by_its_interval_and_weights_are_not_called_training():
    rows = [
        row("published", 1, 0.8, 0.3),
        row("learns", 2, 0.7, 0.2),
        row("flat", 3, 0.6, 0.05),
        row("level", 4, 0.6, -0.05),
        row("forgets", 5, 0.4, -0.2),
    ]
    cost = {name: {"steps": 10} for name in ("learns", "flat", "level", "forgets")}
    section = answer.section(QUESTION, rows, [], cost)
    found = re.findall(r"<li>(.*?)</li>", str(section), re.DOTALL)
    beside = "beside its untrained network."
    assert found[1:] == [
        "published is not trained; its weights beside random ones: "
        "+0.300 [+0.200, +0.400].",
        f"Training helps learns: +0.200 [+0.100, +0.300] {beside}",
        f"Training harms forgets: -0.200 [-0.300, -0.100] {beside}",
        "Training makes no difference that these records can show for "
        "flat (+0.050 [-0.050, +0.150]), level (-0.050 [-0.150, +0.050]), "
        f"each {beside}",
    ]
