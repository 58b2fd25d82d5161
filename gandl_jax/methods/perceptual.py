"""The distance of two images in the maps of a frozen, published network.

It is the perceptual loss of Johnson et al. 2016 (arXiv 1603.08155, eq. 2). The network
is part of no state and no checkpoint: its file is read at every start.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import backbone
from gandl_jax.methods.scaled import scaled
from gandl_jax.models.mixing.concatenated import alone
from gandl_jax.models.weights import places


class Perceptual:
    """A published network with fixed statistics, and the maps that are compared.

    Args:
      config: of the experiment; its method has `perceptual_options.OPTIONS`.
    """

    def __init__(self, config):
        self._options = config.method
        self._net = backbone.named(
            config.method.perceptual_backbone, config.model.dtype
        )

    def files(self) -> dict[str, str]:
        """Returns the digest of its file, as in `contract.Optional.files`.

        Raises:
          InputError: the file is missing, damaged, or of another architecture.
        """
        if not self._options.perceptual_weights:
            return {}
        return {"method.perceptual_weights": self._read[0]}

    @functools.cached_property
    def _read(self) -> tuple[str, tuple[dict, dict]]:
        """Digest, parameters and statistics of the file, which is read once."""
        options = self._options
        weights, name = options.perceptual_weights, options.perceptual_backbone
        return places.sha256(weights), backbone.from_file(weights, name, self._net)

    @functools.cached_property
    def _variables(self) -> tuple[dict, dict]:
        if self._options.perceptual_weights:
            return self._read[1]
        with jax.ensure_compile_time_eval():  # constants, even when a step is traced
            return backbone.init(self._net, jax.random.key(0), backbone.COLOURS)

    def distances(self, images: Array, target: Array) -> Array:
        """Averages the mean squared difference of maps over layers, [B].

        Each channel is seen alone, grey: the same in all three colours. A map's squared
        difference is divided by its size, height x width x channels, and averaged over
        the images' channels and over layers, so that their number has no weight.
        (Johnson et al. sum over layers; the mean is ours.)

        Args:
          images: [B, N, N, C] in [-1, 1], such as rebuilt ones.
          target: as many, without gradient.
        """
        image_maps, target_maps = (
            self._maps(images),
            self._maps(jax.lax.stop_gradient(target)),
        )
        layer_distances = [
            jnp.square(image_maps[layer] - target_maps[layer]).mean((1, 2, 3))
            for layer in image_maps
        ]
        return jnp.stack(layer_distances).mean(0).reshape(len(images), -1).mean(1)

    def _maps(self, images: Array) -> dict[str, Array]:
        """Returns the maps of each channel alone, {layer: [B C, H, W, D]}."""
        px = self._options.perceptual_px or images.shape[1]
        grey = scaled(alone(images), px).repeat(backbone.COLOURS, -1)
        maps = backbone.maps(self._net, *self._variables, grey)
        return {name: maps[name] for name in self._options.perceptual_layers}
