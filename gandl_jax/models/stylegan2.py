"""StyleGAN2 for any number of channels (Karras et al. 2020, arXiv 1912.04958).

Skip generator, residual discriminator. Images are [B, H, W, C] in [-1, 1].
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax.models import resample
from gandl_jax.models.layers import (
    Conv,
    Dense,
    StyledConv,
    ToImage,
    leaky_relu,
    minibatch_deviation,
)

MAPPING_MULTIPLIER = 0.01  # learning rate of the mapping network (StyleGAN2, app. B)


def resolutions(size: int) -> list[int]:
    """4, 8, ... up to the image's size."""
    return [2**k for k in range(2, int(math.log2(size)) + 1)]


def style_layers(size: int) -> int:
    """L, how many layers of the generator take a style of their own."""
    return 2 * len(resolutions(size))


def draw_noise(keys: Array, size: int) -> list[Array]:
    """One noise map per styled convolution, from each sample's own key.

    Args:
      keys: [B] keys.
      size: the image's height and width.

    Returns:
      list of [B, r, r, 1] float32 standard normal: r = 4, 8, 8, 16, 16, ...
    """
    sizes = [r for r in resolutions(size) for _ in range(1 if r == 4 else 2)]

    def one(layer: int, r: int) -> Array:
        def draw(key):
            return jax.random.normal(jax.random.fold_in(key, layer), (r, r, 1))

        return jax.vmap(draw)(keys)

    return [one(layer, r) for layer, r in enumerate(sizes)]


def truncate(ws: Array, average: Array, psi: float) -> Array:
    """Moves styles towards their average: psi 1 keeps them, 0 gives the average.

    Args:
      ws: [B, L, Z].
      average: [Z].
      psi: truncation.
    """
    return average.reshape(1, 1, -1) * (1 - psi) + ws * psi


class Mapping(nn.Module):
    """z to w: a normalised latent through dense layers.

    Attributes:
      layers: 8 in StyleGAN2, 3 in GAN-DL.
      dim: Z, width of latent and style.
    """

    layers: int
    dim: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """[B, Z] to [B, Z], float32."""
        x = z * lax.rsqrt(jnp.square(z).mean(-1, keepdims=True) + 1e-8)
        for i in range(self.layers):
            dense = Dense(self.dim, multiplier=MAPPING_MULTIPLIER, name=f"dense{i}")
            x = leaky_relu(dense(x))
        return x


class Synthesis(nn.Module):
    """Styles to images: a constant, styled convolutions, image skips.

    Attributes:
      size: height and width of the image, a power of two.
      channels: C.
      base: channels at resolution r are min(base / r, widest).
      widest: most channels of a layer.
      dtype: of the convolutions; images are summed in float32.
    """

    size: int
    channels: int
    base: int = 32768
    widest: int = 512
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, ws: Array, noise: list[Array] | None) -> Array:
        """[B, L, Z] float32 and maps of `draw_noise` to images [B, H, W, C] float32."""
        image, layer = None, 0
        for r in resolutions(self.size):
            width = min(self.base // r, self.widest)
            if r == 4:
                const = self.param("const", nn.initializers.normal(1.0), (4, 4, width))
                x = jnp.broadcast_to(const, (ws.shape[0], *const.shape))
                x = x.astype(self.dtype)
            else:
                x = StyledConv(width, up=True, name=f"b{r}_conv0")(
                    x, ws[:, layer], noise and noise[layer]
                )
                layer += 1
                image = resample.upsample(image)
            x = StyledConv(width, name=f"b{r}_conv1")(
                x, ws[:, layer], noise and noise[layer]
            )
            layer += 1
            # The next block's first convolution shares this style.
            y = ToImage(self.channels, name=f"b{r}_image")(x, ws[:, layer])
            image = y if image is None else image + y
        return image


class Discriminator(nn.Module):
    """Residual discriminator; its inner maps are GAN-DL's features.

    Attributes:
      size: height and width of the image, a power of two.
      base: channels at resolution r are min(base / r, widest).
      widest: most channels of a layer, width of the dense layer.
      group: samples that share a minibatch standard deviation.
      dtype: of the convolutions; deviation, dense layers and logits are float32.
    """

    size: int
    base: int = 32768
    widest: int = 512
    group: int = 4
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        """Names the layers as the maps that they make."""
        widths = {r: min(self.base // r, self.widest) for r in resolutions(self.size)}
        self.from_image = Conv(widths[self.size], kernel=1)
        self.blocks = {
            f"b{r}": Block(widths[r], widths[r // 2])
            for r in reversed(resolutions(self.size)[1:])
        }
        self.last_conv = Conv(widths[4])
        self.first_dense = Dense(widths[4])
        self.logit = Dense(1)

    def __call__(self, images: Array) -> Array:
        """Images [B, H, W, C] in [-1, 1] to logits [B] float32: above 0 is real."""
        last = list(self._maps(images).values())[-1]
        deviation = minibatch_deviation(last, self.group)
        return self.logit(self._dense(last, deviation))[:, 0]

    def features(self, images: Array) -> dict[str, Array]:
        """What the network sees in each image, whatever else is in the batch.

        Args:
          images: [B, H, W, C] in [-1, 1].

        Returns:
          "b<r>": [B, r/2, r/2, D] the output of the block that takes r px, the last
          one being [B, 4, 4, D]; "first_dense": [B, D], computed with the
          minibatch-deviation channel at zero. All float32.
        """
        maps = self._maps(images)
        last = list(maps.values())[-1]
        maps["first_dense"] = self._dense(last, jnp.zeros_like(last[..., :1]))
        return {name: x.astype(jnp.float32) for name, x in maps.items()}

    def _maps(self, images: Array) -> dict[str, Array]:
        x = leaky_relu(self.from_image(images.astype(self.dtype)))
        maps = {}
        for name, block in self.blocks.items():
            maps[name] = x = block(x)
        return maps

    def _dense(self, last: Array, deviation: Array) -> Array:
        x = leaky_relu(self.last_conv(jnp.concatenate([last, deviation], -1)))
        return leaky_relu(self.first_dense(x.reshape(x.shape[0], -1)))


class Block(nn.Module):
    """Two convolutions beside a skip, at half the size in the end.

    Attributes:
      inner: channels of the first convolution.
      features: D, channels of the result.
    """

    inner: int
    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] to [B, H/2, W/2, features]."""
        skip = Conv(self.features, kernel=1, down=True, bias=False, name="skip")(x)
        x = leaky_relu(Conv(self.inner, name="conv0")(x))
        x = leaky_relu(Conv(self.features, down=True, name="conv1")(x))
        return (x + skip) * math.sqrt(0.5)
