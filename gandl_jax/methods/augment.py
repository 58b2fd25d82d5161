"""Augmentation of images on the device, for any number of channels.

Each transform is on with the same probability, sample by sample (as in ADA, Karras et
al. 2020, arXiv 2006.06676, sec. 2.2). All are differentiable in the images, and twice,
as penalties on gradients need. Turns, shifts, zoom and rotation move the positions at
which an image is read, so that it is read once, bilinearly; it is mirrored beyond its
edges. Stains have no hue: instead of ADA's colours every channel has its own gamma,
contrast and brightness.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

SHIFT_FRAC = 1 / 8  # of the side, at most (ADA, app. B: integer translation)
ZOOM_LOG2_STD = 0.2  # ADA, app. B: isotropic scaling
CONTRAST_LOG2_STD = 0.5  # ADA, app. B
BRIGHTNESS_STD = 0.2  # ADA, app. B
GAMMA_LOG2_STD = 0.25  # ours
GAMMA_TOE = 0.02  # ours; keeps the slope of a gamma below 1 finite at the dark end


def augment(images: Array, keys: Array, prob: Array, kinds: Sequence[str]) -> Array:
    """Applies random transforms to each image.

    Args:
      images: [B, N, N, C] float32 in [-1, 1]; they may lie outside.
      keys: [B], one per sample.
      prob: scalar in [0, 1], chance of each transform; at 0 nothing changes.
      kinds: names of transforms, of `KINDS`.

    Returns:
      [B, N, N, C] float32, not clipped: brightness and contrast may leave [-1, 1].
    """
    chosen = [(number, kind) for number, kind in enumerate(KINDS) if kind in kinds]
    moves = [(number, MOVES[kind]) for number, kind in chosen if kind in MOVES]
    stains = [(number, STAINS[kind]) for number, kind in chosen if kind in STAINS]

    def augment_image(image: Array, key: Array) -> Array:
        if moves:
            y, x = jnp.indices(image.shape[:2]).astype(jnp.float32)
            for number, move in moves:
                y, x = move(jax.random.fold_in(key, number), prob, y, x)
            image = read(image, y, x)
        for number, stain in stains:
            image = stain(jax.random.fold_in(key, number), prob, image)
        return image

    return jax.vmap(augment_image)(images, keys)


def read(image: Array, y: Array, x: Array) -> Array:
    """Reads an image at any positions, bilinearly, mirrored about the edge pixels.

    Args:
      image: [N, N, C].
      y: [...] rows in px, 0 at the centre of the first.
      x: [...] columns.

    Returns:
      [..., C]; exactly the pixels at whole positions.
    """
    size = image.shape[0]
    pixels = image.reshape(size * size, -1)
    (top, bottom, down), (left, right, across) = _between(y, size), _between(x, size)
    mix = functools.partial(_mix, share=across)
    above = mix(pixels[top * size + left], pixels[top * size + right])
    below = mix(pixels[bottom * size + left], pixels[bottom * size + right])
    return _mix(above, below, down)


def _between(position: Array, size: int) -> tuple[Array, Array, Array]:
    """Returns the two pixels beside each position, and the share of the second."""
    edge = size - 1
    inside = edge - jnp.abs(jnp.mod(position, 2 * edge) - edge)
    first = jnp.floor(inside)
    second = jnp.minimum(first + 1, edge)
    return first.astype(jnp.int32), second.astype(jnp.int32), inside - first


def _mix(first: Array, second: Array, share: Array) -> Array:
    return first + (second - first) * share[..., None]


def _turn(key: Array, prob: Array, y: Array, x: Array) -> tuple[Array, Array]:
    """Turns to one of the 8 orientations, the present one included."""
    used, drawn = _chance(key, prob)
    upside_down, reverse, transpose = used & jax.random.bernoulli(drawn, shape=(3,))
    edge = y.shape[0] - 1
    y = jnp.where(upside_down, edge - y, y)
    x = jnp.where(reverse, edge - x, x)
    return jnp.where(transpose, x, y), jnp.where(transpose, y, x)


def _shift(key: Array, prob: Array, y: Array, x: Array) -> tuple[Array, Array]:
    """Shifts by whole pixels, each axis separately."""
    used, drawn = _chance(key, prob)
    most_px = int(y.shape[0] * SHIFT_FRAC)
    dy, dx = jnp.where(used, jax.random.randint(drawn, (2,), -most_px, most_px + 1), 0)
    return y - dy, x - dx


def _zoom(key: Array, prob: Array, y: Array, x: Array) -> tuple[Array, Array]:
    """Zooms both axes by one factor, about a random point of the image."""
    used, drawn = _chance(key, prob)
    factor_key, centre_key = jax.random.split(drawn)
    factor = jnp.exp2(ZOOM_LOG2_STD * jax.random.normal(factor_key))
    step = jnp.where(used, 1 / factor, 1.0)
    cy, cx = jax.random.uniform(centre_key, (2,), maxval=y.shape[0] - 1)
    return y * step + cy * (1 - step), x * step + cx * (1 - step)


def _rotate(key: Array, prob: Array, y: Array, x: Array) -> tuple[Array, Array]:
    """Rotates by any angle, about the image's centre."""
    used, drawn = _chance(key, prob)
    angle = jax.random.uniform(drawn, minval=-jnp.pi, maxval=jnp.pi)
    angle = jnp.where(used, angle, 0.0)
    sin, cos, centre = jnp.sin(angle), jnp.cos(angle), (y.shape[0] - 1) / 2
    y, x = y - centre, x - centre
    return centre + cos * y - sin * x, centre + sin * y + cos * x


