"""A network is filled array by array, and what does not fit is named."""

import jax
import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.models.weights import channels, filling
from gandl_jax.models.weights.stored import Stored

LIKE = {  # the first layers of a ResNet-50
    "params": {
        "stem_conv": {"kernel": (7, 7, 3, 4)},
        "stem_norm": {"scale": (4,), "bias": (4,)},
    },
    "batch_stats": {"stem_norm": {"mean": (4,), "var": (4,)}},
}


@pytest.fixture
def like():
    return jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, np.float32),
        LIKE,
        is_leaf=lambda x: isinstance(x, tuple),
    )


@pytest.fixture
def file():
    """Arrays as torchvision names and lays them."""
    rng = np.random.default_rng(0)
    return {
        "conv1.weight": rng.normal(size=(4, 3, 7, 7)),
        "bn1.weight": rng.normal(size=4),
        "bn1.bias": rng.normal(size=4),
        "bn1.running_mean": rng.normal(size=4),
        "bn1.running_var": rng.uniform(size=4),
        "bn1.num_batches_tracked": np.array(3),
        "fc.weight": rng.normal(size=(1000, 2048)),
        "fc.bias": rng.normal(size=1000),
    }


def fill(file, like, backbone="resnet50"):
    stored = {k: Stored(v.shape, lambda v=v: v) for k, v in file.items()}
    return filling.fill(stored, "net.pth", backbone, like)


def test_arrays_go_where_they_belong(file, like):
    found = fill(file, like)
    kernel = found["params"]["stem_conv"]["kernel"]
    for out, into, row, column in np.ndindex(4, 3, 2, 2):
        value = np.float32(file["conv1.weight"][out, into, row, column])
        assert kernel[row, column, into, out] == value
    norm = found["params"]["stem_norm"], found["batch_stats"]["stem_norm"]
    np.testing.assert_allclose(norm[0]["scale"], file["bn1.weight"], rtol=1e-6)
    np.testing.assert_allclose(norm[0]["bias"], file["bn1.bias"], rtol=1e-6)
    np.testing.assert_allclose(norm[1]["mean"], file["bn1.running_mean"], rtol=1e-6)
    np.testing.assert_allclose(norm[1]["var"], file["bn1.running_var"], rtol=1e-6)
    assert {x.dtype for x in jax.tree.leaves(found)} == {np.dtype(np.float32)}


def test_the_file_s_own_channels_are_taken(file, like):
    file["conv1.weight"] = np.ones((4, 5, 7, 7))
    kernel = fill(file, like)["params"]["stem_conv"]["kernel"]
    assert kernel.shape == (7, 7, 5, 4)


BAD = {
    "lacks bn1.running_var, of shape [4]": {"bn1.running_var": None},
    "bn1.bias has the shape [5], and the network wants [4]": {"bn1.bias": np.ones(5)},
    "conv1.weight has the shape [4, 3, 5, 5], and the network wants [4, 3, 7, 7]": {
        "conv1.weight": np.ones((4, 3, 5, 5))
    },
    "holds layer1.0.conv1.weight, which resnet50 has not": {
        "layer1.0.conv1.weight": np.ones((64, 64, 1, 1))
    },
    "bn1.weight holds values that are not finite": {
        "bn1.weight": np.array([1, np.nan, 1, 1])
    },
    "bn1.running_mean holds values that are not finite": {
        "bn1.running_mean": np.array([1, np.inf, 1, 1])
    },
    "bn1.running_var holds variances below 0": {"bn1.running_var": -np.ones(4)},
    "bn1.bias holds int64, and not numbers of a network": {"bn1.bias": np.arange(4)},
}


@pytest.mark.parametrize("words", BAD)
def test_the_first_that_does_not_fit_is_named(file, like, words):
    file = {k: v for k, v in (file | BAD[words]).items() if v is not None}
    with pytest.raises(InputError) as refused:
        fill(file, like)
    assert words in str(refused.value) and "net.pth" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_array_that_cannot_be_read_is_named(file, like):
    def damaged():
        raise ValueError("lacks bytes")

    stored = {k: Stored(v.shape, lambda v=v: v) for k, v in file.items()}
    stored["bn1.bias"] = Stored((4,), damaged)
    with pytest.raises(InputError, match=r"bn1\.bias cannot be read.*lacks bytes"):
        filling.fill(stored, "net.pth", "resnet50", like)


def test_another_source_s_names_are_told(like):
    keras = {"conv1_conv/kernel": np.ones((7, 7, 3, 4))}
    with pytest.raises(InputError) as refused:
        fill(keras, like)
    assert "no resnet50 under the names of torchvision or timm" in str(refused.value)
    assert "--config.model.backbone=resnet50_keras" in str(refused.value)
    with pytest.raises(InputError, match="no resnet50 under the names"):
        fill({"a": np.ones(3)}, like)


def test_filters_are_spread_by_their_mean_over_any_channels():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(7, 7, 3, 4)).astype(np.float32)
    params = {"stem_conv": {"kernel": kernel}, "logits": {"bias": np.ones(2)}}
    wide = channels.with_channels(params, [None] * 5)
    expected = np.repeat(kernel.mean(2, keepdims=True), 5, 2) * 3 / 5
    np.testing.assert_allclose(wide["stem_conv"]["kernel"], expected, atol=1e-6)
    assert wide["logits"] is params["logits"]
