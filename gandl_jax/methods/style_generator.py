"""StyleGAN2's generator: functions of its parameters and of each sample's key."""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods.phase import substream
from gandl_jax.models.stylegan2 import stylegan2

# Streams of random numbers; a method's own begin with STREAMS.
LATENT, SECOND_LATENT, CROSSOVER, NOISE = range(4)
STREAMS = 4


class Generator:
    """Mapping and synthesis of a config's sizes.

    Args:
      config: of the experiment; its model has the keys of style_generator_options.
      channels: C of the images.
      classes: number of classes; 0 is without labels.

    Attributes:
      size: height and width of the images.
      channels, classes: as given.
      dim: Z, width of latent and style.
    """

    def __init__(self, config, channels: int, classes: int = 0):
        model = config.model
        self.size, self.channels = configs.network_px(config), channels
        self.dim, self.classes = model.latent_dim, classes
        self._layers = stylegan2.style_layers(self.size)
        self._mapping = stylegan2.Mapping(model.mapping_layers, self.dim, classes)
        self._synthesis = stylegan2.Synthesis(channels=channels, **block_sizes(config))

    def init(self, mapping_key: Array, synthesis_key: Array) -> dict:
        """Makes the parameters {"mapping": ..., "synthesis": ...}."""
        z, labels = jnp.zeros((1, self.dim)), jnp.zeros(1, jnp.int32)
        ws = jnp.zeros((1, self._layers, self.dim))
        return {
            "mapping": self._mapping.init(mapping_key, z, labels)["params"],
            "synthesis": self._synthesis.init(synthesis_key, ws, None)["params"],
        }

    def styles(
        self,
        g: dict,
        keys: Array,
        labels: Array | None = None,
        *,
        mixing_prob: float = 0.0,
    ) -> Array:
        """Makes styles [B, L, Z] of one latent, or with a second from some layer on.

        Args:
          g: the parameters.
          keys: [B], one per sample.
          labels: [B] int32, for both latents; None without classes.
          mixing_prob: how likely there is a second latent.
        """

        def mapped(stream: int) -> Array:
            z = normal(keys, stream, (self.dim,))
            return self._mapping.apply({"params": g["mapping"]}, z, labels)

        first = mapped(LATENT)
        ws = jnp.repeat(first[:, None], self._layers, 1)
        if not mixing_prob:
            return ws
        second = mapped(SECOND_LATENT)
        draw = functools.partial(crossover, prob=mixing_prob, layers=self._layers)
        cut = jax.vmap(draw)(substream(keys, CROSSOVER))
        later = jnp.arange(self._layers).reshape(1, -1) >= cut[:, None]
        return jnp.where(later[:, :, None], second[:, None], ws)

    def generate(self, g: dict, ws: Array, keys: Array) -> Array:
        """Generates images [B, H, W, C] of styles [B, L, Z], with noise by the keys."""
        noise = stylegan2.draw_noise(substream(keys, NOISE), self.size)
        return self._synthesis.apply({"params": g["synthesis"]}, ws, noise)


def block_sizes(config) -> dict:
    """Returns the settings that all of StyleGAN2's networks of blocks share."""
    model = config.model
    return {
        "size": configs.network_px(config),
        "base": model.channel_base,
        "widest": model.channel_max,
        "dtype": parallel.compute_dtype(model.dtype),
        "remat": model.remat == "blocks",
        "resampling": parallel.platform(model.resampling),
    }


def normal(keys: Array, stream: int, shape: tuple[int, ...]) -> Array:
    """Draws standard normal numbers, [B, *shape] float32."""
    draw = functools.partial(jax.random.normal, shape=shape)
    return jax.vmap(draw)(substream(keys, stream))


def crossover(key: Array, prob: float, layers: int) -> Array:
    """Draws the first layer of the second latent: uniform in 1 ... L-1, or L (none)."""
    chance, cut_key = jax.random.split(key)
    cut = jax.random.randint(cut_key, (), 1, layers)
    return jnp.where(jax.random.bernoulli(chance, prob), cut, layers)
