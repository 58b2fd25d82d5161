"""An autoencoder as a method: its code and its blocks are the features."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import modules, parallel
from gandl_jax.methods import multi_crop, one_network
from gandl_jax.methods.autoencoder.options import FOLDER
from gandl_jax.methods.contract import Pair, Source
from gandl_jax.methods.one_network import Networks, State
from gandl_jax.methods.perceptual import Perceptual
from gandl_jax.methods.phase import Phase
from gandl_jax.models import small_cnn


class Method:
    """A convolutional autoencoder of the config's network and sizes.

    Args:
      config: of the experiment.
      source: gives the channels.

    Attributes:
      phases, unit: as `contract.Required` says.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._side, self._channels = configs.network_px(config), len(source.channels)
        self._module = modules.load(FOLDER, model.network)
        self._net = self._module.network(
            channels=self._channels,
            side=self._side,
            widths=small_cnn.widths(model.width, model.width_max, model.blocks),
            code=model.code_dim,
            dtype=parallel.compute_dtype(model.dtype),
        )
        self._perceptual = None
        if config.method.perceptual_weight:
            self._perceptual = Perceptual(config)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> State:
        """A state at step 0; its encoder is the untrained floor."""
        images = jnp.zeros((1, self._side, self._side, self._channels))
        return one_network.new(self._config, self._net.init(key, images)["params"])

    def items(self, state: State) -> dict:
        """What a checkpoint holds: the encoder alone, and everything."""
        return one_network.items(state)

    def main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Rebuilds the images of a batch, and learns from the difference."""

        def loss(params, part):
            images = multi_crop.joined(self._config, part)
            value, parts = self._difference(self._rebuild(params, images), images)
            return value.mean(), {f"ae/{name}": x.mean() for name, x in parts.items()}

        return one_network.advance(self._config, state, "ae", loss, batch, key)

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "code": [B, D]; "b<r>": [B, 2 W], mean and standard deviation over space of
          the block that takes r px; "blocks": those of all, side by side.
        """
        params = {"params": encoder[self._config.embed.weights]}
        maps = self._net.apply(params, images, method="encode")
        return {"code": maps.pop("code")} | small_cnn.pooled(maps)

    def show(self, state: State, batch: dict, key: Array) -> Sequence[Pair]:
        """Training images beside what the moving average rebuilds of them."""
        images = batch["images"]
        rebuilt = self._rebuild(state.net_average, images)
        return [Pair("original", images, "rebuilt", rebuilt)]

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """The moving average's loss on images that are not learnt, {"loss": [B]}."""
        images = batch["images"]
        rebuilt = self._rebuild(state.net_average, images)
        value, parts = self._difference(rebuilt, images)
        return {"loss": value} | parts

    def trained(self, state: State) -> Networks:
        """What another training may start from."""
        return one_network.networks(state, self._module.with_channels)

    def start(self, state: State, networks: Networks) -> State:
        """A new state of another training's network."""
        return one_network.start(self._config, networks)

    def files(self) -> dict[str, str]:
        """The perceptual loss's network, {} without it; it stays as it is."""
        return self._perceptual.files() if self._perceptual else {}

    def _rebuild(self, params: dict, images: Array) -> Array:
        return self._net.apply({"params": params}, images)

    def _difference(
        self, rebuilt: Array, images: Array
    ) -> tuple[Array, dict[str, Array]]:
        """[B] what is lost, and where that is a sum, its parts."""
        away, method = rebuilt - images, self._config.method
        squared = method.loss == "squared"
        pixels = (jnp.square(away) if squared else jnp.abs(away)).mean((1, 2, 3))
        if self._perceptual is None:
            return pixels, {}
        seen = self._perceptual.distances(rebuilt, images)
        parts = {"pixels": pixels, "perceptual": seen}
        return pixels + method.perceptual_weight * seen, parts
