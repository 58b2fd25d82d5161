"""What lies in a feature set's folder is held against what was written."""

import json
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest

from gandl_jax import sealed_json
from gandl_jax.errors import InputError
from gandl_jax.profiles import part_file, store

NOTE = {"prepared": "abc", "weights_sha256": "1", "saw_images": True}
COUNTS = [60, pytest.param(300, marks=pytest.mark.slow)]


def features(seed, count=6):
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def part(directory, number, seed):
    path = directory / f"part-{number:05d}.parquet"
    ids = [f"s{number}-{i}" for i in range(6)]
    metadata = pd.DataFrame(
        {"Metadata_Record_ID": ids, "Metadata_Treatment": ["a", "drugB"] * 3}
    )
    store.write_part(path, metadata, {"b8": features(seed)})
    return path


def half_made(directory, note=NOTE, seed=0):
    assert store.claim(directory, note)
    return [part(directory, number, seed + number) for number in range(2)]


@pytest.fixture
def folder(tmp_path):
    half_made(tmp_path / "gan@9")
    store.finish(tmp_path / "gan@9")
    return tmp_path / "gan@9"


def content(directory):
    one = store.read(directory)["b8"]
    return one.metadata.to_json(), one.features.tobytes()


def as_former_versions_wrote_it(directory):
    """Takes all digests away."""
    for path in directory.glob("_part-*"):
        path.unlink()
    note = json.loads((directory / "_made_from.json").read_text())
    note.pop("sha256")
    (directory / "_made_from.json").write_text(json.dumps(note))
    if (directory / "_SUCCESS").exists():
        parts = {path.name: 6 for path in directory.glob("part-*")}
        (directory / "_SUCCESS").write_text(json.dumps(parts))


@pytest.mark.parametrize("count", COUNTS)
def test_no_flipped_bit_of_a_part_gives_other_features(folder, count, flipped):
    for _ in flipped(folder / "part-00001.parquet", count):
        with pytest.raises(InputError, match="part-00001.parquet is damaged, .*again"):
            store.read(folder)
        assert not store.is_complete(folder)
    assert store.is_complete(folder)


@pytest.mark.parametrize("name", ["_SUCCESS", "_made_from.json", "_part-00001.json"])
@pytest.mark.parametrize("count", COUNTS)
def test_no_flipped_bit_of_a_note_gives_other_features(folder, name, count, flipped):
    before, note, refused = content(folder), store.made_from(folder), 0
    for _ in flipped(folder / name, count):
        try:
            assert content(folder) == before
            assert note.items() <= store.made_from(folder).items()
        except InputError as error:
            assert "not complete" in str(error)
            refused += 1
    assert refused == 0 if name.startswith("_part") else refused > count / 2


@pytest.mark.parametrize("name", ["_SUCCESS", "_made_from.json"])
def test_a_damaged_note_is_written_again_and_no_part_is_lost(folder, name, capsys):
    before, whole = content(folder), (folder / name).read_bytes()
    (folder / name).write_bytes(whole.replace(b"a", b"b", 1))
    if store.claim(folder, NOTE):
        assert all(store.is_whole(path) for path in folder.glob("part-*"))
        store.finish(folder)
    assert "it is made again" not in capsys.readouterr().out
    assert content(folder) == before and (folder / name).read_bytes() == whole


def test_a_damaged_note_is_not_made_to_say_something_else(folder):
    (folder / "_made_from.json").write_text("{")
    with pytest.raises(InputError, match="made from something else .*delete that"):
        store.claim(folder, NOTE | {"weights_sha256": "2"})
    assert (folder / "_made_from.json").read_text() == "{"


def test_a_part_that_is_damaged_before_the_end_is_noticed(tmp_path, capsys, flipped):
    one, other = half_made(tmp_path / "gan@9")
    for _ in flipped(one, 20):
        assert not store.is_whole(one)
    assert "part-00000.parquet: is not as it was written; it is" in (
        capsys.readouterr().out
    )
    assert store.is_whole(one) and store.is_whole(other)


@pytest.mark.parametrize("with_note", [True, False])
def test_a_part_of_another_encoder_is_none_of_ours(tmp_path, with_note):
    ours = half_made(tmp_path / "gan@9")
    theirs = half_made(tmp_path / "gan@0", NOTE | {"weights_sha256": "2"}, seed=5)
    shutil.copy(theirs[0], ours[0])
    if with_note:
        note = "_part-00000.json"
        shutil.copy(tmp_path / "gan@0" / note, tmp_path / "gan@9" / note)
    assert not store.is_whole(ours[0]) and store.is_whole(ours[1])
    part(tmp_path / "gan@9", 0, 0)  # as embed does then
    store.finish(tmp_path / "gan@9")
    np.testing.assert_array_equal(
        store.read(tmp_path / "gan@9")["b8"].features,
        np.concatenate([features(0), features(1)]),
    )
    shutil.copy(theirs[0], ours[0])
    with pytest.raises(InputError, match="part-00000.parquet is damaged"):
        store.read(tmp_path / "gan@9")


