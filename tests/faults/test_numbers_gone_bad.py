"""Numbers that are not finite, injected one after the other into one training."""

import contextlib
import json
import os
import signal
import time
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import events, logs, preemption
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.methods import diversity
from gandl_jax.methods.gan import method as gan
from gandl_jax.training import looks, loop, resume_point, rollback, soundness
from gandl_jax.training.recorder import NOTES, Recorder

CHECK = 3  # steps
TERMS = {  # by the phase whose loss they are a term of
    "d_main": "d/loss",
    "d_reg": "d/r1",
    "g_main": "g/loss",
    "g_reg": "g/path_length",
}
FIELDS = (
    "g",
    "d",
    "g_optimiser",
    "d_optimiser",
    "g_average",
    "d_average",
    "w_average",
    "path_mean",
    "augment",
)
# What is injected, in turn: (kind, where); what must be named; the steps that may be.
CASES = [
    *((("term", phase), term) for phase, term in TERMS.items()),
    *((("gradient", phase), f"{phase}/gradient_norm") for phase in TERMS),
    *((("field", "g"), "g/parameter_norm"), (("field", "d"), "d/parameter_norm")),
    (("field", "g_optimiser"), "g_main/update_norm"),
    (("field", "d_optimiser"), "d_main/update_norm"),
    *((("field", name), f"not all of {name} is") for name in FIELDS[4:7]),
    (("field", "path_mean"), "path_"),  # its metric, or the gradient that it spoils
    (("field", "augment"), "augment"),  # its metric, or the field itself
]


class Injections:
    """Spoils step after step, each once, at the first step of its phase that comes."""

    def __init__(self, monkeypatch):
        self.done = []  # (case, step completed when it is there)
        self.again = False  # whether to spoil every step's first loss
        descend, in_turn = gan.Method._descend, loop.in_turn

        def spoilt_descend(method, state, phase, loss, batch, key):
            return descend(method, state, phase, self._spoil(loss, phase), batch, key)

        def spoilt_in_turn(config, method, fns, rollbacks=0):
            advance = in_turn(config, method, fns, rollbacks)
            every = {phase.name: phase.every for phase in method.phases}

            def spoilt(state, batch, step):
                kind, where = self._due(rollbacks, step, every)
                code = list(TERMS).index(where) + 1 if where in TERMS else 0
                code += 4 * (kind == "gradient")
                codes = np.full(len(batch["images"]), code, np.int32)
                state, metrics = advance(state, batch | {"spoil": codes}, step)
                if kind == "field":
                    state = state.replace(**{where: nan_in(getattr(state, where))})
                return state, metrics

            return spoilt

        monkeypatch.setattr(gan.Method, "_descend", spoilt_descend)
        monkeypatch.setattr(loop, "in_turn", spoilt_in_turn)

    def _due(self, rollbacks, step, every):
        """(kind, where) of what is to be spoilt in this step, once."""
        if self.again:
            return "term", "d_main"
        if rollbacks != len(self.done) or rollbacks == len(CASES):
            return "", ""
        (kind, where), _ = CASES[rollbacks]
        if step < 3 or step % every.get(where, 1):
            return "", ""
        self.done.append(step + 1)
        return kind, where

    def _spoil(self, loss, phase):
        term, number = TERMS[phase], list(TERMS).index(phase) + 1

        def spoilt(params, part):
            code = part["spoil"].max()
            value, metrics = loss(params, {k: x for k, x in part.items()})
            nan = jnp.where(code == number, jnp.nan, 0.0)
            leaf = jax.tree.leaves(params)[0].reshape(-1)[0]
            # Finite itself, with a derivative that is not.
            steep = jnp.sqrt(jnp.where(code == number + 4, 0.0 * leaf, 1.0)) - 1
            steep = jnp.where(code == number + 4, steep + 1, 0.0)
            if term in metrics:
                metrics = metrics | {term: metrics[term] + nan}
            return value + nan + steep, metrics

        return spoilt


def nan_in(tree):
    """A tree with one number that is none."""
    leaves, structure = jax.tree.flatten(tree)
    number = max(range(len(leaves)), key=lambda i: leaves[i].size)
    flat = leaves[number].reshape(-1).at[-1].set(jnp.nan)
    leaves[number] = flat.reshape(leaves[number].shape)
    return jax.tree.unflatten(structure, leaves)


