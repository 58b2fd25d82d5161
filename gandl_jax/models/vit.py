"""A vision transformer (Dosovitskiy et al. 2021), any channels, any size of image.

Blocks normalise before they compute (pre-norm). Positions are sines and cosines of the
two axes (Vaswani et al. 2017; 2-d as in He et al. 2022, app. A), fixed, so that they
have no parameters. Norms, softmax and the residual sum are float32.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.models.small_cnn import takes_channels

LONGEST = 10_000  # wavelengths: 2 pi to 2 pi times this (Vaswani et al. 2017)
MLP = 4  # width of a block's hidden layer, times D (Dosovitskiy et al. 2021)
EPSILON = 1e-6  # of norms (Dosovitskiy et al. 2021, their code)
_KERNEL = nn.initializers.xavier_uniform()  # He et al. 2022, app. A


def patches(images: Array, patch_px: int) -> Array:
    """Cuts images into patches, row by row.

    Args:
      images: [B, H, W, C]; sides are multiples of the patch's.
      patch_px: side of a patch, p.

    Returns:
      [B, H W / p^2, p p C], a patch's pixels row by row, channels last.
    """
    b, h, w, c = images.shape
    x = images.reshape(b, h // patch_px, patch_px, w // patch_px, patch_px, c)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, -1, patch_px * patch_px * c)


def image(patches: Array, side: int, patch_px: int) -> Array:
    """Joins patches [B, P, p p C] to square images [B, N, N, C]."""
    grid = side // patch_px
    x = patches.reshape(len(patches), grid, grid, patch_px, patch_px, -1)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(len(patches), side, side, -1)


def positions(rows: int, columns: int, width: int, grid: int = 0) -> np.ndarray:
    """Returns the positions of patches, as sines and cosines.

    Crops of another size have the same grid: their patches are closer to one another,
    or farther apart, so that the image's edges keep their positions.

    Args:
      rows: number of rows of patches.
      columns: number of columns of patches.
      width: D, of the tokens; a multiple of 4.
      grid: patches along a side of the images that the network is made for; 0 takes
        the present number.

    Returns:
      [rows columns, D] float64: D / 2 of the row, then D / 2 of the column.
    """
    stretched = [_stretched(count, grid or count) for count in (rows, columns)]
    rate = LONGEST ** -(np.arange(width // 4) / (width // 4))
    y, x = (
        np.concatenate([np.sin(angles), np.cos(angles)], 1)
        for angles in _angles(stretched, rate)
    )
    return np.concatenate([y.repeat(columns, 0), np.tile(x, (rows, 1))], 1)


def _angles(axes: list[np.ndarray], rate: np.ndarray) -> list[np.ndarray]:
    return [np.outer(centres, rate) for centres in axes]


def _stretched(count: int, grid: int) -> np.ndarray:
    """Returns centres of `count` patches on an axis of `grid`, whole if equal."""
    return (np.arange(count) + 0.5) * (grid / count) - 0.5


class Attention(nn.Module):
    """Attention of every token to every token, in several heads.

    Attributes:
      heads: that share the width.
      dtype: of the products; the softmax is float32.
    """

    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, P, D] to [B, P, D] (Vaswani et al. 2017, eq. 1)."""
        b, count, width = x.shape
        projected = _dense(3 * width, self.dtype, "qkv")(x)
        projected = projected.reshape(b, count, 3, self.heads, width // self.heads)
        q, k, v = (projected[:, :, index] for index in range(3))
        similarities = jnp.einsum("bphd,bqhd->bhpq", q, k)
        similarities = similarities.astype(
            jnp.promote_types(similarities.dtype, jnp.float32)
        )
        shares = jax.nn.softmax(similarities * (width // self.heads) ** -0.5)
        x = jnp.einsum("bhpq,bqhd->bphd", shares.astype(self.dtype), v)
        return _dense(width, self.dtype, "out")(x.reshape(b, count, width))


class Block(nn.Module):
    """Attention, then a hidden layer for each token; both are added.

    Attributes:
      heads: of the attention.
      dtype: of the products.
    """

    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, P, D] float32 to [B, P, D] float32."""
        width = x.shape[-1]
        y = Attention(self.heads, self.dtype, name="attention")(_norm("norm1")(x))
        x = x + y.astype(x.dtype)
        y = _dense(MLP * width, self.dtype, "hidden")(_norm("norm2")(x))
        y = _dense(width, self.dtype, "out")(jax.nn.gelu(y, approximate=False))
        return x + y.astype(x.dtype)


class Blocks(nn.Module):
    """Blocks one after the other, and a last norm.

    Attributes:
      depth: number of blocks.
      heads: of each.
      dtype: of the products.
    """

    depth: int
    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        """Returns {"block1", ...: [B, P, D], "tokens": the last, normalised}."""
        outputs = {}
        for number in range(1, self.depth + 1):
            x = Block(self.heads, self.dtype, name=f"block{number}")(x)
            outputs[f"block{number}"] = x
        return outputs | {"tokens": _norm("norm")(x)}


class VisionTransformer(nn.Module):
    """Patches of an image as tokens.

    Attributes:
      patch_px: side of a patch.
      width: of a token; a multiple of 4 and of the heads.
      depth: blocks.
      heads: of each block.
      grid: patches along a side of the images that it is made for; 0 for any.
      class_token: whether a token of no patch comes first.
      dtype: of the products.
    """

    patch_px: int
    width: int
    depth: int
    heads: int
    grid: int = 0
    class_token: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: Array, kept: Array | None = None) -> dict[str, Array]:
        """Computes the tokens of images, or of some of their patches.

        Args:
          images: [B, H, W, C].
          kept: [B, K] int32, the visible patches, which alone enter the blocks; None
            for all.

        Returns:
          "block1", ..., "tokens": as in `Blocks`, [B, K, width] float32; with a class
          token, which comes first, [B, 1 + K, width].
        """
        rows, columns = (side // self.patch_px for side in images.shape[1:3])
        x = patches(images, self.patch_px)
        encoding = positions(rows, columns, self.width, self.grid)
        encoding = jnp.broadcast_to(
            jnp.asarray(encoding, x.dtype), (len(x), *encoding.shape)
        )
        if kept is not None:
            x, encoding = taken(x, kept), taken(encoding, kept)
        x = _dense(self.width, self.dtype, "patches")(x).astype(x.dtype) + encoding
        if self.class_token:
            class_token = self.param(
                "class_token", nn.initializers.normal(0.02), (1, 1, self.width)
            )
            class_token = jnp.broadcast_to(class_token, (len(x), 1, self.width)).astype(
                x.dtype
            )
            x = jnp.concatenate([class_token, x], 1)
        return Blocks(self.depth, self.heads, self.dtype, name="blocks")(x)


def taken(x: Array, index: Array) -> Array:
    """Takes rows [B, K, D] of [B, P, D], at indices [B, K]."""
    return jnp.take_along_axis(x, index[..., None], 1)


def with_channels(params: dict, sources, patch_px: int) -> dict:
    """Returns a `VisionTransformer`'s parameters for images of other channels.

    A grey image, equal in all channels, gives the same tokens as before, if the sources
    use all channels equally.

    Args:
      params: of the network.
      sources: the old channel for each new one; None for the mean of all.
      patch_px: side of a patch.
    """
    layer = params["patches"]
    kernel = np.asarray(layer["kernel"])
    kernel = kernel.reshape(patch_px, patch_px, -1, kernel.shape[-1])
    kernel = takes_channels(kernel, sources, axis=2)
    kernel = kernel.reshape(-1, kernel.shape[-1])
    return params | {"patches": layer | {"kernel": kernel}}


def _dense(features: int, dtype: jnp.dtype, name: str) -> nn.Dense:
    return nn.Dense(features, kernel_init=_KERNEL, dtype=dtype, name=name)


def _norm(name: str) -> nn.LayerNorm:
    return nn.LayerNorm(epsilon=EPSILON, name=name)
