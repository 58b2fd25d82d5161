"""Records whose channels show MNIST's digits, of the record's label or others."""

import dataclasses
import io

import numpy as np
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.raw import image_files

CLASSES = 10
SIDE_PX = 28
WHITE = 250  # below the highest level, so that no pixel counts as saturated
PARTS = "train", "test"
SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"


@dataclasses.dataclass(frozen=True)
class Digits:
    """One of MNIST's two parts, training or test.

    Attributes:
      images: [N, 28, 28] uint8, ink is bright.
      labels: [N] int, 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Record:
    """The file and the images of one record.

    Attributes:
      paths: of its only file.
      images: [C, 28, 28] uint8, the digit that each channel shows.
    """

    paths: tuple[str, ...]
    images: np.ndarray


def read(path: epath.PathLike) -> dict[str, Digits]:
    """Reads both parts of MNIST.

    Args:
      path: of an .npz file with `x_train`, `y_train`, `x_test`, `y_test`, or names in
        the other order (`train_x`).

    Raises:
      InputError: the file is missing, or holds something else.
    """
    if not epath.Path(path).exists():
        raise InputError(
            f"config.simulate.digits_file={path} does not exist: download {SOURCE} "
            "(MNIST, 11 MB) and name it there"
        )
    try:
        data = io.BytesIO(files.read_bytes(path))
        files.check_unpacked(data)
        with np.load(data, allow_pickle=False) as archive:
            return {part: _part(archive, part) for part in PARTS}
    except InputError:
        raise
    except Exception as error:  # NumPy and zipfile raise many at other bytes
        raise InputError(
            f"config.simulate.digits_file={path} does not hold MNIST's digits "
            f"({error}): download {SOURCE}"
        ) from error


def _part(archive, part: str) -> Digits:
    """Reads one part.

    Raises:
      ValueError, KeyError: arrays are missing, or of another shape.
    """
    images, labels = (
        archive[f"{part}_{axis}" if f"{part}_{axis}" in archive else f"{axis}_{part}"]
        for axis in "xy"
    )
    side = (SIDE_PX, SIDE_PX)
    if images.dtype != np.uint8 or images.shape != (len(labels), *side):
        raise ValueError(f"images of {part}: {images.dtype} {images.shape}")
    if set(np.unique(labels)) != set(range(CLASSES)):
        raise ValueError(f"labels of {part} are not 0 to 9")
    return Digits(images, labels.astype(int))


def deal(
    rng: np.random.Generator,
    digits: Digits,
    records: int,
    probabilities: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Chooses the digit that every channel of every record shows.

    A tenth of the records has each label, and no two records have the same own digit. A
    channel that does not show it shows any digit of the nine other labels, each label
    equally often: with a probability of a tenth it tells nothing.

    Args:
      rng: generator of the screen and the part.
      digits: to choose from.
      records: number of records, N.
      probabilities: [C], with which a channel shows the record's own digit.

    Returns:
      [N] int labels of the records, and [N, C] int indices of the digits shown.

    Raises:
      InputError: there are too few digits of a label.
    """
    labels = rng.permutation(np.arange(records) % CLASSES)
    own_digits = _own_digits(rng, digits, labels)
    shape = records, len(probabilities)
    other_label = (labels[:, None] + rng.integers(1, CLASSES, shape)) % CLASSES
    other_digits = _any_of_label(rng, digits, other_label)
    shows_own = rng.random(shape) < np.asarray(probabilities)
    return labels, np.where(shows_own, own_digits[:, None], other_digits)


def _own_digits(rng, digits: Digits, labels: np.ndarray) -> np.ndarray:
    """Draws a digit of its label for each record, none twice, [N] int."""
    chosen = np.empty(len(labels), int)
    for label in range(CLASSES):
        records = np.flatnonzero(labels == label)
        available = np.flatnonzero(digits.labels == label)
        if len(records) > len(available):
            raise InputError(
                f"config.simulate asks for {len(records):,} records of the digit "
                f"{label}, and that part of MNIST has {len(available):,}: ask for "
                "fewer train_records or test_records"
            )
        chosen[records] = rng.permutation(available)[: len(records)]
    return chosen


def _any_of_label(rng, digits: Digits, labels: np.ndarray) -> np.ndarray:
    """Draws a digit for each label, all equally likely, [...] int."""
    by_label = np.argsort(digits.labels, kind="stable")
    count = np.bincount(digits.labels, minlength=CLASSES)
    first = np.cumsum(count) - count
    nth = (rng.random(labels.shape) * count[labels]).astype(int)
    return by_label[first[labels] + nth]


def stretched(images: np.ndarray) -> np.ndarray:
    """Stretches digits to the same contrast: each from 0 to `WHITE`.

    Args:
      images: [..., H, W] uint8, none with a single level.
    """
    low = images.min((-2, -1), keepdims=True).astype(float)
    high = images.max((-2, -1), keepdims=True)
    return np.rint((images - low) / (high - low) * WHITE).astype(np.uint8)


def draw(record: Record) -> None:
    """Writes the file of one record, a TIFF with all channels."""
    pixels = np.moveaxis(stretched(record.images), 0, -1)
    files.replace(record.paths[0], image_files.encode_tiff(pixels))
