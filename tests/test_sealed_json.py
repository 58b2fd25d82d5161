"""JSON files that carry a digest of themselves."""

import hashlib
import json
import math

import numpy as np
import pytest

from gandl_jax import sealed_json

CONTENT = {"b": [1, 2.5, "Übung"], "a": {"x": None, "y": True}, "c": 1e-300}


@pytest.fixture
def path(tmp_path):
    sealed_json.write(tmp_path / "x.json", CONTENT)
    return tmp_path / "x.json"


def test_what_is_written_is_read(path):
    assert sealed_json.read(path) == CONTENT


def test_digest_is_that_of_the_sorted_content(path):
    text = '{"a":{"x":null,"y":true},"b":[1,2.5,"\\u00dcbung"],"c":1e-300}'
    wanted = hashlib.sha256(text.encode()).hexdigest()
    assert json.loads(path.read_text())["sha256"] == wanted


def test_layout_does_not_count(path):
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert sealed_json.read(path) == CONTENT


def test_no_flipped_bit_gives_another_content(path):
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for bit in rng.choice(8 * len(whole), 300, replace=False):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            found = sealed_json.read(path)
        except ValueError:
            continue
        # Blanks, or the name of the digest itself: the content is the same.
        assert CONTENT.items() <= found.items()


def test_not_finite_numbers_are_kept(tmp_path):
    sealed_json.write(tmp_path / "x.json", {"x": math.inf})
    assert sealed_json.read(tmp_path / "x.json") == {"x": math.inf}


def test_writing_again_makes_the_digest_anew(path):
    sealed_json.write(path, {**json.loads(path.read_text()), "c": 2})
    assert sealed_json.read(path) == CONTENT | {"c": 2}


def test_former_files_are_read_and_that_is_said_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sealed_json, "_reported", set())
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text('{"a": 1}')
        assert sealed_json.read(tmp_path / name) == {"a": 1}
    assert capsys.readouterr().out.count("carries no digest") == 1


@pytest.mark.parametrize("text", ["[1]", '"x"', "1", "{", ""])
def test_what_is_no_object_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError):
        sealed_json.read(tmp_path / "x.json")
