"""Metrics files and progress lines."""

import json

import pytest

from gandl_jax import logs


def read(workdir):
    return [json.loads(x) for x in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_a_resume_drops_lines_after_its_step_and_a_torn_one(tmp_path):
    first = logs.Metrics(tmp_path, 0)
    for step in (2, 4, 6):
        first.write(step, 10 * step, 1.0 * step, {"d/loss": 0.5})
    first.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "ima')
    second = logs.Metrics(tmp_path, 4)
    assert logs.last_seconds(tmp_path) == 4.0
    second.write(6, 60, 7.5, {"d/loss": 0.25})
    second.close()
    assert [(line["step"], line["d/loss"]) for line in read(tmp_path)] == [
        (2, 0.5),
        (4, 0.5),
        (6, 0.25),
    ]


@pytest.mark.parametrize(
    "seconds, text",
    [(5, "0:05"), (65.4, "1:05"), (3661, "1:01:01"), (float("inf"), "?")],
)
def test_durations(seconds, text):
    assert logs.duration(seconds) == text


def test_progress_tells_rate_and_what_is_left(capsys, monkeypatch):
    clock = iter([0.0, 50.0, 50.0, 60.0, 60.0])
    monkeypatch.setattr(logs.time, "monotonic", lambda: next(clock))
    progress = logs.Progress("train", 100, "images", start=20)
    progress.update(10)  # takes 50 s, for it compiles
    assert "30/100" in capsys.readouterr().out
    progress.update(40)
    line = capsys.readouterr().out
    assert "70/100" in line and "4.0 images/s" in line and "ETA 0:08" in line
