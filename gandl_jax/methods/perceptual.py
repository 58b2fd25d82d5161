"""How far apart two images are in the eyes of a frozen, published network.

The perceptual loss of Johnson et al. 2016 (arXiv 1603.08155, eq. 2). The network is
part of no state and no checkpoint: its file is read at every start.
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
    """A published network with fixed statistics, and the maps of it that count.

    Args:
      config: of the experiment; its method has `perceptual_options.OPTIONS`.
    """

    def __init__(self, config):
        self._options = config.method
        self._net = backbone.named(
            config.method.perceptual_backbone, config.model.dtype
        )

    def files(self) -> dict[str, str]:
        """What it reads, as `contract.Optional.files` says; {} of random weights.

        Raises:
          InputError: it is not there, is damaged, or of another architecture.
        """
        if not self._options.perceptual_weights:
            return {}
        return {"method.perceptual_weights": self._read[0]}

    @functools.cached_property
    def _read(self) -> tuple[str, tuple[dict, dict]]:
        """The file's digest, its parameters and statistics; read once."""
        options = self._options
        place, name = options.perceptual_weights, options.perceptual_backbone
        return places.sha256(place), backbone.from_file(place, name, self._net)

    @functools.cached_property
    def _variables(self) -> tuple[dict, dict]:
        if self._options.perceptual_weights:
            return self._read[1]
        with jax.ensure_compile_time_eval():  # constants, though asked for in a step
            return backbone.init(self._net, jax.random.key(0), backbone.COLOURS)

    def distances(self, images: Array, target: Array) -> Array:
        """[B] mean over layers of the mean squared difference of their maps.

        Each channel is seen alone, grey: the same in all three colours. A map's squared
        difference is divided by its size, height x width x channels; the mean is over
        the images' channels, and over layers, so that more of either weigh no more.
        (Johnson et al. add layers up; one weight for any number of them is ours.)

        Args:
          images: [B, N, N, C] in [-1, 1], such as the rebuilt ones.
          target: as many, without a gradient.
        """
        ours, theirs = self._maps(images), self._maps(jax.lax.stop_gradient(target))
        each = [jnp.square(ours[name] - theirs[name]).mean((1, 2, 3)) for name in ours]
        return jnp.stack(each).mean(0).reshape(len(images), -1).mean(1)

    def _maps(self, images: Array) -> dict[str, Array]:
        """{layer: [B C, H, W, D]} of each channel alone."""
        px = self._options.perceptual_px or images.shape[1]
        grey = scaled(alone(images), px).repeat(backbone.COLOURS, -1)
        maps = backbone.maps(self._net, *self._variables, grey)
        return {name: maps[name] for name in self._options.perceptual_layers}
