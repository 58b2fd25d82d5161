"""Rate of matrix products, the highest that the devices can reach."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gandl_jax import parallel
from gandl_jax.jobs.benchmark import rounds

SIZES = (1024, 2048, 4096, 8192, 16384)
GAIN = 1.05  # a larger size is tried while the last was faster by this factor


class Rate(NamedTuple):
    """Floating-point operations per second.

    Attributes:
      clock: by the clock.
      cores: by the cores' time, meaningful if the cores do the multiplying.
    """

    clock: float
    cores: float


def flops_per_second(
    devices: list[jax.Device], dtype: jnp.dtype, sizes: tuple[int, ...] = SIZES
) -> Rate:
    """Returns the fastest round of products of square matrices, all devices at once.

    Args:
      devices: each multiplies its own; virtual ones share the cores.
      dtype: of the matrices.
      sizes: of a side, tried in this order until none is faster.
    """
    best = Rate(0.0, 0.0)
    for size in sizes:
        rate = _rate(devices, dtype, size)
        slower = rate.clock < GAIN * best.clock
        best = Rate(*map(max, rate, best))
        if slower:
            break
    return best


def _rate(devices: list[jax.Device], dtype: jnp.dtype, size: int) -> Rate:
    multiply = parallel.map_batch(chain, devices)
    matrix = parallel.on_one(lambda: orthogonal(size, dtype))()

    def run(count: int) -> None:
        multiply(matrix, np.full(len(devices), count, np.int32))

    run(1)  # compiles
    seconds = rounds.seconds_per_call(run)
    flops = 2 * size**3 * len(devices)
    return Rate(flops / seconds.clock.min(), flops / seconds.cores.min())


def shares(
    flops: float | None,
    clock: float,
    cores: float,
    devices: list[jax.Device],
    dtype: jnp.dtype,
) -> dict[str, float | None]:
    """Compares the rate of some work with that of matrix products.

    Args:
      flops: of the work; None if not known.
      clock: seconds that it took, by the clock.
      cores: of the cores' time.
      devices: that did the work.
      dtype: of the computation.

    Returns:
      The products' gflop per second and the work's share of it, None if not known; on a
      CPU by the cores' time, too.
    """
    best = flops_per_second(devices, dtype)
    figures = {
        "matrix_product_gflop_per_second": best.clock / 1e9,
        "share_of_matrix_product": flops and flops / clock / best.clock,
    }
    if devices[0].platform == "cpu":
        figures |= {
            "matrix_product_gflop_per_core_second": best.cores / 1e9,
            "core_share_of_matrix_product": flops and flops / cores / best.cores,
        }
    return figures


def orthogonal(size: int, dtype: jnp.dtype) -> jax.Array:
    """Makes a [size, size] matrix whose powers keep their size and look like noise.

    It is Sylvester's Hadamard matrix with random signs of rows: GPUs multiply constant
    matrices faster, as that takes less power.

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
    """Returns one number of matrix^(count + 1), which takes `count` products.

    Args:
      matrix: [N, N].
      count: [1] int32.

    Returns:
      {"corner": [1, 1]}.
    """
    power = jax.lax.fori_loop(0, count[0], lambda _, product: matrix @ product, matrix)
    return {"corner": power[:1, :1]}