def test_two_parts_that_changed_places_are_refused(folder):
    one, other = (folder / f"part-0000{i}.parquet" for i in range(2))
    one.rename(folder / "x"), other.rename(one), (folder / "x").rename(other)
    with pytest.raises(InputError, match="part-00000.parquet is damaged"):
        store.read_metadata(folder)


def test_the_note_of_another_encoder_is_refused(tmp_path, folder):
    half_made(tmp_path / "gan@0", NOTE | {"saw_images": False})
    shutil.copy(tmp_path / "gan@0/_made_from.json", folder)
    with pytest.raises(InputError, match="not complete: .*_made_from.json is damaged"):
        store.read(folder)
    assert not store.claim(folder, NOTE)  # which writes it again
    assert store.made_from(folder) == NOTE


def test_a_cut_part_is_not_complete(folder):
    path = folder / "part-00001.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    assert store.find_damage(folder) == "part-00001.parquet is not as it was written"
    assert store.claim(folder, NOTE)
    as_former_versions_wrote_it(folder)
    assert store.find_damage(folder) == "part-00001.parquet cannot be read"
    assert store.claim(folder, NOTE)
    assert [store.is_whole(p) for p in sorted(folder.glob("part-*"))] == [True, False]


def test_former_folders_are_read_and_that_is_said_once(folder, capsys, monkeypatch):
    before = content(folder)
    as_former_versions_wrote_it(folder)
    monkeypatch.setattr(sealed_json, "_reported", set())
    assert content(folder) == before and not store.claim(folder, NOTE)
    assert capsys.readouterr().out.count("carries no digest") == 1


def test_parts_that_a_former_version_left_are_kept_and_guarded_since(tmp_path, flipped):
    one, other = half_made(tmp_path / "gan@9")
    as_former_versions_wrote_it(tmp_path / "gan@9")
    assert store.claim(tmp_path / "gan@9", NOTE)
    assert store.is_whole(one) and store.is_whole(other)
    for _ in flipped(one, 20):
        assert not store.is_whole(one)


@pytest.mark.parametrize(
    "wrong", [{"channels": 5}, {"saw_images": "x"}, {"encoder": [1]}, {"level": None}]
)
def test_values_of_another_type_in_a_note_are_one_sentence(folder, wrong):
    sealed_json.write(folder / "_made_from.json", NOTE | wrong)
    with pytest.raises(InputError, match="_made_from.json is damaged: run --job=embed"):
        store.made_from(folder)
    with pytest.raises(InputError, match="not complete"):
        store.read(folder)


@pytest.mark.parametrize("wrong", [None, 1.0, "6", True, [6], -6])
def test_counts_of_another_type_are_one_sentence(folder, wrong):
    parts = json.loads((folder / "_SUCCESS").read_text())["parts"]
    parts["part-00000.parquet"]["records"] = wrong
    made_from = store.origin_note.digest(NOTE)
    sealed_json.write(folder / "_SUCCESS", {"parts": parts, "made_from": made_from})
    with pytest.raises(InputError, match="not complete: .*_SUCCESS is damaged"):
        store.read(folder)


def test_a_part_is_hashed_once_as_long_as_it_stays(folder, monkeypatch):
    path, hashed = folder / "part-00000.parquet", []
    read_bytes = part_file.files.read_bytes

    def spy(path, *args):
        hashed.append(pathlib.Path(path).name)
        return read_bytes(path, *args)

    monkeypatch.setattr(part_file.files, "read_bytes", spy)
    monkeypatch.setattr(part_file, "_SETTLED_S", -1.0)  # as a minute later
    for _ in range(3):
        store.read(folder), store.read_metadata(folder)
    assert hashed.count(path.name) == 1
    path.write_bytes(read_bytes(path)[::-1])
    with pytest.raises(InputError, match="damaged"):
        store.read(folder)


@pytest.mark.parametrize("count", COUNTS)
def test_no_flipped_bit_of_a_former_part_is_a_traceback(folder, count, flipped):
    as_former_versions_wrote_it(folder)
    for _ in flipped(folder / "part-00001.parquet", count):
        try:
            store.read(folder)
        except InputError as error:
            assert "part-00001.parquet" in str(error)
