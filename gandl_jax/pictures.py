"""Grids of images as PNG files: two halves, in false colour and per channel."""

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from etils import epath
from PIL import Image, ImageDraw, PngImagePlugin

from gandl_jax import files

# Colour of a channel by its position, added up in the composite; the first is blue
# because Cell Painting screens image the nuclei first. No five colours can be told
# apart by every reader once added, so each channel is also written alone, in grey.
COLOURS = {
    "blue": (0.2, 0.4, 1.0),
    "green": (0.0, 0.7, 0.2),
    "red": (0.9, 0.2, 0.1),
    "yellow": (0.7, 0.6, 0.0),
    "magenta": (0.7, 0.1, 0.7),
    "cyan": (0.0, 0.6, 0.7),
    "orange": (0.9, 0.4, 0.0),
    "grey": (0.5, 0.5, 0.5),
}
GAP_PX = 2  # white line between the images of a grid
BETWEEN_PX = 12  # white strip between the two halves
LABEL_PX = 16  # height of the strip of captions
LETTER_PX = 6  # approximate width of a letter in it
LEAST_PX = 96  # width of an image with its own caption
WORDS = ("left", "right")  # keys of the halves' captions in a PNG's text


def composite(images: np.ndarray) -> np.ndarray:
    """Shows all channels at once: each in its colour, added up, clipped.

    One channel stays grey. From the ninth channel on the colours repeat.

    Args:
      images: [B, H, W, C] float in [-1, 1].

    Returns:
      [B, H, W, 3] float32 in [-1, 1], red, green, blue.
    """
    images = np.asarray(images, np.float32)
    count = images.shape[-1]
    if count == 1:
        return np.repeat(images, 3, axis=-1)
    colours = [COLOURS[name] for name in colour_names(count)]
    light = (images + 1) / 2 @ np.asarray(colours, np.float32)
    return np.clip(light, 0, 1) * 2 - 1


def colour_names(count: int) -> list[str]:
    """Returns the colours of channels in the composite of `count` channels."""
    if count == 1:
        return ["grey"]
    return list(itertools.islice(itertools.cycle(COLOURS), count))


class Halves(Protocol):
    """Two halves of a grid: images [B, H, W, C] in [-1, 1], with captions."""

    left_words: str
    left: np.ndarray
    right_words: str
    right: np.ndarray


def file_name(step: int, name: str, number: int = 0) -> str:
    """Returns the file name of a grid; unsuitable characters become `-`.

    Args:
      step: of training.
      name: of a channel, or `composite`.
      number: of the pair of halves, from 0, among those of the step.
    """
    prefix = f"{step:08d}" + (f"_{number + 1}" if number else "")
    return f"{prefix}_{re.sub(r'[^A-Za-z0-9_.]+', '-', name)}.png"


