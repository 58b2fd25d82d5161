"""Any one file of the newest checkpoint truncated, deleted or with a bit flipped."""

import functools
import json
import shutil

import numpy as np
import pytest

from gandl_jax import events, file_hashes
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.errors import InputError, RunError

CASES = 200


@pytest.fixture(scope="module")
def run(run):
    """Runs a method whose network compiles in seconds."""
    return functools.partial(run, method="autoencoder")


@pytest.fixture(scope="module")
def run_of_4(run, tmp_path_factory):
    """A workdir with checkpoints at steps 0, 2 and 4."""
    folder = tmp_path_factory.mktemp("damaged") / "w"
    settings = ("--config.train.total_images=128",)
    settings += ("--config.train.checkpoint_every_images=64",)
    assert run(folder, "--job=prepare,train", *settings) == 0
    assert Checkpoints(folder).steps() == [0, 2, 4]
    return folder, settings


def damage(file, rng) -> str:
    """Does one of three things to a file; gives what it did."""
    data, how = file.read_bytes(), rng.choice(["cut off", "deleted", "one bit flipped"])
    if how == "deleted" or not data:
        file.unlink()
        return f"{file.name} deleted"
    if how == "cut off":
        file.write_bytes(data[: int(rng.integers(0, len(data)))])
    else:
        changed = bytearray(data)
        bit = int(rng.integers(0, 8 * len(data)))
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
    return f"{file.name} {how}"


def test_none_is_restored_and_all_fall_back_and_say_so(run_of_4, tmp_path):
    folder = shutil.copytree(run_of_4[0], tmp_path / "w")
    newest, kept = folder / "checkpoints/4", tmp_path / "whole"
    shutil.copytree(newest, kept)
    names = sorted(p.relative_to(kept) for p in kept.rglob("*") if p.is_file())
    assert len(names) > 10
    rng = np.random.default_rng(0)
    for case in range(CASES):
        what = damage(newest / names[case % len(names)], rng)
        told = []
        saved = Checkpoints(folder)
        assert saved.newest(lambda *bad, told=told: told.append(bad)) == 2, what
        assert [step for step, _ in told] == [4] and told[0][1], what
        with pytest.raises(InputError, match="checkpoints/4 is damaged"):
            saved.notes(4)
        with pytest.raises(InputError, match="checkpoints/4 is damaged"):
            saved.arrays(4, "train")
        with pytest.raises(InputError, match="checkpoints/4 is damaged"):
            saved.restore(4, "train", None)
        saved.close()
        shutil.rmtree(newest)
        shutil.copytree(kept, newest)
    assert Checkpoints(folder).newest(told.append) == 4


def test_training_goes_on_from_the_one_before_and_ends_the_same(
    run, run_of_4, tmp_path, capsys
):
    whole, settings = run_of_4
    folder = shutil.copytree(whole, tmp_path / "w")
    damage(folder / "checkpoints/4/train/manifest.ocdbt", np.random.default_rng(1))
    assert run(folder, "--job=train", *settings) == 0
    assert "checkpoint 4 is passed over: train/manifest" in capsys.readouterr().out
    (told,) = events.read(folder, "passed_over")
    assert told["step"] == 4 and "manifest.ocdbt" in told["why"]
    assert (folder / "set_aside/4-1").is_dir()
    mine, theirs = (Checkpoints(f).arrays(4, "train") for f in (folder, whole))
    for name, array in theirs.items():
        np.testing.assert_array_equal(mine[name], array)


def test_embedding_takes_the_newest_that_is_whole(run, run_of_4, tmp_path, capsys):
    folder = shutil.copytree(run_of_4[0], tmp_path / "w")
    (folder / "checkpoints/4/encoder/_METADATA").unlink()
    last = "--config.embed.steps=last"
    assert run(folder, "--job=embed", *run_of_4[1], last) == 0
    assert "checkpoint 4 is passed over: encoder/_METADATA" in capsys.readouterr().out
    assert (folder / "profiles/simulated/autoencoder@2/_SUCCESS").exists()


def test_where_none_is_whole_nothing_starts_anew(run, run_of_4, tmp_path, capsys):
    folder = shutil.copytree(run_of_4[0], tmp_path / "w")
    for step in (0, 2, 4):
        (folder / f"checkpoints/{step}/train/_METADATA").unlink()
    before = sorted(folder.rglob("checkpoints/*/*"))
    assert run(folder, "--job=train", *run_of_4[1]) == 1
    assert "no checkpoint in" in capsys.readouterr().err
    assert sorted(folder.rglob("checkpoints/*/*")) == before
    with pytest.raises(RunError, match="move that folder away"):
        Checkpoints(folder).newest(lambda *bad: None)


def test_what_a_kill_leaves_is_cleared(run, run_of_4, tmp_path):
    folder = shutil.copytree(run_of_4[0], tmp_path / "w")
    (folder / "checkpoints/4/manifest.sha256").unlink()  # killed before its end
    torn = folder / "checkpoints/4.orbax-checkpoint-tmp-17"
    (torn / "train").mkdir(parents=True)
    saved = Checkpoints(folder)
    assert saved.steps() == [0, 2]
    saved.tidy(2)
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["0", "2"]
    (kept,) = (folder / "set_aside").iterdir()  # nothing is lost
    assert kept.name == "4-1"
    for step in (0, 2):  # as a former version wrote them
        (folder / f"checkpoints/{step}/manifest.sha256").unlink()
    with pytest.raises(RunError, match="no checkpoint in"):
        Checkpoints(folder).newest(lambda *bad: None)


def test_one_of_a_former_version_under_another_number_is_not_gone_on_from(
    run, run_of_4, tmp_path, capsys
):
    whole, settings = run_of_4
    folder = shutil.copytree(whole, tmp_path / "w")
    notes = folder / "checkpoints/4/config/metadata"
    said = json.loads(notes.read_text())
    assert said.pop("step") == 4  # which a former version did not say
    notes.write_text(json.dumps(said))
    file_hashes.write(folder / "checkpoints/4")
    (folder / "checkpoints/4").rename(folder / "checkpoints/3")
    assert run(folder, "--job=train", *settings) == 2
    assert (
        "checkpoints/3 holds step 4: rename that folder to 4" in capsys.readouterr().err
    )
