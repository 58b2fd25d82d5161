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

LONGEST = 10_000  # wavelengths go from 2 pi to 2 pi times this (Vaswani et al. 2017)
MLP = 4  # widths of a block's hidden layer (Dosovitskiy et al. 2021)
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


def image(cut: Array, side: int, patch_px: int) -> Array:
    """Square images [B, N, N, C] of their patches [B, P, p p C]."""
    grid = side // patch_px
    x = cut.reshape(len(cut), grid, grid, patch_px, patch_px, -1)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(len(cut), side, side, -1)


def positions(rows: int, columns: int, width: int, grid: int = 0) -> np.ndarray:
    """The positions of patches, as sines and cosines.

    Crops of another size lie on the same grid as others: their patches are closer to
    one another, or farther apart, so that the image's edges keep their places.

    Args:
      rows: of patches.
      columns: of patches.
      width: D, of the tokens; a multiple of 4.
      grid: patches a side of the images that the network is made for; 0 is as many as
        there are.

    Returns:
      [rows columns, D] float64: D / 2 of the row, then D / 2 of the column.
    """
    at = [_stretched(count, grid or count) for count in (rows, columns)]
    rate = LONGEST ** -(np.arange(width // 4) / (width // 4))
    y, x = (np.concatenate([np.sin(a), np.cos(a)], 1) for a in _angles(at, rate))
    return np.concatenate([y.repeat(columns, 0), np.tile(x, (rows, 1))], 1)


def _angles(axes: list[np.ndarray], rate: np.ndarray) -> list[np.ndarray]:
    return [np.outer(places, rate) for places in axes]


def _stretched(count: int, grid: int) -> np.ndarray:
    """Centres of `count` patches on an axis of `grid`; whole numbers at that size."""
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
        """[B, P, D] to [B, P, D] (Vaswani et al. 2017, eq. 1)."""
        b, count, width = x.shape
        made = _dense(3 * width, self.dtype, "qkv")(x)
        made = made.reshape(b, count, 3, self.heads, width // self.heads)
        q, k, v = (made[:, :, i] for i in range(3))
        alike = jnp.einsum("bphd,bqhd->bhpq", q, k)
        alike = alike.astype(jnp.promote_types(alike.dtype, jnp.float32))
        shares = jax.nn.softmax(alike * (width // self.heads) ** -0.5)
        x = jnp.einsum("bhpq,bqhd->bphd", shares.astype(self.dtype), v)
        return _dense(width, self.dtype, "out")(x.reshape(b, count, width))


class Block(nn.Module):
    """Attention, then a layer of its own for each token; both are added.

    Attributes:
      heads: of the attention.
      dtype: of the products.
    """

    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, P, D] float32 to [B, P, D] float32."""
        width = x.shape[-1]
        y = Attention(self.heads, self.dtype, name="attention")(_norm("norm1")(x))
        x = x + y.astype(x.dtype)
        y = _dense(MLP * width, self.dtype, "hidden")(_norm("norm2")(x))
        y = _dense(width, self.dtype, "out")(jax.nn.gelu(y, approximate=False))
        return x + y.astype(x.dtype)


class Blocks(nn.Module):
    """Blocks one after the other, and a last norm.

    Attributes:
      depth: how many.
      heads: of each.
      dtype: of the products.
    """

    depth: int
    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        """{"block1", ...: [B, P, D] of each block, "tokens": the last, normalised}."""
        found = {}
        for number in range(1, self.depth + 1):
            x = Block(self.heads, self.dtype, name=f"block{number}")(x)
            found[f"block{number}"] = x
        return found | {"tokens": _norm("norm")(x)}


class VisionTransformer(nn.Module):
    """Patches of an image as tokens.

    Attributes:
      patch_px: side of a patch.
      width: of a token; a multiple of 4 and of the heads.
      depth: blocks.
      heads: of each block.
      grid: patches a side of the images that it is made for; 0 is of any.
      class_token: whether a token that is of no patch comes first.
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
        """Tokens of images, or of some of their patches.

        Args:
          images: [B, H, W, C].
          kept: [B, K] int32, the patches that are seen, others do not enter the
            blocks; None is all.

        Returns:
          "block1", ..., "tokens": as in `Blocks`, [B, K, width] float32; where there is
          a class token it comes first, [B, 1 + K, width].
        """
        rows, columns = (n // self.patch_px for n in images.shape[1:3])
        x = patches(images, self.patch_px)
        at = positions(rows, columns, self.width, self.grid)
        at = jnp.broadcast_to(jnp.asarray(at, x.dtype), (len(x), *at.shape))
        if kept is not None:
            x, at = taken(x, kept), taken(at, kept)
        x = _dense(self.width, self.dtype, "patches")(x).astype(x.dtype) + at
        if self.class_token:
            first = self.param(
                "class_token", nn.initializers.normal(0.02), (1, 1, self.width)
            )
            first = jnp.broadcast_to(first, (len(x), 1, self.width)).astype(x.dtype)
            x = jnp.concatenate([first, x], 1)
        return Blocks(self.depth, self.heads, self.dtype, name="blocks")(x)


def taken(x: Array, places: Array) -> Array:
    """Rows [B, K, D] of [B, P, D], at places [B, K]."""
    return jnp.take_along_axis(x, places[..., None], 1)


def with_channels(params: dict, sources, patch_px: int) -> dict:
    """Parameters of a `VisionTransformer` that takes images of other channels.

    A grey image, the same in all channels, gives the same tokens as before, if the
    sources use all channels alike.

    Args:
      params: of the network.
      sources: for each new channel one of the old ones; None is their mean.
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