def grid(images: np.ndarray, columns: int) -> np.ndarray:
    """Lays images out row by row, with white lines between and white empty cells.

    Args:
      images: [B, H, W, K] float in [-1, 1], K = 1 (grey) or 3 (RGB); values outside are
        clipped, NaN is black.
      columns: images in a row, at least 1.

    Returns:
      [R * H + (R - 1) * 2, columns * W + (columns - 1) * 2, K] uint8, R rows.
    """
    count, height, width, colour_count = images.shape
    rows = -(-count // columns)
    light = np.clip((np.nan_to_num(np.asarray(images), nan=-1.0) + 1) / 2, 0, 1)
    pixels = np.round(light * 255).astype(np.uint8)
    down, right = height + GAP_PX, width + GAP_PX
    sheet = np.full((rows * down, columns * right, colour_count), 255, np.uint8)
    for index, image in enumerate(pixels):
        y, x = index // columns * down, index % columns * right
        sheet[y : y + height, x : x + width] = image
    return sheet[:-GAP_PX, :-GAP_PX]


def side_by_side(
    left: np.ndarray, right: np.ndarray, captions: tuple[str, str]
) -> Image.Image:
    """Puts two grids side by side, each under its caption.

    Args:
      left: [H, W, K] uint8, K = 1 or 3.
      right: [H', W', K] uint8.
      captions: of the left and of the right one.

    Returns:
      An RGB picture.
    """
    height = LABEL_PX + max(left.shape[0], right.shape[0])
    second = left.shape[1] + BETWEEN_PX
    picture = Image.new("RGB", (second + right.shape[1], height), "white")
    draw = ImageDraw.Draw(picture)
    for x, caption, half in zip((0, second), captions, (left, right), strict=True):
        draw.text((x, 2), caption, fill="black")
        rgb = np.broadcast_to(half, (*half.shape[:2], 3))
        picture.paste(Image.fromarray(np.ascontiguousarray(rgb)), (x, LABEL_PX))
    return picture


def write_grids(
    directory: epath.PathLike,
    step: int,
    channels: Sequence[str],
    halves: Halves,
    number: int = 0,
) -> list[epath.Path]:
    """Writes `<step>_composite.png` and, for each channel, `<step>_<channel>.png`.

    Each file is written under another name and then renamed, so that a reader never
    finds half a picture. Captions of the halves are in the picture, and in the file as
    text (see `read_words`).

    Args:
      directory: of the files, made if it is missing.
      step: training step, written with 8 digits.
      channels: C names.
      halves: left and right.
      number: of these halves among the step's, from 0.

    Returns:
      The paths: the composite, then the channels in their order.
    """
    folder = epath.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    images = [np.asarray(half, np.float32) for half in (halves.left, halves.right)]
    columns = max(1, round(len(images[0]) ** 0.5))
    sheets = {"composite": [grid(composite(half), columns) for half in images]}
    for index, name in enumerate(channels):
        sheets[name] = [grid(half[..., index : index + 1], columns) for half in images]
    captions = halves.left_words, halves.right_words
    text = PngImagePlugin.PngInfo()
    for key, caption in zip(WORDS, captions, strict=True):
        text.add_itxt(key, caption)
    paths = []
    for name, sheet in sheets.items():
        paths.append(folder / file_name(step, name, number))
        with files.replacing(paths[-1]) as file:
            side_by_side(*sheet, captions).save(file, format="PNG", pnginfo=text)
    return paths


def read_words(path: epath.PathLike) -> tuple[str, str] | None:
    """Reads the captions of a grid's halves; None if the file has none."""
    try:
        with files.reading(path) as file, Image.open(file, formats=("PNG",)) as png:
            return png.text[WORDS[0]], png.text[WORDS[1]]
    except (
        OSError,
        SyntaxError,
        ValueError,
        LookupError,
        Image.DecompressionBombError,
    ):
        return None


def write_grid(path: epath.PathLike, images: np.ndarray) -> None:
    """Writes a picture of images, as composites.

    Args:
      path: of the PNG.
      images: [B, H, W, C] float in [-1, 1].
    """
    columns = max(1, round(len(images) ** 0.5))
    sheet = grid(composite(images), columns)
    with files.replacing(path) as file:
        Image.fromarray(sheet).save(file, format="PNG")


def write_columns(path: epath.PathLike, columns: Mapping[str, np.ndarray]) -> None:
    """Writes a picture of images side by side, each column under its caption.

    Args:
      path: of the PNG.
      columns: {caption: images [B, H, W] float in [-1, 1], grey}, equally many in each.
    """
    stacked = np.stack(list(columns.values()), 1)  # [B, K, H, W]
    images = stacked.reshape(-1, *stacked.shape[2:])[..., None]
    # Captions need room: small images are shown larger.
    scale = max(1, LEAST_PX // images.shape[2])
    images = images.repeat(scale, 1).repeat(scale, 2)
    sheet = grid(images, len(columns))
    picture = Image.new("RGB", (sheet.shape[1], LABEL_PX + sheet.shape[0]), "white")
    draw, width = ImageDraw.Draw(picture), images.shape[2]
    for number, caption in enumerate(columns):
        text = caption[: width // LETTER_PX]
        draw.text((number * (width + GAP_PX), 2), text, fill="black")
    rgb = np.broadcast_to(sheet, (*sheet.shape[:2], 3))
    picture.paste(Image.fromarray(np.ascontiguousarray(rgb)), (0, LABEL_PX))
    with files.replacing(path) as file:
        picture.save(file, format="PNG")


def shrunk(path: epath.PathLike, width_px: int) -> bytes:
    """Reads a picture, and shrinks it if it is wider than `width_px`.

    Args:
      path: of a PNG.
      width_px: greatest width.

    Returns:
      A PNG.

    Raises:
      ValueError: it is no picture, or far larger than any of ours.
    """
    with files.reading(path) as file:
        try:
            picture = Image.open(file, formats=("PNG",)).convert("RGB")
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} is no picture of ours") from error
    picture.thumbnail((width_px, picture.height), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    picture.save(data, format="PNG", optimize=True)
    return data.getvalue()