@pytest.mark.slow
def test_each_is_noticed_named_and_rolled_back(run, tmp_path, monkeypatch, capsys):
    injections = Injections(monkeypatch)
    steps = 12
    settings = (
        f"--config.train.total_images={steps * 32}",
        f"--config.train.check_every_steps={CHECK}",
        f"--config.train.rollbacks={len(CASES)}",
        "--config.train.checkpoint_every_images=3200",
        "--config.train.grid_every_images=3200",
        "--config.method.r1_every_steps=2",
        "--config.method.path_weight=2",
        "--config.method.path_every_steps=2",
        "--config.method.augment=adaptive",
    )
    assert run(tmp_path, "--job=prepare,train", *settings) == 0
    told = events.read(tmp_path, "rolled_back")
    assert len(told) == len(CASES) == len(injections.done)
    for event, (where, name), step in zip(told, CASES, injections.done, strict=True):
        assert name in event["why"], (where, event)
        # In the state it shows after the step, or in what the next one makes of it.
        assert step <= event["step"] <= event["found"] <= step + CHECK + 1, where
        assert event["to"] == 0
        folder = tmp_path / rollback.FOLDER / event["folder"]
        report = json.loads((folder / "report.json").read_text())
        assert report["why"] == event["why"]
        with np.load(folder / "batch.npz") as batch:
            assert batch["images"].shape == (32, 8, 8, 5)
    # It went on to the end, and nothing was zeroed or is bad.
    assert logs.read(tmp_path)[-1]["step"] == steps
    for array in Checkpoints(tmp_path).arrays(steps, "train").values():
        assert np.isfinite(array).all()
    # Every time the data came in another order.
    firsts = []
    for event in told:
        with np.load(tmp_path / rollback.FOLDER / event["folder"] / "batch.npz") as b:
            firsts.append(b["images"].tobytes())
    assert len(set(firsts)) == len(firsts)

    # Where it went back often enough, it stops and says where to look.
    injections.again = True
    capsys.readouterr()
    more = f"--config.train.total_images={2 * steps * 32}"
    assert run(tmp_path, "--job=train", *settings, more) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert f"went back {len(CASES)} times already" in said[-1]
    assert f"{len(CASES) + 1}-step-{steps + 1}" in said[-1]
    assert events.read(tmp_path)[-1]["what"] == "failed"
    assert Checkpoints(tmp_path).steps() == [0, steps]


