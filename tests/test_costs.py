"""The file of costs: read back, damaged, and written beside what others wrote."""

import json

import pytest

from gandl_jax import costs, sealed_json
from gandl_jax.errors import InputError

TRAINING = {
    "step": 7,
    "since_step": 0,
    "steps": 7,
    "images": 28,
    "batch": 4,
    "stopped": None,
    "seconds": {"steps": 2.5},
    "compile_seconds": 1.0,
    "redone": {"steps": 0, "seconds": 0.0},
    "peak_host_bytes": 10,
    "peak_device_bytes": None,
    "flops_per_step": 1e9,
    "parameters": {
        "encoder": 1,
        "encoder_by_name": {"net": 1},
        "state": 2,
        "state_by_name": {"net": 2},
    },
    "device": "cpu",
    "devices": 1,
    "hosts": 1,
    "began": "2026-01-01T00:00:00+00:00",
    "written": "2026-01-01T00:00:09+00:00",
}
EMBEDDING = {
    "widths": {"b8": 16},
    "sites": 100,
    "seconds": 5.0,
    "sites_per_second": 20.0,
    "compile_seconds": 1.0,
    "device": "cpu",
    "devices": 1,
    "hosts": 1,
    "written": "2026-01-01T00:00:09+00:00",
}


def test_parts_are_written_beside_one_another(tmp_path):
    assert costs.read(tmp_path) is None
    costs.write_embedding(tmp_path, "screen", "gan@7", EMBEDDING)
    costs.write_training(tmp_path, TRAINING)
    costs.write_embedding(tmp_path, "screen", "gan@0", EMBEDDING)
    both = {"gan@7": EMBEDDING, "gan@0": EMBEDDING}
    assert costs.read(tmp_path) == {
        "training": TRAINING,
        "embedding": {"screen": both},
    }
    costs.drop_training(tmp_path)
    assert costs.read(tmp_path) == {"embedding": {"screen": both}}


def test_an_end_is_told_once_and_of_its_own_step(tmp_path):
    costs.end_training(tmp_path, 7, costs.PLANNED)
    assert not list(tmp_path.iterdir()), "nothing is measured, nothing told"
    costs.write_training(tmp_path, TRAINING)
    costs.end_training(tmp_path, 6, "another step's")
    assert costs.read(tmp_path)["training"]["stopped"] is None
    costs.end_training(tmp_path, 7, "early")
    costs.end_training(tmp_path, 7, costs.PLANNED)
    stopped = costs.read(tmp_path)["training"]["stopped"]
    assert stopped == {"step": 7, "why": "early"}


def changed(tmp_path):
    content = json.loads((tmp_path / costs.FILE).read_text())
    content["training"]["steps"] = 8
    return json.dumps(content)


def of_another_type(tmp_path):
    del tmp_path
    return json.dumps(sealed_json.sealed({"training": {**TRAINING, "steps": "7"}}))


@pytest.mark.parametrize(
    "damage",
    [changed, of_another_type, lambda _: "{", lambda _: "[]", lambda _: '{"a": 1}'],
)
def test_a_damaged_file_is_refused_and_begun_anew(tmp_path, damage, capsys):
    costs.write_training(tmp_path, TRAINING)
    (tmp_path / costs.FILE).write_text(damage(tmp_path))
    with pytest.raises(InputError, match="restore it from a copy or delete it"):
        costs.read(tmp_path)
    costs.write_embedding(tmp_path, "screen", "gan@7", EMBEDDING)
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"note: {tmp_path / costs.FILE} is damaged: begun anew"
    assert costs.read(tmp_path) == {"embedding": {"screen": {"gan@7": EMBEDDING}}}


def test_what_cannot_be_written_stops_nothing(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed_json, "write", refuse)
    costs.write_training(tmp_path, TRAINING)
    assert "cannot be written: [Errno 28] No space left" in capsys.readouterr().out
