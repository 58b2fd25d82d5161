"""What a workdir says of itself."""

import importlib.metadata
import json

import pytest

from gandl_jax import config as configs
from gandl_jax import workdir
from gandl_jax.errors import InputError


def test_a_damaged_note_is_told_in_one_sentence(tmp_path):
    (tmp_path / "config.json").write_bytes(b'{"config": {\xff')
    with pytest.raises(InputError, match=r"config\.json is damaged: .*--workdir"):
        workdir.refuse_another(tmp_path, configs.default())


@pytest.fixture
def folder(tmp_path):
    workdir.record(tmp_path, configs.default(), "--config=configs/demo.py")
    return tmp_path


def edited(folder, change):
    file = folder / "config.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_no_flipped_bit_gives_another_config(folder, flipped, count):
    before = workdir.read_config(folder)
    for _ in flipped(folder / "config.json", count):
        try:
            assert workdir.read_config(folder) == before
        except InputError as error:
            assert "config.json is damaged: restore it" in str(error)


def test_an_edit_by_hand_is_refused_and_the_sentence_says_how_it_is_meant(folder):
    def change(content):
        content["config"]["train.batch"] = 64

    edited(folder, change)
    with pytest.raises(InputError, match='edited by hand, .* take its "sha256" out'):
        workdir.read_config(folder)
    edited(folder, lambda content: content.pop("sha256"))
    assert workdir.read_config(folder).train.batch == 64


@pytest.mark.parametrize(
    "key, wrong",
    [
        ("train.batch", None),
        ("train.batch", 32.0),
        ("train.batch", True),
        ("method.learning_rate", "0.1"),
        ("method.learning_rate", float("nan")),
        ("data.name", 3),
        ("data.channels", "dna"),
        ("data.channels", [["dna"]]),
    ],
)
def test_values_of_another_type_are_one_sentence(folder, key, wrong):
    def change(content):
        content["config"][key] = wrong
        del content["sha256"]

    edited(folder, change)
    with pytest.raises(InputError, match=f"config.json .*{key}=.*restore"):
        workdir.read_config(folder)


def test_whole_numbers_do_for_fractions(folder):
    def change(content):
        content["config"]["method.learning_rate"] = 1
        del content["sha256"]

    edited(folder, change)
    assert workdir.read_config(folder).method.learning_rate == 1


@pytest.mark.parametrize(
    "key, wrong",
    [
        ("history", [1]),
        ("history", [{"date": 5, "changed": {}}]),
        ("history", [{"date": "x", "changed": {"seed": 3}}]),
        ("versions", {"jax": 5}),
        ("command", ["x"]),
        ("devices", 3),
        ("prepared", None),
        ("start", {"from": "x"}),
        ("start", {"from": "x", "sha256": "1", "trained_on": [3]}),
    ],
)
def test_notes_of_another_type_are_one_sentence(folder, key, wrong):
    def change(content):
        content[key] = wrong
        del content["sha256"]

    edited(folder, change)
    with pytest.raises(InputError, match="config.json is damaged: restore it"):
        workdir.noted(folder, "command")


def test_a_workdir_in_which_nothing_was_made_is_nobodys(tmp_path):
    config, other = configs.default(), configs.default()
    other.seed = config.seed + 1
    workdir.record(tmp_path, config, "--job=train")
    workdir.note(tmp_path, "prepared", "of a killed run")
    (tmp_path / "lock").touch()
    (tmp_path / "profiles" / "empty").mkdir(parents=True)
    workdir.refuse_another(tmp_path, other)
    workdir.record(tmp_path, other, "--job=train")
    assert workdir.read_config(tmp_path).seed == other.seed
    workdir.claim(
        tmp_path, "prepared", "another", other=""
    )  # what it was bound to is gone
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(InputError, match="is another experiment's: its seed is 1"):
        workdir.refuse_another(tmp_path, config)


@pytest.mark.parametrize("wheel", ["tensorflow", "tensorflow-cpu"])
def test_tensorflows_version_is_recorded_whichever_wheel_is_there(
    wheel, tmp_path, monkeypatch
):
    def version(name):
        if name in ("tensorflow", "tensorflow-cpu") and name != wheel:
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(importlib.metadata, "version", version)
    workdir.record(tmp_path, configs.default(), "")
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["versions"]["tensorflow"] == "1.2.3"
    assert "tensorflow-cpu" not in record["versions"]
