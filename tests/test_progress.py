"""Progress lines."""

import pytest

from gandl_jax import progress


def set_clock(monkeypatch, *times):
    clock = iter(times)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))


@pytest.mark.parametrize(
    "seconds, text",
    [(5, "0:05"), (65.4, "1:05"), (3661, "1:01:01"), (float("inf"), "?")],
)
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


def test_progress_tells_rate_and_what_is_left(capsys, monkeypatch):
    set_clock(monkeypatch, 0.0, 50.0, 50.0, 60.0, 60.0)
    line = progress.Progress("train", 100, "images", start=20)
    line.update(10)  # takes 50 s, for it compiles
    assert "30/100" in capsys.readouterr().out
    line.update(40)
    out = capsys.readouterr().out
    assert "70/100" in out and "4.0 images/s" in out and "ETA 0:08" in out


def test_after_a_single_update_the_last_line_has_the_overall_rate(capsys, monkeypatch):
    set_clock(monkeypatch, 0.0, 20.0, 20.0)
    line = progress.Progress("embed", 80, "sites")
    line.update(80)
    line.close()
    out = capsys.readouterr().out
    assert "80/80" in out and "4.0 sites/s" in out and "took 0:20" in out


def test_nothing_done_is_a_rate_of_zero(capsys, monkeypatch):
    set_clock(monkeypatch, 0.0, 2.0)
    progress.Progress("prepare", 0, "sites").close()
    assert "0/0 sites   0%  0.0 sites/s  took 0:02" in capsys.readouterr().out


@pytest.mark.parametrize(
    "took, text", [(50.0, "0.02 maps/s"), (3.0, "0.33 maps/s"), (0.001, "1,000.0")]
)
def test_a_slow_rate_has_two_digits(took, text, capsys, monkeypatch):
    set_clock(monkeypatch, 0.0, took, took)
    line = progress.Progress("well_map", 1, "maps")
    line.update(1)
    line.close()
    assert text in capsys.readouterr().out
