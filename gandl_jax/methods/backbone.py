"""The published network of a config: made, filled, applied in training and after.

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

COLOURS = 3  # of the images that published networks take
_INIT_PX = 32  # parameters do not depend on it
_FIRST = {"scale": 1.0, "bias": 0.0, "mean": 0.0, "var": 1.0}  # but for kernels


def module(config) -> Any:
    """The file of the config's backbone: WIDTH, LEAST_PX, STAGES, network."""
    return modules.load(FOLDER, config.model.backbone)


def network(config, *, classes: int = 0, fixed: Sequence[str] = ()) -> Any:
    """The network, with batch statistics over all devices.

    Args:
      config: of the experiment; its model has backbone and dtype.
      classes: of its own logits; 0 is without.
      fixed: stages whose normalisations keep their statistics in training.
    """
    return _made(module(config), config.model.dtype, classes, fixed)


def named(backbone: str, dtype: str) -> Any:
    """A network by its name, without logits, with batch statistics over all devices.

    Args:
      backbone: a file of gandl_jax/models/backbones.
      dtype: as of config.model.dtype.
    """
    return _made(modules.load(FOLDER, backbone), dtype)


def _made(file: Any, dtype: str, classes: int = 0, fixed: Sequence[str] = ()) -> Any:
    return file.network(
        classes=classes,
        axis=parallel.AXIS,
        dtype=parallel.compute_dtype(dtype),
        fixed=tuple(fixed),
    )


def init(net: Any, key: Array, channels: int) -> tuple[dict, dict]:
    """(parameters, statistics), random, for images of so many channels.

    Kernels are of He et al. 2015, deviation (2 / inputs)^0.5, cut from a single draw:
    to compile one for each layer takes ten times as long as all the rest.
    """
    like = _shapes(net, channels)
    leaves, tree = jax.tree_util.tree_flatten_with_path(like)
    kinds = [path[-1].key for path, _ in leaves]
    sizes = [
        leaf.size if kind == "kernel" else 0
        for kind, (_, leaf) in zip(kinds, leaves, strict=True)
    ]
    drawn, at, made = jax.random.normal(key, (sum(sizes),)), 0, []
    for kind, size, (_, leaf) in zip(kinds, sizes, leaves, strict=True):
        if kind == "kernel":
            inputs = size // leaf.shape[-1]
            kernel = drawn[at : at + size].reshape(leaf.shape)
            made.append(kernel * (2 / inputs) ** 0.5)
        else:
            made.append(jnp.full(leaf.shape, _FIRST[kind]))
        at += size
    found = jax.tree_util.tree_unflatten(tree, made)
    return found["params"], found["batch_stats"]


def _shapes(net: Any, channels: int) -> dict[str, Any]:
    images = jnp.zeros((1, _INIT_PX, _INIT_PX, channels))
    return jax.eval_shape(
        lambda key: net.init(key, images, train=False), jax.random.key(0)
    )


def pretrained(
    config, net: Any, sources: Sequence[int | None] | None = None
) -> tuple[dict, dict]:
    """(parameters, statistics) of `config.model.weights`; arrays of NumPy.

    Reads the file, so not to be traced.

    Args:
      config: of the experiment.
      net: the network; where it has logits the file must have as many.
      sources: for each channel of the images one of the network's, None is their mean;
        by default the network's three colours.

    Raises:
      InputError: no such file, damaged, or of another architecture.
    """
    params, statistics = from_file(config.model.weights, config.model.backbone, net)
    if sources is not None:
        params = channels.with_channels(params, sources)
    return params, statistics


def from_file(place: str, backbone: str, net: Any) -> tuple[dict, dict]:
    """(parameters, statistics) of a file, for three colours; arrays of NumPy.

    Args:
      place: as of config.model.weights.
      backbone: the network's name.
      net: the network; where it has logits the file must have as many.

    Raises:
      InputError: no such file, damaged, or of another architecture.
    """
    with places.opened(place) as file:
        found = read.variables(file, place, backbone, _shapes(net, COLOURS))
    return found["params"], found["batch_stats"]


def maps(net: Any, params: dict, statistics: dict, images: Array) -> dict[str, Array]:
    """What the network gives of images, with fixed statistics.

    Args:
      net: the network.
      params: of it.
      statistics: of it.
      images: [B, H, W, C] in [-1, 1].

    Returns:
      STAGES and "pooled", float32; "logits" where it has any.
    """
    variables = {"params": params, "batch_stats": statistics}
    return net.apply(variables, images, train=False)


def maps_in_training(
    net: Any, params: dict, statistics: dict, images: Array
) -> tuple[dict[str, Array], dict]:
    """As `maps`, with the statistics of this batch on all devices, and the new ones."""
    variables = {"params": params, "batch_stats": statistics}
    found, moved = net.apply(variables, images, train=True, mutable=["batch_stats"])
    return found, moved["batch_stats"]
