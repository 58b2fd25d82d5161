"""A GAN's two networks: functions of their parameters and of each sample's key."""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods.phase import substream
from gandl_jax.models.stylegan2 import stylegan2

# Streams of random numbers.
LATENT, SECOND_LATENT, CROSSOVER, NOISE, PATH = range(5)
REAL, FAKE, VIEWS, BETWEEN, MIXED = range(5, 10)


class Networks:
    """StyleGAN2's generator and discriminator, of a config's sizes.

    Args:
      config: of the experiment.
      channels: C of the images.
      classes: number of classes; 0 is without labels.

    Attributes:
      size: height and width of the images.
      channels: C.
      dim: Z, width of latent and style.
      classes: as given.
      discriminator: the module.
    """

    def __init__(self, config, channels: int, classes: int = 0):
        model = config.model
        self.size, self.channels = configs.network_px(config), channels
        self.dim, self.classes = model.latent_dim, classes
        self._mixing_prob = config.method.style_mixing_prob
        sizes = {
            "size": self.size,
            "base": model.channel_base,
            "widest": model.channel_max,
            "dtype": parallel.compute_dtype(model.dtype),
            "remat": model.remat == "blocks",
            "resampling": parallel.platform(model.resampling),
        }
        self._mapping = stylegan2.Mapping(model.mapping_layers, self.dim, classes)
        self._synthesis = stylegan2.Synthesis(channels=channels, **sizes)
        self.discriminator = stylegan2.Discriminator(
            group=model.mbstd_group,
            classes=classes,
            mapping_layers=model.label_layers or model.mapping_layers,
            **sizes,
        )

    def init_generator(self, mapping_key: Array, synthesis_key: Array) -> dict:
        """Makes the generator's parameters {"mapping": ..., "synthesis": ...}."""
        z, labels = jnp.zeros((1, self.dim)), jnp.zeros(1, jnp.int32)
        ws = jnp.zeros((1, stylegan2.style_layers(self.size), self.dim))
        return {
            "mapping": self._mapping.init(mapping_key, z, labels)["params"],
            "synthesis": self._synthesis.init(synthesis_key, ws, None)["params"],
        }

    def init_discriminator(self, key: Array) -> dict:
        """Makes the discriminator's parameters."""
        group = self.discriminator.group
        images = jnp.zeros((group, self.size, self.size, self.channels))
        return self.discriminator.init(key, images, jnp.zeros(group, jnp.int32))[
            "params"
        ]

    def styles(
        self, g: dict, keys: Array, labels: Array | None = None, *, mixing: bool
    ) -> Array:
        """Makes styles [B, L, Z] of one latent, often with a second from some layer on.

        Args:
          g: the generator's parameters.
          keys: [B], one per sample.
          labels: [B] int32, for both latents; None without classes.
          mixing: whether there may be a second latent.
        """
        layers = stylegan2.style_layers(self.size)

        def mapped(stream: int) -> Array:
            z = normal(keys, stream, (self.dim,))
            return self._mapping.apply({"params": g["mapping"]}, z, labels)

        first = mapped(LATENT)
        ws = jnp.repeat(first[:, None], layers, 1)
        if not mixing:
            return ws
        second = mapped(SECOND_LATENT)
        draw = functools.partial(crossover, prob=self._mixing_prob, layers=layers)
        cut = jax.vmap(draw)(substream(keys, CROSSOVER))
        later = jnp.arange(layers).reshape(1, -1) >= cut[:, None]
        return jnp.where(later[:, :, None], second[:, None], ws)

    def generate(self, g: dict, ws: Array, keys: Array) -> Array:
        """Generates images [B, H, W, C] of styles [B, L, Z], with noise by the keys."""
        noise = stylegan2.draw_noise(substream(keys, NOISE), self.size)
        return self._synthesis.apply({"params": g["synthesis"]}, ws, noise)

    def logits(self, d: dict, images: Array, labels: Array | None = None) -> Array:
        """Returns logits [B] of images [B, H, W, C], and labels [B] int32 if any."""
        return self.discriminator.apply({"params": d}, images, labels)

    def logits_apart(
        self, d: dict, images: Array, labels: Array | None = None
    ) -> Array:
        """Returns `logits` without comparing an image with the others of its group."""
        return self.discriminator.apply({"params": d}, images, labels, method="apart")

    def features(self, d: dict, images: Array) -> dict[str, Array]:
        """Returns the discriminator's maps of images [B, H, W, C], by name."""
        return self.discriminator.apply({"params": d}, images, method="features")

    def linear_maps(self, d: dict, images: Array) -> dict[str, Array]:
        """Returns the last convolution of each block before its nonlinearity.

        Returns:
          {"b<r>": [B, r/2, r/2, D] float32}, of images [B, H, W, C].
        """
        _, kept = self.discriminator.apply(
            {"params": d},
            images,
            method="features",
            mutable=[stylegan2.INTERMEDIATES],
        )
        return {
            name.rpartition("_")[2]: block[stylegan2.LINEAR][0].astype(jnp.float32)
            for name, block in kept[stylegan2.INTERMEDIATES].items()
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
