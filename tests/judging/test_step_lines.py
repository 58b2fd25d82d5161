"""The lines of a task: one for each of its counts."""

import re
import time

import pytest

from gandl_jax import progress
from gandl_jax.judging import step_lines
from gandl_jax.judging.step_lines import StepLines
from gandl_jax.tasks import steps


def test_a_line_for_each_count(capsys):
    with StepLines("retrieval"):
        with steps.counted(2, "searches"):
            steps.add(2)
        with steps.counted(3, "SVMs"):
            steps.add(1)
            steps.add(2)
    first, second = capsys.readouterr().out.splitlines()
    assert re.match(r"retrieval +2/2 searches +100% .* took 0:00$", first)
    assert re.match(r"retrieval +3/3 SVMs +100% .* took 0:00$", second)


def test_a_task_without_a_count_has_no_line(capsys):
    with StepLines("components"):
        steps.add()
    assert capsys.readouterr().out == ""


def test_a_task_that_breaks_off_ends_no_line(capsys):
    with pytest.raises(RuntimeError), StepLines("task"), steps.counted(5, "SVMs"):
        steps.add()
        raise RuntimeError
    assert capsys.readouterr().out == ""


def test_a_step_that_takes_long_has_lines_too(capsys, monkeypatch):
    monkeypatch.setattr(step_lines, "AGAIN_S", 0.01)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    with StepLines("well_map"), steps.counted(2, "maps"):
        steps.add()
        said, late = "", time.monotonic() + 10
        while "1/2 maps" not in said and time.monotonic() < late:
            time.sleep(0.02)
            said += capsys.readouterr().out
    assert re.search(r"well_map +1/2 maps +50% .* ETA", said)
