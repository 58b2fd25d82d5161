"""Mixing and backbone together: channels, statistics, what is frozen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods import backbone, trunk_options
from gandl_jax.methods.trunk import Trunk
from gandl_jax.models import conv_norm, small_cnn
from gandl_jax.models.densenet import DenseNet
from gandl_jax.models.weights import channels

IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 2)).astype(np.float32)


def config_of(**settings):
    config = configs.smoke(configs.default("classifier"))
    config.update_from_flattened_dict(settings)
    return config


def test_the_small_network_is_drawn_as_the_whole_one():
    config, key = config_of(), jax.random.key(3)
    params, statistics = jax.jit(Trunk(config, 2).init)(key)
    whole = small_cnn.Classifier((8, 16), 5, {"label": 3})
    drawn = jax.jit(lambda key: whole.init(key, jnp.zeros((1, 16, 16, 2))))(key)
    drawn = drawn["params"]
    assert statistics is None and set(params) == {"encoder"}
    jax.tree.map(np.testing.assert_array_equal, params["encoder"], drawn["encoder"])


def test_concatenated_is_each_channel_alone(tiny_backbone):
    config = config_of(**tiny_backbone, **{"model.channels_in": "concatenated"})
    trunk = Trunk(config, 2)
    params, statistics = trunk.init(jax.random.key(0))
    maps, _ = trunk.maps(params, statistics, IMAGES, train=False)
    net = backbone.network(config)
    for channel in range(2):
        alone = IMAGES[..., [channel] * 3]
        found = backbone.maps(net, params["encoder"], statistics["encoder"], alone)
        own = slice(channel * trunk.pass_width, (channel + 1) * trunk.pass_width)
        np.testing.assert_allclose(maps["pooled"][:, own], found["pooled"], atol=1e-6)
    assert maps["pooled"].shape == (4, trunk.width) == (4, 12)


def test_concatenated_sets_of_the_small_network_lie_side_by_side():
    settings = {"model.channels_in": "concatenated", "model.blocks": 1}
    trunk = Trunk(config_of(**settings, **{"data.crop_px": 8}), 2)
    params, _ = jax.jit(trunk.init)(jax.random.key(0))
    net = small_cnn.Encoder((8,))

    @jax.jit
    def both(params, images):
        maps, _ = trunk.maps(params, None, images, train=False)
        channels = (images[..., jnp.array([c] * 3)] for c in range(2))
        found = [net.apply({"params": params["encoder"]}, x) for x in channels]
        return trunk.sets(maps), [small_cnn.pooled(x) for x in found]

    sets, alone = both(params, IMAGES)
    for name, features in sets.items():
        expected = np.concatenate([one[name] for one in alone], -1)
        np.testing.assert_allclose(features, expected, atol=1e-5)


@pytest.mark.parametrize("mixing, count", [("all", 5), ("all", 3), ("collapsed", 5)])
def test_a_grey_image_excites_published_filters_as_before(
    tiny_backbone, monkeypatch, mixing, count
):
    """Filters spread by their mean; three channels are the three colours."""
    config = config_of(**tiny_backbone, **{"model.channels_in": mixing})
    net = backbone.network(config)
    theirs, statistics = backbone.init(net, jax.random.key(1), 3)

    def pretrained(config, net, sources=None):
        if sources is None:
            return theirs, statistics
        return channels.with_channels(theirs, sources), statistics

    monkeypatch.setattr(backbone, "pretrained", pretrained)
    trunk = Trunk(config, count)
    random, _ = trunk.init(jax.random.key(0))
    params, kept = trunk.pretrained()
    grey = IMAGES[..., :1]
    found, _ = trunk.maps(random | params, kept, grey.repeat(count, -1), train=False)
    expected = backbone.maps(net, theirs, statistics, grey.repeat(3, -1))
    np.testing.assert_allclose(found["pooled"], expected["pooled"], atol=1e-5)


@pytest.mark.parametrize("mixing", ["blend", "over"])
def test_options_of_a_mixing_reach_it_and_its_importance_is_told(mixing):
    settings = {"model.channels_in": mixing, f"model.{mixing}.outputs": 3}
    trunk = Trunk(config_of(**settings), 2)
    params, _ = jax.jit(trunk.init)(jax.random.key(0))
    assert params["mixing"]["logits"].shape == (2, 3)
    found = trunk.summary(params, ("dna", "actin"))
    expected = [{"channel": "dna", "importance": 0.5},
                {"channel": "actin", "importance": 0.5}]  # fmt: skip
    assert found["importance of channels"] == [
        {**row, "importance": pytest.approx(row["importance"])} for row in expected
    ]


def test_a_mixing_without_fixed_weights_tells_no_importance():
    settings = {"model.channels_in": "squeeze_excitation"}
    trunk = Trunk(config_of(**settings), 2)
    params, _ = jax.jit(trunk.init)(jax.random.key(0))
    assert trunk.summary(params, ("dna", "actin")) == {}


def test_frozen_layers_are_those_of_the_stages():
    layers = (
        "stem_conv",
        "block1_layer2",
        "transition1",
        "block2_layer1",
        "final_norm",
    )
    found = [conv_norm.stage_of(x, ("stem", "block1", "block2")) for x in layers]
    assert found == ["stem", "block1", "block1", "block2", "block2"]


@pytest.mark.parametrize("stage", ["stem", "block1", "block2"])
def test_a_frozen_stage_s_normalisations_keep_their_statistics(stage):
    """Those, and no others, come out of a step as the very values that went in."""
    stages = ("stem", "block1", "block2")
    assert_fixed(lambda fixed: DenseNet(4, 2, (1, 2), conv_norm.TORCH, lambda x: x,
                                        fixed=fixed), stages, stage)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name, stage", [("resnet50", "block2"),
                                         ("efficientnet_lite0", "block3"),
                                         ("efficientnet_lite0", "head")])  # fmt: skip
def test_stages_of_published_networks_keep_theirs(name, stage):
    config = config_of(**{"model.backbone": name})
    made = backbone.module(config)
    assert_fixed(lambda fixed: made.network(fixed=fixed), made.STAGES, stage)


def assert_fixed(make, stages, stage):
    net = make((stage,))
    like = jax.eval_shape(
        lambda key: net.init(key, jnp.zeros((1, 32, 32, 3)), train=False),
        jax.random.key(0),
    )

    def moved(statistics, params):
        variables = {"params": params, "batch_stats": statistics}
        images = jnp.zeros((2, 32, 32, 3))
        return net.apply(variables, images, train=True, mutable=["batch_stats"])[1]

    jaxpr = jax.make_jaxpr(moved)(like["batch_stats"], like["params"]).jaxpr
    leaves, _ = jax.tree_util.tree_flatten_with_path(like["batch_stats"])
    for (path, _), before, after in zip(
        leaves, jaxpr.invars[: len(leaves)], jaxpr.outvars, strict=True
    ):
        is_kept = conv_norm.stage_of(path[0].key, stages) == stage
        assert (before is after) == is_kept, path


BAD = {
    "no model.channels_in 'mean'": {"model.channels_in": "mean"},
    "model.blend.outputs=2 should be 1 or 3": {"model.blend.outputs": 2},
    "model.over.order=ours should be given or learnt": {"model.over.order": "ours"},
    "no model.backbone 'resnet'": {"model.backbone": "resnet"},
    "names 'b8'.*no stage of.*small_cnn.*valid: b16|names 'b7'": {
        "method.freeze": ("b7",)
    },
    "names 'block9'.*resnet50.*did you mean": {
        "model.backbone": "resnet50",
        "method.freeze": ("block9",),
    },
    "wheel:x is of a published network": {"model.weights": "wheel:x"},
    "config.train.accumulate=2": {
        "model.backbone": "resnet50",
        "train.accumulate": 2,
        "method.freeze": ("stem",),
    },
    "leaves nothing of the deepest maps": {"model.backbone": "densenet161"},
}


@pytest.mark.parametrize("words", BAD)
def test_what_there_is_not_is_refused(words):
    with pytest.raises(InputError, match=words):
        trunk_options.check(config_of(**BAD[words]))


def test_a_frozen_backbone_may_take_a_batch_in_parts():
    settings = {"train.accumulate": 2, "method.freeze": ("backbone",)}
    trunk_options.check(config_of(**settings, **{"model.backbone": "resnet50"}))
