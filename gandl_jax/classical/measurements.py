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
PREFIX = {"texture": "Texture_"}  # other measurements' names need none
OF_PAIR = ("pearson", "manders_fold", "rwc")
Objects = Mapping[str, np.ndarray]  # measurement -> [N], one for each object


def version() -> str:
    """Returns the library's version, which may change the measurements."""
    return metadata.version("cp-measure")


@functools.cache
def columns(channels: tuple[str, ...], nuclei: str) -> tuple[str, ...]:
    """Names the measurements, in order: object, measurement and channel or channels.

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
    """Measures an image as a whole and, if a channel shows nuclei, their mean.

    Args:
      image: [H, W, C] floating in [0, 1].
      channels: C names.
      nuclei: the channel that nuclei are found in; "" is none.

    Returns:
      [D] float64 in the order of `columns`; NaN or infinite where a measurement is
      undefined, and NaN for nuclei if there are none.
    """
    measurements = _named(image.astype(np.float64), channels, nuclei)
    return np.array(
        [measurements.get(name, np.nan) for name in columns(channels, nuclei)]
    )


def _named(image: np.ndarray, channels: Sequence[str], nuclei: str) -> dict[str, float]:
    whole_image = np.ones(image.shape[:2], np.int32)
    measurements = _prefixed(IMAGE, _measure_pixels(image, whole_image, channels))
    if nuclei:
        labels = segmentation.find(image[..., channels.index(nuclei)])
        measurements[COUNT] = float(labels.max())
        if labels.any():
            shape = _measure_shape(labels)
            measurements |= _prefixed(
                NUCLEI, shape | _measure_pixels(image, labels, channels)
            )
    return measurements


def _prefixed(object_name: str, objects: Objects) -> dict[str, float]:
    """Averages over the objects with a finite measurement."""
    return {f"{object_name}__{name}": _mean(values) for name, values in objects.items()}


def _mean(values: np.ndarray) -> float:
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def _measure_shape(labels: np.ndarray) -> dict[str, np.ndarray]:
    return _quietly(lambda: _core(OF_SHAPE, labels, None))


def _measure_pixels(
    image: np.ndarray, labels: np.ndarray, channels: Sequence[str]
) -> dict[str, np.ndarray]:
    """Measures the pixels within objects; named by measurement and channels."""
    measurements = {}
    for index, channel in enumerate(channels):
        pixels = np.ascontiguousarray(image[..., index])
        measured = _quietly(lambda pixels=pixels: _core(OF_CHANNEL, labels, pixels))
        measurements |= {
            f"{name}__{channel}": values for name, values in measured.items()
        }
    for first, second in itertools.combinations(range(len(channels)), 2):
        measured = _quietly(
            lambda first=first, second=second: _pair(
                image[..., first], image[..., second], labels
            )
        )
        channel_names = f"{channels[first]}__{channels[second]}"
        measurements |= {
            f"{name}__{channel_names}": values for name, values in measured.items()
        }
    return measurements


def _core(names: Sequence[str], labels, pixels) -> dict[str, np.ndarray]:
    functions = _functions()
    return {
        f"{PREFIX.get(name, '')}{key}": values
        for name in names
        for key, values in functions[name](labels, pixels).items()
    }


def _pair(first, second, labels) -> dict[str, np.ndarray]:
    functions = _functions()
    results = [functions[name](first, second, labels) for name in OF_PAIR]
    return {name: values for result in results for name, values in result.items()}


@functools.cache
def _functions() -> dict[str, Callable]:
    # Results agree to rounding; textures are a hundred times faster.
    cp_measure.set_accelerator("numba")
    core = bulk.get_core_measurements(sanitize=False)
    return core | bulk.get_correlation_measurements(sanitize=False)


def _quietly(fn: Callable[[], dict]) -> dict[str, np.ndarray]:
    """Calls a function without warnings for undefined values, which are NaN."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return fn()
