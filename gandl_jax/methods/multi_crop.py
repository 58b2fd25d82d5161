"""Crops of images at several sizes and scales, turned and blurred, on the device.

Scaling, flips and blur act separately on rows and columns, so that a crop is an image
multiplied by one matrix from the left and one from the right: products that are fast
on any device, instead of reading pixels one by one.
"""

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import one_network
from gandl_jax.methods.multi_crop_options import Group, groups
from gandl_jax.methods.phase import substream
from gandl_jax.methods.scaled import scaled

CROPS, AUGMENTATION = 100, 200  # first streams of random numbers, one per crop


def crops(config, micro_batch: dict, least: int = 1) -> list[Array]:
    """Makes augmented crops of the images of a micro-batch.

    Args:
      config: of the experiment; its method has `multi_crop_options.OPTIONS` and those
        of `one_network.augmented`.
      micro_batch: with "images" [B, N, N, C] and "keys" [B], one per sample.
      least: number of crops needed; fewer are drawn once more.

    Returns:
      [B, px, px, C] for each crop, in the order of config.method.crops.
    """
    crop_groups = [group for group in groups(config) for _ in range(group.number)]
    crop_groups *= -(-least // len(crop_groups))
    crops_made = []
    for number, group in enumerate(crop_groups):
        keys = substream(micro_batch["keys"], CROPS + number)
        images = cropped(micro_batch["images"], keys, group, config.method)
        # The first crop has the same stream as without crops.
        augment_keys = (
            substream(micro_batch["keys"], AUGMENTATION + number)
            if number
            else micro_batch["keys"]
        )
        crops_made.append(
            one_network.augmented(config, {"images": images, "keys": augment_keys})
        )
    return crops_made


def joined(config, micro_batch: dict) -> Array:
    """Joins V crops of each of B images, crop by crop: [V B, N, N, C].

    Args:
      config, part: as in `crops`; all crops have one side.
    """
    return jnp.concatenate(crops(config, micro_batch))


def cropped(images: Array, keys: Array, group: Group, method) -> Array:
    """Makes a crop of each image, randomly flipped, turned and blurred.

    Args:
      images: [B, N, N, C].
      keys: [B], one per sample, for this crop.
      group: sizes of the crop.
      method: `config.method`, with `multi_crop_options.OPTIONS`.

    Returns:
      [B, px, px, C] float32.
    """
    if group.is_whole and not (
        method.flip_prob or method.turn_prob or method.blur_prob
    ):
        return scaled(images, group.px)

    def crop_image(image: Array, key: Array) -> Array:
        place_key, turn, blur = jax.random.split(key, 3)
        (top, left), side = draw_place(place_key, image.shape[0], group)
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

    return jax.vmap(crop_image)(images, keys)


def draw_turn(key: Array, method) -> Array:
    """Draws whether rows and columns are reversed, then swapped, [3] bool."""
    flip, chance, turn = jax.random.split(key, 3)
    is_flipped = jax.random.bernoulli(flip, method.flip_prob)
    is_turned = jax.random.bernoulli(chance, method.turn_prob)
    turned = is_turned & jax.random.bernoulli(turn, shape=(3,))
    return turned ^ (is_flipped & jnp.array([False, True, False]))


def draw_place(key: Array, side: int, group: Group) -> tuple[Array, Array]:
    """Draws the place of a crop: [2] top and left edge, and scalar side, in px."""
    area_key, place_key = jax.random.split(key)
    area = jax.random.uniform(area_key, minval=group.least, maxval=group.most)
    crop = side * jnp.sqrt(area)
    return jax.random.uniform(place_key, (2,)) * (side - crop), crop


def draw_kernel(key: Array, method) -> Array:
    """Draws the weights [T] of a blur along one axis, or of no blur."""
    chance, drawn = jax.random.split(key)
    is_blurred = jax.random.bernoulli(chance, method.blur_prob)
    deviation = jax.random.uniform(
        drawn, minval=method.blur_least_px, maxval=method.blur_most_px
    )
    offsets = jnp.arange(method.blur_taps) - method.blur_taps // 2
    kernel = jnp.exp(-0.5 * jnp.square(offsets / deviation))
    return jnp.where(
        is_blurred, kernel / kernel.sum(), (offsets == 0).astype(jnp.float32)
    )


def scaling(size: int, px: int, start: Array, side: Array) -> Array:
    """Returns weights that cut a piece out of an axis and scale it, bilinearly.

    If it shrinks, the filter is as wide as a new pixel. Pixels beyond the axis do not
    count; pixels beyond the piece do.

    Args:
      size: N, pixels of the axis.
      px: P, pixels of the piece as scaled.
      start: scalar, start of the piece, in pixels from the axis's edge.
      side: scalar, its length in pixels.

    Returns:
      [P, N] float32, rows sum to 1.
    """
    step = side / px
    centres = start + (jnp.arange(px) + 0.5) * step - 0.5
    distances = jnp.abs(jnp.arange(size)[None] - centres[:, None]) / jnp.maximum(
        step, 1.0
    )
    weights = jnp.maximum(1 - distances, 0.0)
    return weights / weights.sum(1, keepdims=True)


def blurred(weights: Array, kernel: Array) -> Array:
    """Blurs the weights of an axis, mirrored about its end pixels.

    Args:
      weights: [P, N] as in `scaling`.
      kernel: [T] weights, T odd.
    """
    px, reach = len(weights), len(kernel) // 2
    padded = jnp.pad(weights, ((reach, reach), (0, 0)), mode="reflect")
    return sum(kernel[tap] * padded[tap : tap + px] for tap in range(len(kernel)))


def tiled(labels: dict[str, Array], number: int) -> dict[str, Array]:
    """Repeats labels of images for the crops of `joined`: {column: [V B]}."""
    return {name: jnp.tile(codes, number) for name, codes in labels.items()}
