"""What a task notices while it runs is printed, and kept with its result."""

from gandl_jax.judging import task_results
from gandl_jax.profiles.normalize import Doubt
from gandl_jax.tasks import remarks


def test_what_a_task_notices_is_printed_and_given(capsys):
    def run():
        remarks.add("mine", "whiten", [Doubt("shrunken", -64, "64 records are few")])
        return "rows"

    made, noticed = task_results.noted("evaluate", "well_map", run)
    assert made == "rows"
    assert noticed == ["normalisation of mine by whiten: 64 records are few"]
    words = "note: well_map: normalisation of mine by whiten: 64 records are few"
    assert words in capsys.readouterr().out
