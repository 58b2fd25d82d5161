"""Cascade transfer: all of a classifier but heads that name other classes."""

import dataclasses

import jax
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.methods import backbone
from gandl_jax.methods.classifier.method import Method
from gandl_jax.methods.contract import Source

COLUMN = {"class_counts": {"Treatment": (4, 4)}, "records": 8}
THEIRS = Source(("dna", "actin"), {"Treatment": ("a", "b")}, **COLUMN)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 2)).astype(np.float32)


def made(source, key, settings):
    config = configs.smoke(configs.default("classifier"))
    config.update_from_flattened_dict(settings)
    method = Method(config, source)
    return method, jax.jit(method.init)(jax.random.key(key))


def of_classes(*names):
    return dataclasses.replace(THEIRS, classes={"Treatment": names})


def same(one, other):
    found = jax.tree.map(lambda a, b: np.array_equal(a, b), one, other)
    return all(jax.tree.leaves(found))


def shifted(tree, by):
    return jax.tree.map(lambda x: np.asarray(x) + np.float32(by), tree)


@pytest.fixture
def trained_one(tiny_backbone):
    """A classifier whose statistics and averages are other than at the start."""
    method, state = made(THEIRS, 0, tiny_backbone)
    state = state.replace(
        net_average=shifted(state.net_average, 1),
        statistics=shifted(state.statistics, 2),
        statistics_average=shifted(state.statistics_average, 3),
    )
    return method, state


def test_the_head_is_replaced_and_the_rest_taken(trained_one, tiny_backbone):
    theirs, old = trained_one
    ours, fresh = made(of_classes("a", "c"), 1, tiny_backbone)
    state = ours.start(fresh, theirs.trained(old).for_channels((0, 1)))
    for name in ("encoder", "dense"):
        assert same(state.net[name], old.net[name])
        assert same(state.net_average[name], old.net_average[name])
        assert not same(state.net[name], fresh.net[name])
    assert same(state.net["heads_Treatment"], fresh.net["heads_Treatment"])
    assert same(state.statistics, old.statistics)
    assert same(state.statistics_average, old.statistics_average)
    assert int(state.step) == 0


def test_a_head_of_the_same_kind_and_classes_goes_with_it(trained_one, tiny_backbone):
    theirs, old = trained_one
    ours, fresh = made(THEIRS, 1, tiny_backbone)
    state = ours.start(fresh, theirs.trained(old))
    assert same(state.net, old.net) and same(state.net_average, old.net_average)
    angles, fresh = made(THEIRS, 1, tiny_backbone | {"method.head": "arcface"})
    state = angles.start(fresh, theirs.trained(old))
    assert same(state.net["heads_Treatment"], fresh.net["heads_Treatment"])
    assert same(state.net["encoder"], old.net["encoder"])


@pytest.mark.parametrize(
    "mixing, dim",
    [("all", 8), ("collapsed", 8), ("concatenated", 8), ("concatenated", 0)],
)
def test_another_screen_s_channels_are_found_in_it(tiny_backbone, mixing, dim):
    """The same channels in another order give the same answers."""
    settings = {"model.channels_in": mixing, "model.penultimate_dim": dim}
    theirs, old = made(THEIRS, 0, tiny_backbone | settings)
    old = old.replace(net=shifted(old.net, 0.1))
    ours, fresh = made(THEIRS, 1, tiny_backbone | settings)
    state = ours.start(fresh, theirs.trained(old).for_channels((1, 0)))

    @jax.jit
    def answers(params, images):
        maps, _ = ours._trunk.maps(params, old.statistics, images, train=False)
        return ours._top.apply({"params": params}, maps["pooled"])["Treatment"]

    found = answers(state.net, IMAGES[..., ::-1])
    np.testing.assert_allclose(found, answers(old.net, IMAGES), atol=1e-5)


def test_published_weights_fill_the_backbone_and_nothing_else(
    tiny_backbone, monkeypatch
):
    method, fresh = made(THEIRS, 1, tiny_backbone | {"model.channels_in": "collapsed"})
    params, statistics = (
        shifted(fresh.net["encoder"], 1),
        shifted(fresh.statistics["encoder"], 1),
    )
    monkeypatch.setattr(backbone, "pretrained", lambda *_: (params, statistics))
    state = method.start(fresh, method.published())
    assert same(state.net["encoder"], params)
    assert same(state.net_average["encoder"], params)
    assert same(state.statistics["encoder"], statistics)
    assert same(state.statistics_average["encoder"], statistics)
    for name in ("mixing", "dense", "heads_Treatment"):
        assert same(state.net[name], fresh.net[name])