def test_terms_are_named_before_what_they_spoil():
    spoilt = ("d_main/update_norm", "d/real_score", "d_main/gradient_norm", "d/loss")
    metrics = dict.fromkeys(spoilt, np.nan) | {"d/parameter_norm": 1.0}
    ordered = soundness.in_causal_order(metrics)
    names = list(ordered)
    assert names[:2] == ["d/parameter_norm", "d/loss"]
    assert names[-2:] == ["d_main/gradient_norm", "d_main/update_norm"]
    with pytest.raises(soundness.Trouble, match="step 5: d/loss is nan"):
        soundness.first_not_finite([(4, {"d/loss": 1.0}), (5, ordered)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, terms",
    [
        (("loss=wgan_gp", "views_weight=1"), ("gradient_penalty", "drift", "views")),
        (("loss=relativistic", "r2_weight=1", "r1_every_steps=1"), ("r2",)),
    ],
)
def test_terms_of_other_recipes_are_looked_at(run, tmp_path, recipe, terms):
    words = (f"--config.method.{word}" for word in recipe)
    images = "--config.train.total_images=64"
    assert run(tmp_path, "--job=prepare,train", *words, images) == 0
    found = logs.read(tmp_path)[-1]
    for term in terms:
        assert any(name.startswith(f"d/{term}") for name in found), term


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Saves {step: diversity}; gives the checkpoint to go back to at a collapse."""
    opened = []

    def save(diversities):
        checkpoints = Checkpoints(tmp_path, keep=9)
        for step, value in diversities.items():
            found = {} if value is None else {diversity.METRIC: value}
            notes = {NOTES: {looks.FOUND: found}}
            checkpoints.save(step, {"train": {"x": jnp.ones(3)}}, notes)
        checkpoints.wait()
        opened.append(checkpoints)
        return checkpoints

    yield save
    opened[0].close()


def sound(checkpoints, workdir, checks=()):
    collapse = soundness.Trouble(9, "", metric=diversity.METRIC, least=0.2)
    return resume_point.newest_sound(checkpoints, workdir, collapse, checks)


@pytest.mark.parametrize(
    "diversities, to, passed",
    [
        ({0: None, 1: 0.8, 2: 0.15, 3: 0.12}, 1, {2, 3}),
        ({0: None, 1: 0.14, 2: 0.16, 3: 0.12}, 2, {3}),  # none is sound: not step 0
        ({0: None}, 0, set()),
    ],
)
def test_a_collapse_goes_back_to_a_training_not_to_its_start(
    saved, tmp_path, diversities, to, passed
):
    assert sound(saved(diversities), tmp_path) == to
    assert {e["step"] for e in events.read(tmp_path, "passed_over")} == passed


def test_damaged_checkpoints_before_a_collapse_are_told_too(saved, tmp_path):
    checkpoints = saved({0: None, 1: 0.8, 2: 0.8, 3: 0.12})
    (tmp_path / "checkpoints/2/config/metadata").unlink()
    assert sound(checkpoints, tmp_path) == 1
    why = {e["step"]: e["why"] for e in events.read(tmp_path, "passed_over")}
    assert why == {
        2: "config/metadata is missing",
        3: "its g/diversity was 0.12 already",
    }


def test_a_damaged_start_changes_nothing_of_that(saved, tmp_path):
    checkpoints = saved({0: None, 1: 0.11, 2: 0.16, 3: 0.12})
    (tmp_path / "checkpoints/0/config/metadata").unlink()
    assert sound(checkpoints, tmp_path) == 2


def test_checkpoints_of_former_versions_are_chosen_among_too(tmp_path):
    """They noted the last look and the highest by other names."""
    options = types.SimpleNamespace(diversity_every_images=1, least_diversity=0.1)
    checks = [diversity.check(None, options)]
    with contextlib.closing(Checkpoints(tmp_path, keep=9)) as checkpoints:
        for step, value in {0: None, 1: 0.8, 2: 0.15}.items():
            notes = {"diversity": value, "most_diverse": 0.8, "metrics_not_logged": []}
            checkpoints.save(step, {"train": {"x": jnp.ones(3)}}, {NOTES: notes})
        checkpoints.wait()
        assert sound(checkpoints, tmp_path, checks) == 1


EVERY_2_STEPS = (
    "--config.train.total_images=256",
    "--config.train.checkpoint_every_images=64",
    "--config.method.diversity_every_images=64",
)


def giving(value):
    """A look that finds this diversity."""
    return lambda *_: {diversity.METRIC: value()}


def ask_to_stop():
    """Gives this process a SIGTERM, and waits until it has heard of it."""
    os.kill(os.getpid(), signal.SIGTERM)
    while not preemption._request.made.is_set():
        time.sleep(0.01)


@pytest.mark.slow
def test_a_stop_while_it_goes_back_does_not_undo_that(run, tmp_path, monkeypatch):
    diversities = iter([1.0, 0.15, 0.05])  # of steps 2, 4 and 6; then as at first
    monkeypatch.setattr(looks.Looks, "_look", giving(lambda: next(diversities, 1.0)))
    keep = rollback.keep_evidence

    def keep_and_stop(*args):
        ask_to_stop()
        return keep(*args)

    monkeypatch.setattr(rollback, "keep_evidence", keep_and_stop)
    settings = *run.recipe, *EVERY_2_STEPS
    assert run(tmp_path, "--job=prepare,train", *settings) == 75
    assert events.read(tmp_path, "rolled_back")[0]["to"] == 2
    assert run(tmp_path, "--job=train", *settings) == 0
    assert events.read(tmp_path, "started")[-1]["step"] == 2


@pytest.mark.slow
def test_a_checkpoint_on_request_is_looked_at_as_any_other(
    run, tmp_path, monkeypatch, capsys
):
    """One that collapsed since the last look is not saved as if it had not."""
    add, collapsed, seen = Recorder.add, [], []

    def signalled(self, step, *args):
        add(self, step, *args)
        if step == 3 and not seen:
            seen.append(step)
            collapsed.append(step)
            ask_to_stop()

    monkeypatch.setattr(Recorder, "add", signalled)
    found = giving(lambda: 0.01 if collapsed and collapsed.pop() else 0.9)
    monkeypatch.setattr(looks.Looks, "_look", found)
    settings = *run.recipe, *EVERY_2_STEPS
    assert run(tmp_path, "--job=prepare,train", *settings) == 75
    (told,) = events.read(tmp_path, "rolled_back")
    assert (told["step"], told["to"]) == (3, 2)
    assert Checkpoints(tmp_path).steps() == [0, 2]


def test_memory_that_does_not_hold_a_step_is_told(run, tmp_path, monkeypatch, capsys):
    def exhausted(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 9 GiB")

    monkeypatch.setattr(Recorder, "add", exhausted)
    images = "--config.train.total_images=64"
    assert run(tmp_path, "--job=prepare,train", images, method="autoencoder") == 1
    (told,) = capsys.readouterr().err.strip().splitlines()
    assert "lower config.train.batch" in told and "9 GiB" in told
    assert events.read(tmp_path)[-1]["what"] == "failed"


@pytest.mark.slow
def test_a_collapse_goes_back_to_where_samples_were_diverse(
    run, tmp_path, monkeypatch, capsys
):
    look, sinking = looks.Looks._look, iter([1.0, 0.5, 0.15, 0.12, 0.05])

    def sink(self, check, state):
        """1, .5, ... as training goes on, and once below the least."""
        assert np.isfinite(look(self, check, state)[diversity.METRIC])
        return {diversity.METRIC: next(sinking, 1.0)}

    monkeypatch.setattr(looks.Looks, "_look", sink)
    settings = (
        *run.recipe,
        "--config.train.total_images=320",
        "--config.train.checkpoint_every_images=64",
        "--config.train.grid_every_images=6400",
        "--config.method.diversity_every_images=64",
        "--config.train.keep_checkpoints=5",
    )
    assert run(tmp_path, "--job=prepare,train", *settings) == 0
    (told,) = events.read(tmp_path, "rolled_back")
    assert (told["step"], told["to"]) == (10, 4)  # those of 6 and 8 were sinking
    assert "collapsed" in told["why"] and "once 1:" in told["why"]
    passed = [event["step"] for event in events.read(tmp_path, "passed_over")]
    assert passed == [8, 6]
    assert {p.name for p in (tmp_path / "set_aside").iterdir()} == {"8-1", "6-1"}
    assert Checkpoints(tmp_path).steps() == [0, 2, 4, 6, 8, 10]
    assert (tmp_path / "images/00000010_composite.png").exists()
