"""How fast the devices multiply matrices, which is the best they could do."""

import jax
import jax.numpy as jnp
import numpy as np

from gandl_jax import parallel
from gandl_jax.jobs.benchmark_parts import rounds

SIZES = (1024, 2048, 4096, 8192, 16384)
GAIN = 1.05  # a larger size is tried while the last one was so much faster


def flops_per_second(
    devices: list[jax.Device], dtype: jnp.dtype, sizes: tuple[int, ...] = SIZES
) -> float:
    """The fastest round of products of square matrices, all devices at once.

    Args:
      devices: each multiplies its own; virtual ones share the cores.
      dtype: of the matrices.
      sizes: of a side, tried in this order until none is faster.
    """
    best = 0.0
    for size in sizes:
        rate = _rate(devices, dtype, size)
        if rate < GAIN * best:
            return max(rate, best)
        best = rate
    return best


def _rate(devices: list[jax.Device], dtype: jnp.dtype, size: int) -> float:
    multiply = parallel.map_batch(chain, devices)
    matrix = parallel.on_one(lambda: orthogonal(size, dtype))()

    def run(count: int) -> None:
        multiply(matrix, np.full(len(devices), count, np.int32))

    run(1)  # compiles
    flops = 2 * size**3 * len(devices)
    return flops / rounds.seconds_per_call(run).min()


def orthogonal(size: int, dtype: jnp.dtype) -> jax.Array:
    """[size, size] matrix whose powers neither grow nor fade and look like noise.

    A Hadamard matrix (Sylvester's) whose rows have random signs: on a GPU, constant
    matrices are multiplied faster, for they take less power.

    Args:
      size: a power of two.
      dtype: of the matrix.
    """
    number = jnp.arange(size, dtype=jnp.uint32)
    shared_bits = jax.lax.population_count(number[:, None] & number[None])
    hadamard = 1 - 2 * (shared_bits % 2).astype(jnp.float32)
    signs = jax.random.rademacher(jax.random.key(0), (size, 1), jnp.float32)
    return (signs * hadamard / size**0.5).astype(dtype)


def chain(matrix: jax.Array, count: jax.Array) -> dict[str, jax.Array]:
    """One number of matrix^(count + 1), which takes `count` products.

    Args:
      matrix: [N, N].
      count: [1] int32.

    Returns:
      {"corner": [1, 1]}.
    """
    power = jax.lax.fori_loop(0, count[0], lambda _, x: matrix @ x, matrix)
    return {"corner": power[:1, :1]}
