"""What befell a training."""

from gandl_jax import events, logs


def test_files_with_spoilt_lines_are_read_and_added_to(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b'\xff{"what": "sta')
    events.add(tmp_path, "started", step=0)
    events.add(tmp_path, "finished", step=9)
    assert [e["what"] for e in events.read(tmp_path)] == ["started", "finished"]
    assert [e["step"] for e in events.read(tmp_path, "finished")] == [9]


def test_a_line_without_its_time_is_no_start_of_the_clock(tmp_path):
    lines = '{"step": 1, "seconds": 2.5}\n{"step": 2, "seconds": "x"}\n{"step": 3}\n'
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert logs.Former.read(tmp_path, 9).seconds == 2.5
