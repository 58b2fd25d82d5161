"""Crops of images at several sizes and scales, turned and blurred, on the device.

Scaling, flips and blur each work on rows and columns alike and apart, so that a crop is
one matrix from the left and one from the right of an image: products that any device
is fast at, in place of reading pixels one by one.
"""

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import one_network
from gandl_jax.methods.multi_crop_options import Group, groups
from gandl_jax.methods.phase import substream
from gandl_jax.methods.scaled import scaled

CROPS, AUGMENTATION = 100, 200  # streams of random numbers, one for each crop, on


def crops(config, part: dict, least: int = 1) -> list[Array]:
    """Crops of the images of a part of a batch, and what else is done to them.

    Args:
      config: of the experiment; its method has `multi_crop_options.OPTIONS` and those
        of `one_network.augmented`.
      part: with "images" [B, N, N, C] and "keys" [B], one per sample.
      least: how many are needed; fewer are drawn once more.

    Returns:
      One [B, px, px, C] for each crop, in the order of config.method.crops.
    """
    each = [group for group in groups(config) for _ in range(group.number)]
    each *= -(-least // len(each))
    made = []
    for number, group in enumerate(each):
        keys = substream(part["keys"], CROPS + number)
        images = cropped(part["images"], keys, group, config.method)
        # The first has the stream that it has without crops.
        own = substream(part["keys"], AUGMENTATION + number) if number else part["keys"]
        made.append(one_network.augmented(config, {"images": images, "keys": own}))
    return made


def joined(config, part: dict) -> Array:
    """[V B, N, N, C]: V crops of each of B images, the first of all images first.

    Args:
      config, part: as in `crops`; all crops are of one side.
    """
    return jnp.concatenate(crops(config, part))


def cropped(images: Array, keys: Array, group: Group, method) -> Array:
    """A crop of each image, by chance flipped, turned and blurred.

    Args:
      images: [B, N, N, C].
      keys: [B], one per sample, for this crop.
      group: what the crop is.
      method: `config.method`, with `multi_crop_options.OPTIONS`.

    Returns:
      [B, px, px, C] float32.
    """
    if group.is_whole and not (
        method.flip_prob or method.turn_prob or method.blur_prob
    ):
        return scaled(images, group.px)

    def one(image: Array, key: Array) -> Array:
        place, turn, blur = jax.random.split(key, 3)
        (top, left), side = draw_place(place, image.shape[0], group)
        rows, columns = (
            scaling(image.shape[0], group.px, start, side) for start in (top, left)
        )
        upside_down, reverse, transpose = draw_turn(turn, method)
        rows = jnp.where(upside_down, rows[::-1], rows)
        columns = jnp.where(reverse, columns[::-1], columns)
        if method.blur_prob:
            kernel = draw_kernel(blur, method)
            rows, columns = blurred(rows, kernel), blurred(columns, kernel)
        crop = jnp.einsum("pi,ijc,qj->pqc", rows, image, columns)
        return jnp.where(transpose, crop.swapaxes(0, 1), crop)

    return jax.vmap(one)(images, keys)


def draw_turn(key: Array, method) -> Array:
    """[3] bool: whether rows and columns are reversed, and then change places."""
    flip, chance, turn = jax.random.split(key, 3)
    is_flipped = jax.random.bernoulli(flip, method.flip_prob)
    is_turned = jax.random.bernoulli(chance, method.turn_prob)
    turned = is_turned & jax.random.bernoulli(turn, shape=(3,))
    return turned ^ (is_flipped & jnp.array([False, True, False]))


def draw_place(key: Array, side: int, group: Group) -> tuple[Array, Array]:
    """Where a crop lies: [2] top and left edge, and scalar side, in pixels."""
    area_key, place_key = jax.random.split(key)
    area = jax.random.uniform(area_key, minval=group.least, maxval=group.most)
    crop = side * jnp.sqrt(area)
    return jax.random.uniform(place_key, (2,)) * (side - crop), crop


def draw_kernel(key: Array, method) -> Array:
    """[T] weights of a blur along one axis; by chance of none."""
    chance, drawn = jax.random.split(key)
    is_blurred = jax.random.bernoulli(chance, method.blur_prob)
    deviation = jax.random.uniform(
        drawn, minval=method.blur_least_px, maxval=method.blur_most_px
    )
    away = jnp.arange(method.blur_taps) - method.blur_taps // 2
    kernel = jnp.exp(-0.5 * jnp.square(away / deviation))
    return jnp.where(is_blurred, kernel / kernel.sum(), (away == 0).astype(jnp.float32))


def scaling(size: int, px: int, start: Array, side: Array) -> Array:
    """Weights that cut a piece out of an axis and scale it, bilinearly.

    Where it shrinks, the filter is as wide as a new pixel. What the filter meets beyond
    the axis does not count; beyond the piece it does.

    Args:
      size: N, pixels of the axis.
      px: P, pixels of the piece as scaled.
      start: scalar, where the piece begins, in pixels from the axis's edge.
      side: scalar, its length in pixels.

    Returns:
      [P, N] float32, rows sum to 1.
    """
    step = side / px
    centres = start + (jnp.arange(px) + 0.5) * step - 0.5
    away = jnp.abs(jnp.arange(size)[None] - centres[:, None]) / jnp.maximum(step, 1.0)
    weights = jnp.maximum(1 - away, 0.0)
    return weights / weights.sum(1, keepdims=True)


def blurred(weights: Array, kernel: Array) -> Array:
    """Weights of an axis that is blurred after it, mirrored about its end pixels.

    Args:
      weights: [P, N] as in `scaling`.
      kernel: [T] weights, T odd.
    """
    px, reach = len(weights), len(kernel) // 2
    padded = jnp.pad(weights, ((reach, reach), (0, 0)), mode="reflect")
    return sum(kernel[tap] * padded[tap : tap + px] for tap in range(len(kernel)))


def tiled(labels: dict[str, Array], number: int) -> dict[str, Array]:
    """Labels of images as those of `joined`'s crops: column to [V B]."""
    return {name: jnp.tile(codes, number) for name, codes in labels.items()}
