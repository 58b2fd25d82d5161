"""Weights held against a truth: made-up networks of known weights."""

import types

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from gandl_jax import config as configs
from gandl_jax import csv_files
from gandl_jax.errors import InputError
from gandl_jax.jobs import channel_truth
from gandl_jax.jobs.channel_importance import networks
from gandl_jax.jobs.channel_importance.trainings import Training

CHANNELS = ("nuclei", "er", "actin", "rna", "mito", "golgi")


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Function that holds made-up trainings against a truth; gives both tables.

    A training is {name: (settings, weights or None)}.
    """

    def run(truth, made, source="raw"):
        config = configs.default("classifier")
        config.data.update(name="simulated_channels", source_dir=f"{tmp_path}/{source}")
        (tmp_path / "raw").mkdir(exist_ok=True)
        pd.DataFrame(truth).to_csv(tmp_path / "raw/truth_channels.csv", index=False)

        def read(folder, config):
            own = configs.default("classifier")
            own.data.channels = CHANNELS
            configs.set_keys(own, made[folder.name][0])
            return Training(folder, own)

        def network(training):
            weights = made[training.folder.name][1]
            weights = weights and np.array(weights, float) / np.sum(weights)
            return types.SimpleNamespace(importance=weights)

        folders = [tmp_path / name for name in made]
        monkeypatch.setattr(channel_truth, "_folders", lambda *_: folders)
        monkeypatch.setattr(channel_truth, "_read", read)
        monkeypatch.setattr(networks, "read", network)
        channel_truth.run(config, tmp_path / "w")
        folder = tmp_path / "w/channel_truth/simulated_channels"
        return [
            csv_files.read(folder / f"{name}.csv") for name in ("trainings", "kinds")
        ]

    return run


BLEND = {"model.channels_in": "blend"}
TRUTH = {"channel": CHANNELS, "truth": (0.2, 0.9, 0.5, 0.3, 0.8, 0.4)}


def test_weights_in_the_order_of_the_truth_agree_with_it(ask, capsys):
    right, wrong = (2, 9, 5, 3, 8, 4), (9, 2, 5, 3, 8, 4)
    made = {
        "a": (BLEND | {"seed": 0}, right),
        "b": (BLEND | {"seed": 1}, wrong),
        "c": ({"model.channels_in": "over", "seed": 0}, right),
        "d": ({"model.channels_in": "squeeze_excitation", "seed": 0}, None),
        "e": (BLEND | {"seed": 2, "data.channels": CHANNELS[1:]}, right[1:]),
    }
    rows, kinds = ask(TRUTH, made)
    told = capsys.readouterr().out
    assert "d is left out: its layer has no weights" in told
    assert "e is left out: it lacks a channel" in told
    assert rows["training"].tolist() == ["a", "b", "c"]
    # Six ranks: 1 - 6 (5^2 + 5^2) / (6 * 35) where the ends change places.
    expected = [1.0, 1 - 6 * 50 / 210, 1.0]
    np.testing.assert_allclose(rows["rank_correlation"].astype(float), expected)
    assert rows["strongest_first"].tolist() == ["True", "False", "True"]
    assert kinds["kind"].tolist() == ["channels_in=blend", "channels_in=over"]
    blend = kinds.iloc[0]
    assert float(blend["rank_correlation"]) == pytest.approx(np.mean(expected[:2]))
    assert float(blend["strongest_first"]) == float(blend["all_strong_first"]) == 0.5
    # Strong are er and mito (the mean is .52): in b er is last, mito before 3 of 4.
    assert float(blend["auroc"]) == pytest.approx((1 + 3 / 8) / 2)


def test_equals_of_the_truth_need_no_order(ask):
    truth = TRUTH | {"truth": (0.1, 0.9, 0.1, 0.1, 0.9, 0.1)}
    made = {
        "a": (BLEND, (1, 7, 2, 3, 8, 4)),
        "b": (BLEND | {"seed": 1}, (5, 9, 1, 1, 4, 1)),
    }
    rows, kinds = ask(truth, made)
    assert rows["strongest_first"].tolist() == ["True", "True"]
    assert float(kinds.iloc[0]["all_strong_first"]) == 0.5


def test_the_truth_of_a_treatment_is_that_of_its_training(ask, capsys):
    one, other = (1.0, 0.02, 0.6, 0.1, 0.4, 0.05), (0.02, 1.0, 0.1, 0.6, 0.05, 0.4)
    truth = pd.DataFrame(
        {
            "treatment": ["x"] * 6 + ["y"] * 6,
            "channel": CHANNELS * 2,
            "truth": one + other,
        }
    )
    made = {
        "a": (BLEND | {"data.label_values": ("EMPTY", "x")}, (6, 1, 5, 3, 4, 2)),
        "b": (BLEND | {"data.label_values": ("EMPTY", "y")}, (1, 6, 3, 5, 2, 4)),
        "c": (BLEND | {"data.label_values": ("x", "y")}, (1, 1, 1, 1, 1, 1)),
        "d": (BLEND, (1, 1, 1, 1, 1, 1)),
    }
    rows, kinds = ask(truth, made)
    told = capsys.readouterr().out
    assert told.count("tells no single treatment from controls") == 2
    assert rows["treatment"].tolist() == ["x", "y"]
    np.testing.assert_allclose(rows["rank_correlation"].astype(float), 1)
    (kind,) = kinds.to_dict("records")
    assert kind["kind"] == "blend" and kind["trainings"] == "2"
    assert float(kind["auroc"]) == 1


def test_pooled_auroc_is_scikit_learns(ask):
    rng = np.random.default_rng(0)
    truth, made, scores, strong = [], {}, [], []
    for treatment in "pqrs":
        own = rng.permutation([1.0, 0.6, 0.4, 0.1, 0.05, 0.02])
        weights = own + rng.random(6)
        truth += [
            {"treatment": treatment, "channel": c, "truth": x}
            for c, x in zip(CHANNELS, own, strict=True)
        ]
        settings = BLEND | {"data.label_values": ("EMPTY", treatment)}
        made[treatment] = settings, weights.tolist()
        scores += (weights / weights.sum()).tolist()
        strong += (own >= 0.4).tolist()
    _, kinds = ask(truth, made)
    expected = metrics.roc_auc_score(strong, scores)
    assert float(kinds.iloc[0]["auroc"]) == pytest.approx(expected)
    assert 0.5 < expected < 1


def test_equal_scores_count_half_and_without_pairs_there_is_none():
    assert channel_truth.auroc(np.ones(4), np.array([True, False, True, False])) == 0.5
    assert np.isnan(channel_truth.auroc(np.ones(2), np.ones(2, bool)))


def test_what_cannot_be_compared_is_told(ask):
    with pytest.raises(InputError, match="there is no .*elsewhere/truth_channels.csv"):
        ask(TRUTH, {"a": (BLEND, (1,) * 6)}, source="elsewhere")
    with pytest.raises(InputError, match="none of the trainings has weights"):
        ask(TRUTH, {"a": ({"model.channels_in": "all"}, None)})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"data.name": "simulated_rxrx1"}, "is of the screen 'simulated_rxrx1'"),
        ({"simulate.seed": 100}, "learnt a screen of config.simulate.seed=100"),
    ],
)
def test_another_screen_or_draw_is_refused(tmp_path, monkeypatch, settings, told):
    config = configs.default("classifier")
    config.data.update(name="simulated_channels", source_dir=str(tmp_path))
    pd.DataFrame(TRUTH).to_csv(tmp_path / "truth_channels.csv", index=False)
    trained = configs.default("classifier")
    trained.data.name = "simulated_channels"
    configs.set_keys(trained, settings)
    monkeypatch.setattr(channel_truth, "_folders", lambda *_: [tmp_path / "trained"])
    monkeypatch.setattr(channel_truth.opening, "read_trained", lambda _: trained)
    with pytest.raises(InputError, match=told):
        channel_truth.run(config, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_no_training_is_told(tmp_path):
    config = configs.default("classifier")
    config.data.update(name="simulated_channels", source_dir=str(tmp_path))
    pd.DataFrame(TRUTH).to_csv(tmp_path / "truth_channels.csv", index=False)
    with pytest.raises(InputError, match="compare.workdirs is empty: name trainings"):
        channel_truth.run(config, tmp_path)
