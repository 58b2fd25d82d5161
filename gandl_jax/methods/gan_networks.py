"""A GAN's two networks: functions of their parameters and of each sample's key."""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import parallel
from gandl_jax.methods.phase import substream
from gandl_jax.models import stylegan2

# Streams of random numbers.
LATENT, SECOND_LATENT, CROSSOVER, NOISE, PATH, REAL, FAKE, VIEWS = range(8)


class Networks:
    """StyleGAN2's generator and discriminator, of a config's sizes.

    Args:
      config: of the experiment.
      channels: C of the images.

    Attributes:
      size: height and width of the images.
      channels: C.
      dim: Z, width of latent and style.
      discriminator: the module.
    """

    def __init__(self, config, channels: int):
        model = config.model
        self.size, self.channels = config.data.crop_px, channels
        self.dim = model.latent_dim
        self._mixing_prob = config.method.style_mixing_prob
        sizes = {
            "size": self.size,
            "base": model.channel_base,
            "widest": model.channel_max,
            "dtype": parallel.compute_dtype(model.dtype),
        }
        self._mapping = stylegan2.Mapping(model.mapping_layers, self.dim)
        self._synthesis = stylegan2.Synthesis(channels=channels, **sizes)
        self.discriminator = stylegan2.Discriminator(group=model.mbstd_group, **sizes)

    def init_generator(self, mapping_key: Array, synthesis_key: Array) -> dict:
        """Parameters {"mapping": ..., "synthesis": ...}."""
        z = jnp.zeros((1, self.dim))
        ws = jnp.zeros((1, stylegan2.style_layers(self.size), self.dim))
        return {
            "mapping": self._mapping.init(mapping_key, z)["params"],
            "synthesis": self._synthesis.init(synthesis_key, ws, None)["params"],
        }

    def init_discriminator(self, key: Array) -> dict:
        """Parameters."""
        shape = (self.discriminator.group, self.size, self.size, self.channels)
        return self.discriminator.init(key, jnp.zeros(shape))["params"]

    def styles(self, g: dict, keys: Array, *, mixing: bool) -> Array:
        """[B, L, Z]: one latent a sample, often a second one from some layer on."""
        layers = stylegan2.style_layers(self.size)
        apply = functools.partial(self._mapping.apply, {"params": g["mapping"]})
        first = apply(normal(keys, LATENT, (self.dim,)))
        ws = jnp.repeat(first[:, None], layers, 1)
        if not mixing:
            return ws
        second = apply(normal(keys, SECOND_LATENT, (self.dim,)))
        draw = functools.partial(crossover, prob=self._mixing_prob, layers=layers)
        cut = jax.vmap(draw)(substream(keys, CROSSOVER))
        later = jnp.arange(layers).reshape(1, -1) >= cut[:, None]
        return jnp.where(later[:, :, None], second[:, None], ws)

    def generate(self, g: dict, ws: Array, keys: Array) -> Array:
        """[B, H, W, C] images of styles [B, L, Z], with noise of each sample's key."""
        noise = stylegan2.draw_noise(substream(keys, NOISE), self.size)
        return self._synthesis.apply({"params": g["synthesis"]}, ws, noise)

    def logits(self, d: dict, images: Array) -> Array:
        """[B] logits of images [B, H, W, C]."""
        return self.discriminator.apply({"params": d}, images)

    def features(self, d: dict, images: Array) -> dict[str, Array]:
        """The discriminator's maps of images [B, H, W, C], by name."""
        return self.discriminator.apply({"params": d}, images, method="features")


def normal(keys: Array, stream: int, shape: tuple[int, ...]) -> Array:
    """[B, *shape] float32 standard normal."""
    draw = functools.partial(jax.random.normal, shape=shape)
    return jax.vmap(draw)(substream(keys, stream))


def crossover(key: Array, prob: float, layers: int) -> Array:
    """First layer of the second latent: uniform in 1 ... L-1, or L for never."""
    chance, place = jax.random.split(key)
    cut = jax.random.randint(place, (), 1, layers)
    return jnp.where(jax.random.bernoulli(chance, prob), cut, layers)
