"""The job on networks that look at one channel alone: what it tells, keeps, refuses."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from striped_screens import CHANNELS, lines_of_treatment

from gandl_jax import csv_files
from gandl_jax.errors import InputError
from gandl_jax.jobs.channel_importance import job, text
from gandl_jax.training import trained_on


def by_channel(content):
    return {row["channel"]: row for row in content["rows"]}


def test_the_channel_that_is_looked_at_is_all_that_matters(asked):
    _, _, content, _ = asked
    rows = by_channel(content)
    (accuracy,) = content["accuracy"]
    assert content["records"] == 12 and content["part"] == "held out of training"
    assert accuracy["value"] == 1 and accuracy["chance"] == pytest.approx(1 / 3)
    assert rows["actin"]["permuted"] == rows["rna"]["permuted"] == 0
    # Of 12 records 4 are of each class: another one is of the same in 3 of 11 cases.
    assert rows["dna"]["permuted"] == pytest.approx(8 / 11, abs=0.15)
    assert rows["dna"]["permuted_low"] > 0
    # Without dna control is named: 1 of 3 classes is right.
    assert rows["dna"]["without"] == pytest.approx(2 / 3)
    assert rows["actin"]["without"] == rows["rna"]["without"] == 0
    weights = [rows[name]["weight"] for name in CHANNELS]
    np.testing.assert_allclose(weights, [0.65, 0.15, 0.2])
    assert content["agreement_of_seeds"]["first"] == [2, 0, 0]
    assert content["top"] == ["dna", "rna"]
    assert any("There are 2 seeds" in words for words in content["warnings"])


def test_a_page_and_tables_are_written(asked):
    fake, _, content, _ = asked
    page = (fake.written / "index.html").read_text()
    assert "Which channel matters?" in page and "data:image/png" in page
    assert "then their blend" in page
    assert all(words in page for words in content["warnings"])
    table = csv_files.read(fake.written / "data/channels.csv")
    assert list(table["channel"]) == list(CHANNELS)
    assert json.loads(table["weight_of_seeds"][0]) == [0.7, 0.6]
    told = text.summary(content)
    assert "dna      0.650 (0.015 to 1.000)" in told
    assert "of 3 channels" in told and "correlation of pixels of" in told


def test_classes_and_treatments_against_controls_lose_it_too(asked):
    _, _, content, _ = asked
    cells = {
        (row["class"], row["kind"], row["channel"]): row["value"]
        for row in content["classes"]
    }
    assert {(name, kind) for name, kind, _ in cells} == {
        ("control", "recall"),
        ("drug", "recall"),
        ("toxin", "recall"),
        ("drug", "against controls"),
        ("toxin", "against controls"),
    }
    for (_, _, channel), lost in cells.items():
        assert (lost > 0.2) == (channel == "dna")


def test_what_was_answered_is_not_asked_again(asked):
    fake, folders, content, shown = asked
    # Two whole networks, as they are and 3 channels 3 times; 3 without a channel.
    assert shown == 12 * (2 * (1 + 9) + 3)
    (damaged,) = (fake.written / "kept/seed1").glob("*.csv")
    damaged.write_text("record\n1\n")
    assert fake.ask(folders) == (content, 12 * 10)


def test_fewer_records_are_drawn_evenly_and_yardsticks_stand_alone_without_a_layer(
    fake, capsys
):
    folders = [fake.training(f"seed{seed}", seed=seed) for seed in (0, 1)]
    content, _ = fake.ask(folders, **{"channel_importance.records": 6})
    assert content["records"] == 6
    assert {row["records"] for row in content["classes"]} == {2}
    assert content["weights"] is None and content["agreement"] == []
    assert by_channel(content)["dna"]["permuted"] > 0.3
    told = capsys.readouterr().out
    assert "No layer of these networks weighs channels by fixed numbers" in told
    assert "channels_in=all" in told
    assert "No training without dna, actin, rna was named" in told
    assert "their blend" not in (fake.written / "index.html").read_text()


def test_validation_records_do_where_none_are_held_out_but_for_those_learnt_before(
    fake, monkeypatch
):
    settings = {"train.hold_out": "", "train.validation": "plate:p2"}
    folders = [fake.training("seed0", [0.5, 0.3, 0.2], **settings)]
    names = [f"p2_A{well:02}" for well in range(1, 8)]
    table = pd.DataFrame({"record_id": names, "seen": "trained", "labels": "Treatment"})
    monkeypatch.setattr(trained_on, "read", lambda folder: table)
    content, _ = fake.ask(folders)
    assert content["part"] == "set aside to validate by" and content["records"] == 5
    assert any("decided when training stopped" in w for w in content["warnings"])
    assert any("There is one seed" in w for w in content["warnings"])


REFUSED = {
    "one channel, dna": [{"data.channels": ("dna",)}],
    "leave no record whose label was not learnt": [{"train.hold_out": ""}],
    "differ in more than seed and channels: model.width is": [
        {},
        {"seed": 1, "model.width": 7},
    ],
    "train.total_images is 32 and 24; train both as long": [
        {},
        {"seed": 1, "train.total_images": 24},
    ],
    "same channels and seed, 0: leave one out": [{}, {}],
    "was trained on rna, dna: name trainings on dna, actin, rna": [
        {},
        {"data.channels": ("rna", "dna")},
    ],
    "learnt no label": [{"data.label": ""}],
    "is at step 4 of 5: finish it": [{"train.total_images": 40}],
}


@pytest.mark.parametrize("words", REFUSED)
def test_trainings_that_cannot_be_asked_are_refused(words, fake):
    folders = [fake.training(f"t{i}", **s) for i, s in enumerate(REFUSED[words])]
    with pytest.raises(InputError, match=re.escape(words)):
        fake.ask(folders)
    assert not (fake.folder / "channel_importance").exists()


def test_no_workdir_is_asked_for_in_words(fake):
    with pytest.raises(InputError, match="config.compare.workdirs is empty"):
        fake.ask([])


def test_the_runs_of_a_sweep_are_asked_once_they_are_trained(fake):
    for seed in (0, 1):
        fake.training(f"seed{seed}", [0.5, 0.3, 0.2], seed=seed)
    config, folder = fake.config, fake.folder / "runs"
    config.sweep.update(source="configs/sweeps/channels.py", runs=("seed1", "seed0"))
    asked = job._read(config, folder)
    assert [training.seed for training in asked.whole] == [0, 1]
    job.check(config, folder / "not there yet", ["sweep"])
    with pytest.raises(InputError, match="is no workdir"):
        job.check(config, folder / "not there yet", [])


def alike(rng, treatment):
    image = lines_of_treatment(rng, treatment)
    image[..., 1] = image[..., 0] / 2 + 20
    return image


def constant(rng, treatment):
    image = lines_of_treatment(rng, treatment)
    image[..., 1] = 20
    return image


def dim(rng, treatment):
    """A bright pixel decides the range of rna, all others have a tenth of it."""
    image = lines_of_treatment(rng, treatment)
    image[..., 2] /= 10
    image[0, 0, 2] = rng.choice([0, 250], p=[0.9, 0.1])
    return image


def test_channels_that_are_the_same_are_told(other_screen):
    fake, folders = other_screen(alike)
    content, _ = fake.ask(folders)
    assert any(
        "dna and actin are the same image (correlation 1.000)" in words
        and "not identified" in words
        for words in content["warnings"]
    )


def test_a_constant_channel_is_refused_and_nothing_is_written(other_screen):
    fake, folders = other_screen(constant)
    with pytest.raises(InputError, match="actin is constant over the 12 records"):
        fake.ask(folders)
    assert not (fake.folder / "channel_importance").exists()


def test_channels_of_other_scales_are_refused(other_screen):
    ends = {"data.low_percentile": 0.0, "data.high_percentile": 100.0}
    fake, folders = other_screen(dim, **ends)
    with pytest.raises(InputError, match="rna and .* are of different scales"):
        fake.ask(folders)
