"""Metrics and events: a damaged line is named, half a last one is normal."""

import json

import pandas as pd
import pytest

from gandl_jax import events, json_lines, logs


def written(folder, steps=(1, 2, 3, 4)):
    metrics = logs.Metrics(logs.Former.read(folder, 0))
    for step in steps:
        metrics.write(step, 8 * step, 0.5 * step, {"d/loss": 1 / step, "g/loss": 0.7})
    metrics.close()
    return folder / "metrics.jsonl"


def damaged(file):
    return json_lines.damaged(file, logs.is_metrics)


def test_lines_are_json_that_pandas_reads(tmp_path):
    table = pd.read_json(written(tmp_path), lines=True)
    assert table["step"].tolist() == [1, 2, 3, 4]
    assert table["d/loss"].tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert set(table) == {"step", "images", "seconds", "d/loss", "g/loss", "sha256"}
    assert logs.read(tmp_path)[1]["d/loss"] == 1 / 2
    assert "sha256" not in logs.read(tmp_path)[0]


@pytest.mark.parametrize("count", [100, pytest.param(300, marks=pytest.mark.slow)])
def test_no_flipped_bit_goes_unnoticed(tmp_path, flipped, count):
    file = written(tmp_path)
    whole = logs.read(tmp_path)
    for _ in flipped(file, count):
        found = logs.read(tmp_path)
        assert all(line in whole for line in found)
        assert found == whole or damaged(file)
    assert not damaged(file)


def test_half_a_last_line_is_no_damage(tmp_path):
    file = written(tmp_path)
    *_, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(file.read_bytes()[:-1])
    assert [line["step"] for line in logs.read(tmp_path)] == [1, 2, 3, 4]
    for left in range(len(last) - 2, 0, -1):
        file.write_bytes(file.read_bytes()[:-1])
        assert json_lines.ends_in_half(file) and not damaged(file), left
        assert [line["step"] for line in logs.read(tmp_path)] == [1, 2, 3]
    file.write_bytes(file.read_bytes() + last[1:-1] + b"J")  # its end was flipped
    assert damaged(file) == [4]


def test_a_resume_keeps_damaged_lines_and_says_which(tmp_path, capsys):
    file = written(tmp_path)
    one, two, three, four = file.read_bytes().splitlines(keepends=True)
    two = two.replace(b"0.7", b"0.8")
    file.write_bytes(one + two + three + four[:20])
    logs.Metrics(logs.Former.read(tmp_path, 3)).close()
    assert file.read_bytes() == one + two + three
    told = "metrics.jsonl: line 2 is damaged and left out"
    assert told in capsys.readouterr().out
    assert [line["step"] for line in logs.read(tmp_path)] == [1, 3]


def test_lines_of_former_versions_are_read_until_the_first_with_a_digest(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1, "images": 8}\n{"step": 2, "images": 16}\n')
    metrics = logs.Metrics(logs.Former.read(tmp_path, 2))
    metrics.write(3, 24, 1.5, {})
    metrics.close()
    assert [line["step"] for line in logs.read(tmp_path)] == [1, 2, 3]
    with file.open("a") as opened:
        opened.write('{"step": 4, "images": 32}\n')
    assert damaged(file) == [4]


@pytest.mark.parametrize("wrong", [None, "1", [1], {}, True])
def test_values_of_another_type_are_damage(tmp_path, wrong):
    file = tmp_path / "metrics.jsonl"
    json_lines.append(file, {"step": 1, "images": 8, "seconds": wrong})
    json_lines.append(file, {"step": 2, "images": 8, "seconds": 2.0})
    assert damaged(file) == [1] and logs.Former.read(tmp_path, 9).seconds == 2.0


def test_not_finite_numbers_are_kept(tmp_path):
    json_lines.append(tmp_path / "metrics.jsonl", {"step": 1, "x": float("inf")})
    assert logs.read(tmp_path) == [{"step": 1, "x": float("inf")}]


@pytest.mark.parametrize("count", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_no_flipped_bit_of_an_event_goes_unnoticed(tmp_path, flipped, count):
    events.add(tmp_path, "started", step=0, devices="1 x cpu")
    events.add(tmp_path, "rolled_back", step=7, to=0, why="d/loss is nan")
    whole, file = events.read(tmp_path), tmp_path / events.FILE
    for _ in flipped(file, count):
        found = events.read(tmp_path)
        # Where the digest's own name is damaged, the first line is as a former one.
        assert all(any(one.items() <= x.items() for one in whole) for x in found)
        assert len(found) == 2 or json_lines.damaged(file, events.is_event)


def test_an_event_after_half_a_line_is_written_in_its_place(tmp_path):
    events.add(tmp_path, "started", step=0)
    with (tmp_path / events.FILE).open("a") as file:
        file.write('{"date": "2026')
    events.add(tmp_path, "finished", step=9)
    assert [event["what"] for event in events.read(tmp_path)] == ["started", "finished"]
    lines = (tmp_path / events.FILE).read_text().splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["started", "finished"]
