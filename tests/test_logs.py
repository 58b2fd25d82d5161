"""Metrics files."""

import json

from gandl_jax import logs


def read(workdir):
    return [json.loads(x) for x in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_a_resume_drops_lines_after_its_step_and_a_torn_one(tmp_path):
    first = logs.Metrics(logs.Former.read(tmp_path, 0))
    for step in (2, 4, 6):
        first.write(step, 10 * step, 1.0 * step, {"d/loss": 0.5})
    first.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "ima')
    former = logs.Former.read(tmp_path, 4)
    assert former.seconds == 4.0
    assert [line["step"] for line in former.lines] == [2, 4]
    second = logs.Metrics(former)
    second.write(6, 60, 7.5, {"d/loss": 0.25})
    second.close()
    assert [(line["step"], line["d/loss"]) for line in read(tmp_path)] == [
        (2, 0.5),
        (4, 0.5),
        (6, 0.25),
    ]


def test_reading_leaves_out_torn_lines_and_keeps_the_later_of_two(tmp_path):
    lines = ['{"step": 2, "x": 1}', '{"step": 1, "x": 2}', "{}", '{"st', "3"]
    lines += ['{"step": 2, "x": 3}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert logs.read(tmp_path) == [{"step": 1, "x": 2}, {"step": 2, "x": 3}]
    assert logs.read(tmp_path / "nowhere") == []
