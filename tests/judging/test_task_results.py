"""What a task notices while it runs is printed, and kept with its result."""

import pytest

from gandl_jax.errors import InputError
from gandl_jax.judging import task_results
from gandl_jax.profiles.normalize import Doubt
from gandl_jax.tasks import remarks


def test_what_a_task_notices_is_printed_and_given(capsys):
    def run():
        remarks.add("mine", "whiten", [Doubt("shrunken", -64, "64 records are few")])
        return "rows"

    made, noticed = task_results.run_with_remarks("evaluate", "well_map", run)
    assert made == "rows"
    assert noticed == ["normalisation of mine by whiten: 64 records are few"]
    words = "note: well_map: normalisation of mine by whiten: 64 records are few"
    assert words in capsys.readouterr().out


def test_classifications_are_those_that_the_config_asks_for():
    every = set(task_results.classifications())
    assert {"control_classification", "label_classification"} < every
    asked = task_results.classifications("all,-label_classification")
    assert set(asked) == every - {"label_classification"}
    with pytest.raises(InputError, match="names no classification: name some of"):
        task_results.classifications("dose_response")
