"""Checkpoints: what is kept, and what is refused."""

import concurrent.futures
import json
import resource
import subprocess

import numpy as np
import pytest

from gandl_jax import file_hashes
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.errors import InputError, RunError

SIZES = {"model.latent_dim": 8, "data.channels": ["dna"]}


def items(value):
    return {
        "encoder": {"w": np.full(3, value, np.float32)},
        "train": {"w": np.full(3, value, np.float32), "step": np.int32(value)},
    }


def test_step_0_and_the_newest_are_kept_and_items_are_read_singly(tmp_path):
    saved = Checkpoints(tmp_path, keep=2)
    assert saved.steps() == []
    assert not (tmp_path / "checkpoints").exists()
    for step in (0, 5, 10, 15):
        saved.save(step, items(step), SIZES)
    saved.close()
    again = Checkpoints(tmp_path, keep=2)
    assert again.steps() == [0, 10, 15]
    encoder = again.restore(10, "encoder", items(0)["encoder"])
    np.testing.assert_array_equal(encoder["w"], [10, 10, 10])
    assert again.notes(15) == SIZES
    again.close()


def test_milestones_are_kept_for_ever(tmp_path):
    saved = Checkpoints(tmp_path, keep=2, milestone_every=10)
    for step in range(0, 30, 3):
        saved.save(step, items(step), SIZES)
    saved.save(30, items(30), SIZES)
    saved.save(31, items(31), SIZES)
    saved.close()
    assert Checkpoints(tmp_path).steps() == [0, 30, 31]
    saved = Checkpoints(tmp_path, keep=2, milestone_every=10)
    for step in (33, 40, 41, 42):
        saved.save(step, items(step), SIZES)
    saved.close()
    assert Checkpoints(tmp_path).steps() == [0, 30, 40, 41, 42]


def test_what_cannot_be_written_is_one_sentence_and_the_one_before_stays(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(0, items(0), SIZES)
    saved.wait()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))  # as a disk that is full
    try:
        large = {"train": {"w": np.random.default_rng(0).random(10_000)}}
        with pytest.raises(RunError, match="checkpoint of step 5 cannot be written to"):
            saved.save(5, large, SIZES)
            saved.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Checkpoints(tmp_path).newest(lambda *bad: None) == 0


def test_the_manifest_is_what_sha256sum_reads(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(3, items(3), SIZES)
    saved.close()
    folder = tmp_path / "checkpoints/3"
    words = ["sha256sum", "--check", "--strict", "--quiet", file_hashes.MANIFEST]
    assert not subprocess.run(words, cwd=folder).returncode
    listed = (folder / file_hashes.MANIFEST).read_text().splitlines()
    found = [p for p in folder.rglob("*") if p.is_file()]
    assert len(listed) == len(found) - 1  # all but itself
    (folder / "config/metadata").write_text("{}")
    assert subprocess.run(words, cwd=folder, capture_output=True).returncode
    assert file_hashes.damage(folder) == "config/metadata is not as it was written"


def test_another_architecture_is_refused_by_name(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(0, items(0), SIZES)
    saved.close()
    again = Checkpoints(tmp_path)
    again.check(0, SIZES)
    with pytest.raises(InputError, match="model.latent_dim=8, the config 16"):
        again.check(0, {**SIZES, "model.latent_dim": 16})
    again.close()


def test_one_that_could_not_be_written_is_told_at_the_next_look(tmp_path, monkeypatch):
    saved = Checkpoints(tmp_path)

    def full(folder):
        raise OSError("No space left on device")

    monkeypatch.setattr(file_hashes, "write", full)
    saved.save(1, items(1), SIZES)
    concurrent.futures.wait([saved._completing])
    with pytest.raises(RunError, match="step 1 cannot be written .*No space left"):
        saved.look()
    saved.look()  # told once
    saved.close()


def test_a_folder_under_another_number_is_passed_over_by_name(tmp_path):
    saved = Checkpoints(tmp_path)
    for step in (0, 5, 9):
        saved.save(step, items(step), SIZES)
    saved.close()
    (tmp_path / "checkpoints" / "5").rename(tmp_path / "checkpoints" / "12")
    again, told = Checkpoints(tmp_path), []
    assert again.newest(lambda *bad: told.append(bad)) == 9
    assert told == [(12, "it holds step 5")]
    with pytest.raises(InputError, match="checkpoints/12 is damaged, it holds step 5"):
        again.restore(12, "encoder", items(0)["encoder"])
    again.close()


def test_a_checkpoint_of_a_former_version_does_not_say_its_step(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(3, items(3), SIZES)
    saved.close()
    notes = tmp_path / "checkpoints" / "3" / "config" / "metadata"
    notes.write_text(json.dumps(SIZES))
    file_hashes.write(tmp_path / "checkpoints" / "3")
    assert Checkpoints(tmp_path).newest(print) == 3
