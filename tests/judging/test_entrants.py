"""Which trainings are at their end, and embedded there."""

import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.judging import entrants
from gandl_jax.training import opening


def test_a_network_that_nothing_is_trained_of_is_at_its_end(monkeypatch):
    """Its step is none: what training started from, "classifier@start"."""
    config = configs.default("classifier")
    configs.apply_recipe(config, "classifier", "concatenated")
    monkeypatch.setattr(opening, "newest_step", lambda folder: 0)
    entrants._check_finished(epath.Path("run"), config, None)
    config.train.total_images = 320
    monkeypatch.setattr(opening, "newest_step", lambda folder: 10)
    with pytest.raises(InputError, match="embedded at step None, and .* ended at 10"):
        entrants._check_finished(epath.Path("run"), config, None)


def test_a_rule_may_choose_an_earlier_checkpoint(monkeypatch):
    config = configs.default()
    config.train.update(total_images=320, batch=32)
    monkeypatch.setattr(opening, "newest_step", lambda folder: 10)
    with pytest.raises(InputError, match="embedded at step 4, and .* ended at 10"):
        entrants._check_finished(epath.Path("run"), config, 4)
    config.embed.steps = ("first", "balanced_sign")
    entrants._check_finished(epath.Path("run"), config, 4)


def test_a_joined_set_needs_its_floor(monkeypatch, tmp_path):
    monkeypatch.setattr(entrants.store, "widths", lambda directory: {"b8": 4})
    folder = epath.Path(tmp_path)
    encoders = folder / "gan@9", folder / "gan@0"
    arm = {"method.name": "gan", "method.recipe": "", "train.total_images": 100}
    one = entrants._Read(folder, "b8+classical", 0, encoders, arm)
    one.arm["train.hold_out"] = ""
    with pytest.raises(InputError, match="has no classical: embed it with"):
        entrants._name_arms([one], "")
    (folder / "classical").mkdir()
    (made,) = entrants._name_arms([one], "")
    assert made.directories == (*encoders, folder / "classical")
    assert made.trained == "gan@9/b8+classical"
    assert made.untrained == "gan@0/b8+classical"


def read(method, seed, named="", **settings):
    """A training of a method, before its arm has a name."""
    keys = {key.replace("__", "."): value for key, value in settings.items()}
    arm = {"method.name": method, "method.recipe": "", "train.total_images": 100}
    arm |= {"train.hold_out": ""} | keys
    folder = epath.Path(f"{method}-{len(keys)}-{seed}")
    encoders = folder / f"{method}@9", folder / f"{method}@0"
    return entrants._Read(folder, "b8", seed, encoders, arm, named)


def test_the_least_that_tells_arms_apart_names_them(monkeypatch):
    monkeypatch.setattr(entrants.store, "widths", lambda directory: {"b8": 4})
    wgan = {"method__r2_weight": 0.0, "train__total_images": 40}
    made = entrants._name_arms(
        [
            read("gan", 0, method__loss="logistic", method__r2_weight=0.0),
            read("gan", 1, method__loss="wgan_gp", **wgan),
            read("gan", 0, method__loss="relativistic", method__r2_weight=10.0),
            read("autoencoder", 0),
            read("small_gan", 0, method__recipe="lsgan", method__loss="least_squares"),
            read("small_gan", 0, method__loss="logistic"),
            read("classifier", 0, method__recipe="x", model__width=8),
            read("classifier", 1, model__width=8),
            read("classifier", 0, method__recipe="x", model__width=16),
        ],
        "",
    )
    assert [one.arm for one in made] == [
        "gan loss=logistic",
        "gan loss=wgan_gp",
        "gan loss=relativistic",
        "autoencoder",
        "small_gan lsgan",
        "small_gan",
        "classifier width=8",
        "classifier width=8",
        "classifier width=16",
    ]
    assert made[1].settings == "loss=wgan_gp r2_weight=0.0 total_images=40"


def test_a_name_stands_for_what_differs_and_only_for_one_thing(monkeypatch):
    monkeypatch.setattr(entrants.store, "widths", lambda directory: {"b8": 4})
    both = [
        read("classifier", seed, name, data__oversample=name == "more")
        for name in ("plain", "more")
        for seed in (0, 1)
    ]
    made = entrants._name_arms(both, "")
    assert [one.arm for one in made] == ["plain", "plain", "more", "more"]
    entrants._check_arm_names(made)
    differ = entrants.different_settings(made[0], made[2])
    assert differ == ("data.oversample",)
    gan = entrants._name_arms([*both, read("gan", 0)], "")[-1]
    assert entrants.different_settings(made[0], gan) == ("method.name",)
    other = read("classifier", 2, "plain", data__oversample=True)
    with pytest.raises(InputError, match="'plain' and differ in data.oversample"):
        entrants._check_arm_names(entrants._name_arms([*both, other], ""))


@pytest.mark.parametrize(
    "place, seed, expected",
    [
        ("runs/generator-seed1/made", 1, "runs/generator-seed/made"),
        ("runs/generator-seed12/made", 1, "runs/generator-seed12/made"),
        ("runs/generator-seed1/made", 2, "runs/generator-seed1/made"),
        ("data/1", 1, "data/1"),
    ],
)
def test_a_folder_of_the_runs_own_seed_is_the_same_for_all(place, seed, expected):
    assert entrants._without_seed(place, seed) == expected