def _intensity(key: Array, prob: Array, image: Array) -> Array:
    """Changes gamma, contrast and brightness, each with its own chance, per channel."""

    def draw(number: int, neutral: float) -> Array:
        used, drawn = _chance(jax.random.fold_in(key, number), prob)
        return jnp.where(used, jax.random.normal(drawn, image.shape[-1:]), neutral)

    gamma = jnp.exp2(GAMMA_LOG2_STD * draw(0, 0.0))
    contrast = jnp.exp2(CONTRAST_LOG2_STD * draw(1, 0.0))
    brightness = BRIGHTNESS_STD * draw(2, 0.0)
    return stained(image, gamma, contrast, brightness)


def stained(image: Array, gamma: Array, contrast: Array, brightness: Array) -> Array:
    """Changes an image as another stain, exposure and background would.

    Contrast is about the dark end, -1: a stronger stain or a longer exposure
    multiplies the light above it. Contrast about the mean would change the background
    with the content of the image.

    Args:
      image: [H, W, C], mostly in [-1, 1]; gamma leaves levels outside unchanged.
      gamma: [C] exponents of the brightness in [0, 1].
      contrast: [C] factors.
      brightness: [C] offsets that are added.

    Returns:
      [H, W, C].
    """
    gamma, contrast, brightness = (
        jnp.expand_dims(values, (0, 1)) for values in (gamma, contrast, brightness)
    )
    light = jnp.clip((image + 1) / 2, 0, 1)
    dark, bright = GAMMA_TOE**gamma, (1 + GAMMA_TOE) ** gamma
    curved = ((light + GAMMA_TOE) ** gamma - dark) / (bright - dark)
    image = image + jnp.where(gamma == 1, 0.0, 2 * (curved - light))
    return image * contrast + (contrast - 1 + brightness)


def _drop_channel(key: Array, prob: Array, image: Array) -> Array:
    """Darkens one random channel, if there are several."""
    used, drawn = _chance(key, prob)
    channels = image.shape[-1]
    if channels == 1:
        return image
    lost = used & (jnp.arange(channels) == jax.random.randint(drawn, (), 0, channels))
    return jnp.where(lost.reshape(1, 1, -1), -1.0, image)


def _chance(key: Array, prob: Array) -> tuple[Array, Array]:
    """Draws whether a transform is on, and a key for its random numbers."""
    chance, drawn = jax.random.split(key)
    return jax.random.bernoulli(chance, prob), drawn


MOVES = {"turns": _turn, "shifts": _shift, "zoom": _zoom, "rotation": _rotate}
STAINS = {"intensity": _intensity, "channel_drop": _drop_channel}
KINDS = (*MOVES, *STAINS)  # in this order, which also numbers their keys
