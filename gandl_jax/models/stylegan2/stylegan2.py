"""StyleGAN2 for any number of channels (Karras et al. 2020, arXiv 1912.04958).

Skip generator, residual discriminator. Images are [B, H, W, C] in [-1, 1].
"""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax.models.stylegan2 import resample
from gandl_jax.models.stylegan2.layers import (
    Conv,
    Dense,
    StyledConv,
    ToImage,
    leaky_relu,
    minibatch_deviation,
)

INTERMEDIATES, LINEAR = "intermediates", "linear"  # what blocks give on request
MAPPING_MULTIPLIER = 0.01  # learning rate of the mapping network (StyleGAN2, app. B)


def resolutions(size: int) -> list[int]:
    """Returns the resolutions 4, 8, ... up to the image's size."""
    return [2**k for k in range(2, int(math.log2(size)) + 1)]


def style_layers(size: int) -> int:
    """Counts the layers of the generator that take a style, L."""
    return 2 * len(resolutions(size))


def draw_noise(keys: Array, size: int) -> list[Array]:
    """Draws a noise map per styled convolution, by each sample's key.

    Args:
      keys: [B] keys.
      size: the image's height and width.

    Returns:
      List of [B, r, r, 1] float32 standard normal: r = 4, 8, 8, 16, 16, ...
    """
    sizes = [r for r in resolutions(size) for _ in range(1 if r == 4 else 2)]

    def layer_noise(layer: int, r: int) -> Array:
        def draw(key):
            return jax.random.normal(jax.random.fold_in(key, layer), (r, r, 1))

        return jax.vmap(draw)(keys)

    return [layer_noise(layer, r) for layer, r in enumerate(sizes)]


def truncate(ws: Array, average: Array, psi: float) -> Array:
    """Moves styles towards their average: psi 1 keeps them, 0 is the average.

    Args:
      ws: [B, L, Z].
      average: [Z].
      psi: truncation.
    """
    return average.reshape(1, 1, -1) * (1 - psi) + ws * psi


class Mapping(nn.Module):
    """Mapping of latent and label, normalised, through dense layers.

    The generator's maps z, and a label, to w; a conditional discriminator's maps a
    label alone to the vector that its last layer is multiplied with.

    Attributes:
      layers: 8 in StyleGAN2, 3 in GAN-DL.
      dim: Z, width of latent and result, and of the label in between.
      classes: number of classes; 0 is without labels.
    """

    layers: int
    dim: int
    classes: int = 0

    @nn.compact
    def __call__(self, z: Array | None, labels: Array | None = None) -> Array:
        """Maps [B, Z] float32 and [B] int32 to [B, Z] float32."""
        inputs = [] if z is None else [normalised(z)]
        if self.classes:
            one_hot = jax.nn.one_hot(labels, self.classes)
            inputs.append(normalised(Dense(self.dim, name="embed")(one_hot)))
        x = jnp.concatenate(inputs, -1)
        for layer in range(self.layers):
            dense = Dense(self.dim, multiplier=MAPPING_MULTIPLIER, name=f"dense{layer}")
            x = leaky_relu(dense(x))
        return x


def normalised(x: Array) -> Array:
    """Divides [B, Z] by the root of its mean square."""
    return x * lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-8)


