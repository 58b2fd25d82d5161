"""Layers with equalised learning rate (Karras et al. 2018, sec. 4.1; 2020)."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax.models.stylegan2 import costs, fences, resample


def leaky_relu(x: Array) -> Array:
    """Applies a leaky ReLU of slope 0.2 with gain sqrt(2)."""
    return nn.leaky_relu(x, 0.2) * math.sqrt(2)


class Dense(nn.Module):
    """y = x (w s) + b, with s = multiplier / sqrt(inputs) applied at run time.

    Attributes:
      features: D, width of the result.
      multiplier: learning-rate multiplier of this layer.
      bias_init: effective bias at the start.
    """

    features: int
    multiplier: float = 1.0
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [..., inputs] to [..., features], float32."""
        weight = self.param(
            "weight",
            nn.initializers.normal(1 / self.multiplier),
            (x.shape[-1], self.features),
        )
        start = nn.initializers.constant(self.bias_init / self.multiplier)
        bias = self.param("bias", start, (self.features,))
        scale = self.multiplier / math.sqrt(x.shape[-1])
        y = x.astype(jnp.float32) @ (weight * scale)
        return y + self.multiplier * bias.reshape((1,) * (y.ndim - 1) + (-1,))


class Conv(nn.Module):
    """Convolution with its weight scaled by 1 / sqrt(inputs) at run time.

    Attributes:
      features: D, channels of the result.
      kernel: 1 or 3.
      down: whether to halve height and width, after the low-pass filter.
      bias: whether to add a bias.
      resampling: a form, or the platform to choose one for (`costs.form`).
    """

    features: int
    kernel: int = 3
    down: bool = False
    bias: bool = True
    resampling: str = "cpu"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H or H/2, W or W/2, features], dtype kept."""
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        weight = self.param("weight", nn.initializers.normal(1.0), shape)
        weight = weight / math.sqrt(math.prod(shape[:3]))
        if self.down:
            form = costs.form(self.resampling, "down", x.shape[1], x.shape[-1])
        if self.down and self.kernel == 3:
            x = resample.downsample_convolve(x, weight, form)
        else:
            x = resample.downsample(x, form) if self.down else x
            x = resample.convolve(x, weight)
        # The gradient comes from the filter of the layer that halves the image.
        if self.kernel == 3 and not self.down:
            x = fences.before_gradient(x)
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            x = x + bias.astype(x.dtype).reshape(1, 1, 1, -1)
        return x


class StyledConv(nn.Module):
    """Modulated, demodulated 3x3 convolution with noise (StyleGAN2, sec. 2.2).

    The style scales the input's channels instead of the weights, and demodulation
    the output's: the same product, with one plain convolution for the whole batch.

    Attributes:
      features: D, channels of the result.
      up: whether to double height and width.
      resampling: a form, or the platform to choose one for (`costs.form`).
    """

    features: int
    up: bool = False
    resampling: str = "cpu"

    @nn.compact
    def __call__(self, x: Array, w: Array, noise: Array | None) -> Array:
        """Applies the layer.

        Args:
          x: [B, H, W, C].
          w: [B, Z] float32 style vectors.
          noise: [B or 1, H', W', 1] float32 standard normal at the result's size.

        Returns:
          [B, H', W', features], dtype of `x`.
        """
        inputs = x.shape[-1]
        weight = self.param(
            "weight", nn.initializers.normal(1.0), (3, 3, inputs, self.features)
        )
        style = Dense(inputs, bias_init=1.0, name="affine")(w)
        power = jnp.square(style) @ jnp.square(weight).sum((0, 1))
        demodulation = lax.rsqrt(power + 1e-8)[:, None, None]
        x = x * style[:, None, None].astype(x.dtype)
        if self.up:
            form = costs.form(self.resampling, "up", 2 * x.shape[1], self.features)
            x = resample.upsample_convolve(x, weight, form)
        else:
            x = resample.convolve(x, weight)
        x = x * demodulation.astype(x.dtype)
        strength = self.param("noise_strength", nn.initializers.zeros, ())
        if noise is not None:
            # One strength per channel, so that its gradient is a sum over pixels, like
            # the bias's, instead of a sum over channels for every pixel.
            per_channel = jnp.broadcast_to(strength, (1, 1, 1, self.features))
            x = x + noise.astype(x.dtype) * per_channel.astype(x.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = leaky_relu(x + bias.astype(x.dtype).reshape(1, 1, 1, -1))
        return fences.after(x) if self.up else x


class ToImage(nn.Module):
    """Modulated 1x1 convolution to image channels, without demodulation.

    Attributes:
      channels: C of the image.
    """

    channels: int

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """Maps [B, H, W, D] and styles [B, Z] to [B, H, W, channels] float32."""
        inputs = x.shape[-1]
        weight = self.param(
            "weight", nn.initializers.normal(1.0), (1, 1, inputs, self.channels)
        )
        style = Dense(inputs, bias_init=1.0, name="affine")(w) / math.sqrt(inputs)
        x = resample.convolve(x * style[:, None, None].astype(x.dtype), weight)
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return x.astype(jnp.float32) + bias.reshape(1, 1, 1, -1)


def minibatch_deviation(x: Array, group: int) -> Array:
    """Returns the mean standard deviation of each group of samples, as a channel.

    Groups are contiguous runs of the batch, so they never straddle devices.

    Args:
      x: [B, H, W, C].
      group: samples in a group; divides B.

    Returns:
      [B, H, W, 1], dtype of `x` (Karras et al. 2018, sec. 3).
    """
    b, h, w, c = x.shape
    grouped = x.astype(jnp.float32).reshape(b // group, group, h, w, c)
    variance = jnp.square(grouped - grouped.mean(1, keepdims=True)).mean(1)
    deviation = jnp.sqrt(variance + 1e-8).mean((1, 2, 3))
    deviation = jnp.repeat(deviation, group).reshape(b, 1, 1, 1)
    return jnp.broadcast_to(deviation, (b, h, w, 1)).astype(x.dtype)
