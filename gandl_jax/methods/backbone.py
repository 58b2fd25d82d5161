"""The published network of a config: how it is made, filled and applied.

Its variables are two trees: parameters, and the statistics of its batch normalisations,
which training moves without a gradient.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import modules, parallel
from gandl_jax.methods.backbone_options import FOLDER
from gandl_jax.models.weights import channels, places, read

COLOURS = 3  # channels that published networks take
_INIT_PX = 32  # parameters do not depend on it
_INITIAL = {"scale": 1.0, "bias": 0.0, "mean": 0.0, "var": 1.0}  # all but kernels


def module(config) -> Any:
    """Returns the module of the backbone: WIDTH, LEAST_PX, STAGES, network."""
    return modules.load(FOLDER, config.model.backbone)


def network(config, *, classes: int = 0, fixed: Sequence[str] = ()) -> Any:
    """Makes the network, with batch statistics over all devices.

    Args:
      config: of the experiment; its model has backbone and dtype.
      classes: number of its own logits; 0 is none.
      fixed: stages whose normalisations keep their statistics in training.
    """
    return _made(module(config), config.model.dtype, classes, fixed)


def named(name: str, dtype: str) -> Any:
    """Makes a network by name, without logits, with statistics over all devices.

    Args:
      name: a file of gandl_jax/models/backbones.
      dtype: as of config.model.dtype.
    """
    return _made(modules.load(FOLDER, name), dtype)


def _made(file: Any, dtype: str, classes: int = 0, fixed: Sequence[str] = ()) -> Any:
    return file.network(
        classes=classes,
        axis=parallel.AXIS,
        dtype=parallel.compute_dtype(dtype),
        fixed=tuple(fixed),
    )


def init(net: Any, key: Array, channels: int) -> tuple[dict, dict]:
    """Makes random (parameters, statistics) for images of `channels` channels.

    Kernels are those of He et al. 2015, with deviation (2 / inputs)^0.5, cut from one
    draw: to compile a draw for each layer takes ten times as long as all the rest.
    """
    shapes = _shapes(net, channels)
    leaves, tree = jax.tree_util.tree_flatten_with_path(shapes)
    leaf_names = [path[-1].key for path, _ in leaves]
    sizes = [
        leaf.size if leaf_name == "kernel" else 0
        for leaf_name, (_, leaf) in zip(leaf_names, leaves, strict=True)
    ]
    drawn, start, arrays = jax.random.normal(key, (sum(sizes),)), 0, []
    for leaf_name, size, (_, leaf) in zip(leaf_names, sizes, leaves, strict=True):
        if leaf_name == "kernel":
            inputs = size // leaf.shape[-1]
            kernel = drawn[start : start + size].reshape(leaf.shape)
            arrays.append(kernel * (2 / inputs) ** 0.5)
        else:
            arrays.append(jnp.full(leaf.shape, _INITIAL[leaf_name]))
        start += size
    variables = jax.tree_util.tree_unflatten(tree, arrays)
    return variables["params"], variables["batch_stats"]


def _shapes(net: Any, channels: int) -> dict[str, Any]:
    images = jnp.zeros((1, _INIT_PX, _INIT_PX, channels))
    return jax.eval_shape(
        lambda key: net.init(key, images, train=False), jax.random.key(0)
    )


def pretrained(
    config, net: Any, sources: Sequence[int | None] | None = None
) -> tuple[dict, dict]:
    """Reads (parameters, statistics) of `config.model.weights`; NumPy arrays.

    It reads a file, and so cannot be traced.

    Args:
      config: of the experiment.
      net: the network; if it has logits the file must have as many.
      sources: the network's channel for each channel of the images, None for their
        mean; by default the network's three colours.

    Raises:
      InputError: no such file, damaged, or of another architecture.
    """
    params, statistics = from_file(config.model.weights, config.model.backbone, net)
    if sources is not None:
        params = channels.with_channels(params, sources)
    return params, statistics


def from_file(weights: str, backbone: str, net: Any) -> tuple[dict, dict]:
    """Reads (parameters, statistics) of a file, for three colours; NumPy arrays.

    Args:
      weights: as config.model.weights.
      backbone: the network's name.
      net: the network; if it has logits the file must have as many.

    Raises:
      InputError: no such file, damaged, or of another architecture.
    """
    with places.opened(weights) as file:
        variables = read.variables(file, weights, backbone, _shapes(net, COLOURS))
    return variables["params"], variables["batch_stats"]


def maps(net: Any, params: dict, statistics: dict, images: Array) -> dict[str, Array]:
    """Applies the network to images, with fixed statistics.

    Args:
      net: the network.
      params: of the network.
      statistics: of its batch normalisations.
      images: [B, H, W, C] in [-1, 1].

    Returns:
      Maps of STAGES and "pooled", float32; "logits" if it has any.
    """
    variables = {"params": params, "batch_stats": statistics}
    return net.apply(variables, images, train=False)


def maps_in_training(
    net: Any, params: dict, statistics: dict, images: Array
) -> tuple[dict[str, Array], dict]:
    """Returns `maps` with the statistics of this batch, and the moved statistics."""
    variables = {"params": params, "batch_stats": statistics}
    maps, moved = net.apply(variables, images, train=True, mutable=["batch_stats"])
    return maps, moved["batch_stats"]
