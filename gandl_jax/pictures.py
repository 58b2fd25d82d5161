"""Grids of images as PNG files: real beside generated, false colour and per channel."""

import io
import itertools
import re
from collections.abc import Sequence

import numpy as np
from etils import epath
from PIL import Image, ImageDraw

from gandl_jax import files

# Colour of a channel by its position, added up in the composite; the first is blue
# because Cell Painting screens image the nuclei first. No five colours stay apart for
# every reader once they are added, so each channel is also written alone, in grey.
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
LABEL_PX = 16  # height of the strip that holds the words real and generated


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
    """The colour of each channel in the composite of `count` channels."""
    if count == 1:
        return ["grey"]
    return list(itertools.islice(itertools.cycle(COLOURS), count))


def file_name(step: int, name: str) -> str:
    """What a grid is called; what does not suit a file name becomes `-`.

    Args:
      step: of training.
      name: of a channel, or `composite`.
    """
    return f"{step:08d}_{re.sub(r'[^A-Za-z0-9_.]+', '-', name)}.png"


def grid(images: np.ndarray, columns: int) -> np.ndarray:
    """Lays images out row by row, with white lines between and in empty places.

    Args:
      images: [B, H, W, K] float in [-1, 1], K = 1 (grey) or 3 (RGB); what lies outside
        is clipped, not-a-number is black.
      columns: images in a row, at least 1.

    Returns:
      [R * H + (R - 1) * 2, columns * W + (columns - 1) * 2, K] uint8, R rows.
    """
    count, height, width, kinds = images.shape
    rows = -(-count // columns)
    light = np.clip((np.nan_to_num(np.asarray(images), nan=-1.0) + 1) / 2, 0, 1)
    pixels = np.round(light * 255).astype(np.uint8)
    down, right = height + GAP_PX, width + GAP_PX
    sheet = np.full((rows * down, columns * right, kinds), 255, np.uint8)
    for i, image in enumerate(pixels):
        y, x = i // columns * down, i % columns * right
        sheet[y : y + height, x : x + width] = image
    return sheet[:-GAP_PX, :-GAP_PX]


def beside(real: np.ndarray, generated: np.ndarray) -> Image.Image:
    """Puts two grids beside each other under the words real and generated.

    Args:
      real: [H, W, K] uint8, K = 1 or 3.
      generated: [H', W', K] uint8.

    Returns:
      An RGB picture.
    """
    height = LABEL_PX + max(real.shape[0], generated.shape[0])
    second = real.shape[1] + BETWEEN_PX
    picture = Image.new("RGB", (second + generated.shape[1], height), "white")
    draw = ImageDraw.Draw(picture)
    for x, word, half in ((0, "real", real), (second, "generated", generated)):
        draw.text((x, 2), word, fill="black")
        rgb = np.broadcast_to(half, (*half.shape[:2], 3))
        picture.paste(Image.fromarray(np.ascontiguousarray(rgb)), (x, LABEL_PX))
    return picture


def write_grids(
    directory: epath.PathLike,
    step: int,
    channels: Sequence[str],
    real: np.ndarray,
    generated: np.ndarray,
) -> list[epath.Path]:
    """Writes `<step>_composite.png` and, for each channel, `<step>_<channel>.png`.

    Left half real, right half generated. Each file is written under another name and
    then renamed, so that a reader never meets half a picture.

    Args:
      directory: where to, made if it is missing.
      step: training step, written with 8 digits.
      channels: C names.
      real: [B, H, W, C] float in [-1, 1].
      generated: [B', H, W, C] float in [-1, 1].

    Returns:
      The paths: the composite, then the channels in their order.
    """
    folder = epath.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    halves = np.asarray(real, np.float32), np.asarray(generated, np.float32)
    columns = max(1, round(len(halves[0]) ** 0.5))
    sheets = {"composite": [grid(composite(half), columns) for half in halves]}
    for c, name in enumerate(channels):
        sheets[name] = [grid(half[..., c : c + 1], columns) for half in halves]
    paths = []
    for name, (left, right) in sheets.items():
        paths.append(folder / file_name(step, name))
        with files.replacing(paths[-1]) as file:
            beside(left, right).save(file, format="PNG")
    return paths


def write_grid(path: epath.PathLike, images: np.ndarray) -> None:
    """Writes one picture of images, as composites.

    Args:
      path: of the PNG.
      images: [B, H, W, C] float in [-1, 1].
    """
    columns = max(1, round(len(images) ** 0.5))
    sheet = grid(composite(images), columns)
    with files.replacing(path) as file:
        Image.fromarray(sheet).save(file, format="PNG")


def shrunk(path: epath.PathLike, width_px: int) -> bytes:
    """Reads a picture, made smaller where it is wider than `width_px`.

    Args:
      path: of a PNG.
      width_px: greatest width.

    Returns:
      A PNG.

    Raises:
      ValueError: it is no picture, or a far larger one than any of ours.
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
