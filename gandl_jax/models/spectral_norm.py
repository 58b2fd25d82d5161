"""Spectral normalisation (Miyato et al. 2018, arXiv 1802.05957, sec. 2.1 and app. A).

A kernel is divided by its largest singular value, as a matrix of inputs x outputs. The
value is followed by power iteration: of every kernel a vector of its outputs is kept,
which `turned` brings closer to the first singular one. They are functions of a tree of
parameters, so that networks are written without it, and a step turns the vectors once,
in however many parts its batch is taken.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util
from jax import Array, lax

START_TURNS = 20  # of random vectors, before the first step (ours)
EPSILON = 1e-12  # lowest length that a vector is divided by
Vectors = dict[str, Any]


def start(params: Mapping[str, Any], key: Array) -> Vectors:
    """Makes the vectors of new parameters.

    Args:
      params: nested; the kernels among them are arrays of that name.
      key: of the random numbers.

    Returns:
      {layer: [outputs] float32 of length 1}, nested as the layers are.
    """
    vectors = traverse_util.unflatten_dict(
        {
            layer: jax.random.normal(jax.random.fold_in(key, number), kernel.shape[-1:])
            for number, (layer, kernel) in enumerate(_kernels(params).items())
        }
    )
    return lax.fori_loop(
        0, START_TURNS, lambda _, before: turned(params, before), vectors
    )


def turned(params: Mapping[str, Any], vectors: Vectors) -> Vectors:
    """Makes one power iteration: u becomes W^T W u, of length 1."""
    known = traverse_util.flatten_dict(vectors)
    return traverse_util.unflatten_dict(
        {
            layer: _unit(_times(_other_side(kernel, known[layer]), _matrix(kernel)))
            for layer, kernel in _kernels(params).items()
        }
    )


def normalised(params: Mapping[str, Any], vectors: Vectors) -> dict[str, Any]:
    """Divides every kernel by its largest singular value, v^T W u.

    Vectors count as constants, for which the value's gradient is v u^T; biases stay as
    they are.
    """
    flat = traverse_util.flatten_dict(dict(params))
    known = traverse_util.flatten_dict(vectors)
    for layer, kernel in _kernels(params).items():
        u = lax.stop_gradient(known[layer])
        v = lax.stop_gradient(_other_side(kernel, u))
        largest = _times(_times(v, _matrix(kernel)), u)
        flat[(*layer, "kernel")] = kernel / jnp.maximum(largest, EPSILON)
    return traverse_util.unflatten_dict(flat)


def _kernels(params: Mapping[str, Any]) -> dict[tuple[str, ...], Array]:
    """Returns {path of the layer: its kernel}."""
    flat = traverse_util.flatten_dict(dict(params))
    return {path[:-1]: array for path, array in flat.items() if path[-1] == "kernel"}


def _matrix(kernel: Array) -> Array:
    return kernel.reshape(-1, kernel.shape[-1])


def _other_side(kernel: Array, u: Array) -> Array:
    """Returns v = W u of length 1, [inputs]."""
    return _unit(_times(_matrix(kernel), u))


def _times(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


def _unit(vector: Array) -> Array:
    return vector / jnp.maximum(jnp.sqrt(jnp.square(vector).sum()), EPSILON)