class Synthesis(nn.Module):
    """Synthesis of images from styles: a constant, styled convolutions, image skips.

    Attributes:
      size: height and width of the image, a power of two.
      channels: C.
      base: channels at resolution r are min(base / r, widest).
      widest: most channels of a layer.
      dtype: of the convolutions; images are summed in float32.
      remat: whether blocks are recomputed in the backward pass.
      resampling: its form, or the platform to choose it for (`costs.form`).
    """

    size: int
    channels: int
    base: int = 32768
    widest: int = 512
    dtype: jnp.dtype = jnp.float32
    remat: bool = False
    resampling: str = "cpu"

    @nn.compact
    def __call__(self, ws: Array, noise: list[Array] | None) -> Array:
        """Maps [B, L, Z] float32 and `draw_noise` to images [B, H, W, C] float32."""
        x, image, layer = None, None, 0
        for r in resolutions(self.size):

            def block(self, *args, r=r):
                return self._block(r, *args)

            convolutions = 1 if r == 4 else 2
            after = layer + convolutions
            run = nn.remat(block) if self.remat else block
            # The image of this block shares the style of the next block's first layer.
            styles = ws[:, layer : after + 1]
            x, image = run(self, x, image, styles, noise and noise[layer:after])
            layer = after
        return image

    def _block(
        self,
        r: int,
        x: Array | None,
        image: Array | None,
        ws: Array,
        noise: list[Array] | None,
    ) -> tuple[Array, Array]:
        """Maps the map and the image so far to those at r px."""
        width = min(self.base // r, self.widest)
        if r == 4:
            const = self.param("const", nn.initializers.normal(1.0), (4, 4, width))
            x = jnp.broadcast_to(const, (ws.shape[0], *const.shape))
            x = x.astype(self.dtype)
        else:
            first = StyledConv(
                width, up=True, resampling=self.resampling, name=f"b{r}_conv0"
            )
            x = first(x, ws[:, 0], noise and noise[0])
            image = resample.upsample(image)
        second = StyledConv(width, name=f"b{r}_conv1")
        x = second(x, ws[:, -2], noise and noise[-1])
        y = ToImage(self.channels, name=f"b{r}_image")(x, ws[:, -1])
        return x, y if image is None else image + y


class Discriminator(nn.Module):
    """Residual discriminator; its inner maps are GAN-DL's features.

    Attributes:
      size: height and width of the image, a power of two.
      base: channels at resolution r are min(base / r, widest).
      widest: most channels of a layer, width of the dense layer.
      group: samples that share a minibatch standard deviation.
      dtype: of the convolutions; deviation, dense layers and logits are float32.
      classes: number of classes; 0 is without labels.
      mapping_layers: depth of the mapping of labels.
      remat: whether blocks are recomputed in the backward pass.
      resampling: its form, or the platform to choose it for (`costs.form`).
    """

    size: int
    base: int = 32768
    widest: int = 512
    group: int = 4
    dtype: jnp.dtype = jnp.float32
    classes: int = 0
    mapping_layers: int = 8
    remat: bool = False
    resampling: str = "cpu"

    def setup(self):
        """Names the layers by the maps that they make."""
        widths = {r: min(self.base // r, self.widest) for r in resolutions(self.size)}
        block = nn.remat(Block) if self.remat else Block
        self.from_image = Conv(widths[self.size], kernel=1)
        self.blocks = {
            f"b{r}": block(widths[r], widths[r // 2], self.resampling)
            for r in reversed(resolutions(self.size)[1:])
        }
        self.last_conv = Conv(widths[4])
        self.first_dense = Dense(widths[4])
        self.logit = Dense(widths[4] if self.classes else 1)
        if self.classes:
            self.mapping = Mapping(self.mapping_layers, widths[4], self.classes)

    def __call__(self, images: Array, labels: Array | None = None) -> Array:
        """Maps images [B, H, W, C] in [-1, 1], and [B] int32, to logits [B] float32.

        Above 0 is real. With labels the logit is the product of the last layer with
        the label's vector, over the root of its width (Miyato and Koyama 2018; ADA).
        """
        last = list(self._maps(images).values())[-1]
        return self._logits(last, minibatch_deviation(last, self.group), labels)

    def apart(self, images: Array, labels: Array | None = None) -> Array:
        """Returns the logits of each image alone: the deviation channel is zero."""
        last = list(self._maps(images).values())[-1]
        return self._logits(last, jnp.zeros_like(last[..., :1]), labels)

    def features(self, images: Array) -> dict[str, Array]:
        """Returns the maps of each image, independent of the batch.

        Args:
          images: [B, H, W, C] in [-1, 1].

        Returns:
          "b<r>": [B, r/2, r/2, D], the output of the block that takes r px, the last
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

    def _logits(self, last: Array, deviation: Array, labels: Array | None) -> Array:
        x = self.logit(self._dense(last, deviation))
        if not self.classes:
            return x[:, 0]
        label_vector = self.mapping(None, labels)
        return (x * label_vector).sum(-1) / math.sqrt(label_vector.shape[-1])


class Block(nn.Module):
    """Two convolutions with a skip, which halve the image.

    On request (`INTERMEDIATES`) it gives `LINEAR`, the second convolution with its bias
    before the nonlinearity.

    Attributes:
      inner: channels of the first convolution.
      features: D, channels of the result.
      resampling: its form, or the platform to choose it for (`costs.form`).
    """

    inner: int
    features: int
    resampling: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H/2, W/2, features]."""
        down = functools.partial(
            Conv, self.features, down=True, resampling=self.resampling
        )
        skip = down(kernel=1, bias=False, name="skip")(x)
        x = leaky_relu(Conv(self.inner, name="conv0")(x))
        linear = down(name="conv1")(x)
        self.sow(INTERMEDIATES, LINEAR, linear)  # does nothing unless asked for
        return (leaky_relu(linear) + skip) * math.sqrt(0.5)
