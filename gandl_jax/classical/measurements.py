"""CellProfiler's measurements of an image, by the library cp-measure.

Carpenter et al. 2006 (Genome Biol 7:R100), Munoz et al. 2025 (arXiv 2507.01163). The
settings are the library's defaults: Haralick's textures at 3 pixels and 256 levels,
granularity over 16 steps on a quarter of the size, 4 rings, Zernike moments up to 9.
Costes' threshold is left out: it takes longer than all the rest together.
"""

import functools
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

import cp_measure
import numpy as np
from cp_measure import bulk

from gandl_jax.classical import nuclei as segmentation

IMAGE, NUCLEI = "Image", "Nuclei"
COUNT = f"{NUCLEI}__Count"
OF_CHANNEL = ("texture", "granularity", "radial_distribution", "radial_zernikes")
OF_SHAPE = ("zernike",)
PREFIX = {"texture": "Texture_"}  # the other names have their kind in them
OF_PAIR = ("pearson", "manders_fold", "rwc")
Objects = Mapping[str, np.ndarray]  # measurement -> [N], one for each object


def version() -> str:
    """The library's, with which the measurements may change."""
    return metadata.version("cp-measure")


@functools.cache
def columns(channels: tuple[str, ...], nuclei: str) -> tuple[str, ...]:
    """Names of what is measured, in order: object, measurement and channel or channels.

    Args:
      channels: C names.
      nuclei: the channel that nuclei are found in; "" is none.

    Returns:
      D names, as in "Image__Texture_Contrast_3_00_256__dna" and "Nuclei__Zernike_2_0".
    """
    rng = np.random.default_rng(0)
    picture = rng.random((64, 64, len(channels)))
    picture[16:48, 16:48] += 2  # a nucleus in every channel
    return tuple(_named(picture / 3, channels, nuclei))


def measure(image: np.ndarray, channels: tuple[str, ...], nuclei: str) -> np.ndarray:
    """Measures an image whole and, where a channel shows nuclei, their mean.

    Args:
      image: [H, W, C] floating in [0, 1].
      channels: C names.
      nuclei: the channel that nuclei are found in; "" is none.

    Returns:
      [D] float64 in the order of `columns`; NaN or infinite where a measurement is
      undefined, and NaN of nuclei where there are none.
    """
    found = _named(image.astype(np.float64), channels, nuclei)
    return np.array([found.get(name, np.nan) for name in columns(channels, nuclei)])


def _named(image: np.ndarray, channels: Sequence[str], nuclei: str) -> dict[str, float]:
    whole = np.ones(image.shape[:2], np.int32)
    found = _prefixed(IMAGE, _of_pixels(image, whole, channels))
    if nuclei:
        labels = segmentation.find(image[..., channels.index(nuclei)])
        found[COUNT] = float(labels.max())
        if labels.any():
            shape = _of_shape(labels)
            found |= _prefixed(NUCLEI, shape | _of_pixels(image, labels, channels))
    return found


def _prefixed(kind: str, objects: Objects) -> dict[str, float]:
    """Means over the objects of which a measurement is finite."""
    return {f"{kind}__{name}": _mean(values) for name, values in objects.items()}


def _mean(values: np.ndarray) -> float:
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def _of_shape(labels: np.ndarray) -> dict[str, np.ndarray]:
    return _quietly(lambda: _core(OF_SHAPE, labels, None))


def _of_pixels(
    image: np.ndarray, labels: np.ndarray, channels: Sequence[str]
) -> dict[str, np.ndarray]:
    """What the pixels within objects say, named by measurement and channels."""
    found = {}
    for place, channel in enumerate(channels):
        pixels = np.ascontiguousarray(image[..., place])
        own = _quietly(lambda pixels=pixels: _core(OF_CHANNEL, labels, pixels))
        found |= {f"{name}__{channel}": values for name, values in own.items()}
    for a, b in itertools.combinations(range(len(channels)), 2):
        own = _quietly(lambda a=a, b=b: _pair(image[..., a], image[..., b], labels))
        names = f"{channels[a]}__{channels[b]}"
        found |= {f"{name}__{names}": values for name, values in own.items()}
    return found


def _core(names: Sequence[str], labels, pixels) -> dict[str, np.ndarray]:
    functions = _functions()
    return {
        f"{PREFIX.get(name, '')}{key}": values
        for name in names
        for key, values in functions[name](labels, pixels).items()
    }


def _pair(first, second, labels) -> dict[str, np.ndarray]:
    functions = _functions()
    found = [functions[name](first, second, labels) for name in OF_PAIR]
    return {name: values for own in found for name, values in own.items()}


@functools.cache
def _functions() -> dict[str, Callable]:
    # The same to rounding, and a hundred times faster for textures.
    cp_measure.set_accelerator("numba")
    core = bulk.get_core_measurements(sanitize=False)
    return core | bulk.get_correlation_measurements(sanitize=False)


def _quietly(fn: Callable[[], dict]) -> dict[str, np.ndarray]:
    """What a function gives; what is undefined is NaN there and needs no warning."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return fn()
