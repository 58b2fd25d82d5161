"""Trainings that a rule ends: at its own steps, however often they were resumed."""

import json

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks, events
from gandl_jax.errors import InputError
from gandl_jax.methods.step_rules import balanced_sign
from gandl_jax.training.stop_rule import StopRule


def config_with(**train):
    config = configs.default()
    config.data.dir = "somewhere"
    config.train.update(batch=4, checkpoint_every_images=40, total_images=400, **train)
    return config


def written(folder, signs):
    """A log with a line for every checkpoint, 10 steps apart."""
    lines = [{"step": 10 * (i + 1), "d/real_sign": s} for i, s in enumerate(signs)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)


def test_it_ends_at_the_checkpoint_after_which_patience_is_over(tmp_path):
    written(tmp_path, [0.9, 0.5, 0.3, 0.2, 0.5])
    rule = StopRule(config_with(stop_rule="balanced_sign"), tmp_path)
    assert [bool(rule.why_done(step)) for step in (10, 20, 30, 40)] == [
        False,
        False,
        False,
        True,
    ]
    assert not rule.why_done(39)  # no checkpoint of its own
    assert "step 20 was best, 2 checkpoints ago" in rule.why_done(40)


def test_the_planned_end_is_no_early_one(tmp_path):
    written(tmp_path, [0.5] * 10)
    rule = StopRule(config_with(stop_rule="balanced_sign"), tmp_path)
    assert rule.why_done(90) and not rule.why_done(100)
    assert not StopRule(config_with(), tmp_path).why_done(90)


def test_a_metric_that_is_not_logged_is_told_once(tmp_path, capsys):
    written(tmp_path, [0.5, 0.5])
    rule = StopRule(config_with(stop_rule="closest_images"), tmp_path)
    assert rule.why_done(10) == rule.why_done(20) == ""
    assert capsys.readouterr().out.count("did not log") == 1


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"stop_rule": "balanced"}, "did you mean 'balanced_sign'"),
        (
            {"stop_rule": "balanced_sign", "stop_patience_checkpoints": 4},
            "--config.train.keep_checkpoints=5",
        ),
    ],
)
def test_wrong_values_are_told_before_anything_runs(settings, told):
    with pytest.raises(InputError, match=told):
        config_checks.validate(config_with(**settings), ["train"])


@pytest.mark.slow
def test_a_training_ends_and_is_embedded_where_the_rule_says(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(balanced_sign, "badness", lambda value: 1.0)  # first is best
    settings = (
        "--config.train.total_images=160",
        "--config.train.checkpoint_every_images=32",
        "--config.train.log_every_images=32",
        "--config.train.stop_rule=balanced_sign",
        "--config.embed.steps=first,balanced_sign",
    )
    assert run(tmp_path, "--job=prepare,train,embed", *settings) == 0
    told = capsys.readouterr().out
    assert "stops early at step 3: by balanced_sign the checkpoint of step 1" in told
    assert events.early_end(events.read(tmp_path)) == 3
    assert "balanced_sign chooses the checkpoint 1" in told
    encoders = {path.name for path in (tmp_path / "profiles").glob("*/gan@*")}
    assert encoders == {"gan@0", "gan@1"}
    assert run(tmp_path, "--job=train", *settings) == 0
    assert "is done at 96 images: by balanced_sign" in capsys.readouterr().out
