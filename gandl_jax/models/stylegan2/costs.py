"""Costs of the forms of resampling, and the choice of one by them.

All forms give the same numbers up to rounding; see `resample.py`.
"""

import math

from gandl_jax.models.stylegan2 import resample

# Milliseconds of a layer per image, by direction and by the larger side's (pixels,
# channels), including work common to all forms: only their order matters.
COSTS = {
    # Forward and backward (the input's and the weight's gradient) by the estimates of
    # libtpu 0.0.42.1's compiler for a core of a TPU v3; bfloat16, 8 images (512 px: 4,
    # 1024 px: 2), channels min(32768 / r, 512).
    "tpu": {
        "up": {
            (8, 512): {"folded": 0.442, "strided": 0.0465, "strided_sums": 0.0506},
            (16, 512): {"folded": 0.48, "strided": 0.0717, "strided_sums": 0.085},
            (32, 512): {"folded": 0.688, "strided": 0.172, "strided_sums": 0.219},
            (64, 512): {"folded": 1.52, "strided": 0.557, "strided_sums": 0.732},
            (128, 256): {"folded": 2.42, "strided": 1.04, "strided_sums": 1.35},
            (256, 128): {"folded": 2.49, "strided": 1.43, "strided_sums": 2.15},
            (512, 64): {"folded": 4.7, "strided": 5.63, "strided_sums": 10.6},
            (1024, 32): {"folded": 20.6, "strided": 38.6, "strided_sums": 38.3},
        },
        "down": {
            (8, 512): {"folded": 0.378, "strided": 0.054, "strided_sums": 0.0574},
            (16, 512): {"folded": 0.414, "strided": 0.0792, "strided_sums": 0.0916},
            (32, 512): {"folded": 0.612, "strided": 0.18, "strided_sums": 0.226},
            (64, 512): {"folded": 1.45, "strided": 0.564, "strided_sums": 0.746},
            (128, 256): {"folded": 2.39, "strided": 1.04, "strided_sums": 1.4},
            (256, 128): {"folded": 2.49, "strided": 1.43, "strided_sums": 2.14},
            (512, 64): {"folded": 4.69, "strided": 5.63, "strided_sums": 9.87},
            (1024, 32): {"folded": 20.6, "strided": 38.6, "strided_sums": 35.5},
        },
    },
    # Forward, and once more with backward, as a generator's layer does in a step; time
    # of one core, measured on 2 of an AMD EPYC with `compilation.CPU_OPTIONS`; float32,
    # 8 images, channels min(4096 / r, 512).
    "cpu": {
        "up": {
            (8, 512): {"folded": 86, "strided": 10.7, "strided_sums": 4.56},
            (16, 256): {"folded": 37.5, "strided": 15.3, "strided_sums": 5.86},
            (32, 128): {"folded": 14.5, "strided": 23.2, "strided_sums": 7.59},
            (64, 64): {"folded": 12, "strided": 46.9, "strided_sums": 11.3},
        },
        "down": {
            (8, 512): {"folded": 89.2, "strided": 10.2, "strided_sums": 3.44},
            (16, 256): {"folded": 48.1, "strided": 15.7, "strided_sums": 4.16},
            (32, 128): {"folded": 15.5, "strided": 24.3, "strided_sums": 3.88},
            (64, 64): {"folded": 13.1, "strided": 55.8, "strided_sums": 7.65},
        },
    },
}
# For a GPU, which was not measured: the fewest multiplications, without the depthwise
# convolutions that are slow in cuDNN.
UNMEASURED = "strided_sums"


def form(resampling: str, direction: str, size: int, channels: int) -> str:
    """Chooses the form for a layer.

    Args:
      resampling: a platform, of which `COSTS` may have no costs, or the form itself.
      direction: "up" or "down".
      size: the larger side, in pixels.
      channels: at that side.

    Returns:
      A key of `resample.UPSAMPLE_CONVOLVE`: the cheapest for the nearest measured layer
      (by the logarithms of pixels and channels).
    """
    if resampling in resample.UPSAMPLE_CONVOLVE:
        return resampling
    if resampling not in COSTS:
        return UNMEASURED

    def distance(layer: tuple[int, int]) -> float:
        return math.dist(
            *([math.log2(x) for x in measured] for measured in (layer, wanted_layer))
        )

    wanted_layer, known = (size, channels), COSTS[resampling][direction]
    costs = known[min(known, key=distance)]
    return min(costs, key=costs.get)
