"""An autoencoder as a method: its code and its blocks are the features."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods import one_network
from gandl_jax.methods.contract import Pair, Source
from gandl_jax.methods.one_network import Networks, State
from gandl_jax.methods.phase import Phase
from gandl_jax.models import small_cnn


class Method:
    """A convolutional autoencoder of the config's sizes.

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
        self._net = small_cnn.Autoencoder(
            channels=self._channels,
            side=self._side,
            widths=small_cnn.widths(model.width, model.width_max, model.blocks),
            code=model.code_dim,
            dtype=parallel.compute_dtype(model.dtype),
        )
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
            images = one_network.augmented(self._config, part)
            return self._difference(self._rebuild(params, images), images).mean(), {}

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
        return {"loss": self._difference(rebuilt, images)}

    def trained(self, state: State) -> Networks:
        """What another training may start from."""
        return Networks(state.net, state.net_average, _for_channels)

    def start(self, state: State, networks: Networks) -> State:
        """A new state of another training's network."""
        return one_network.start(self._config, networks)

    def _rebuild(self, params: dict, images: Array) -> Array:
        return self._net.apply({"params": params}, images)

    def _difference(self, rebuilt: Array, images: Array) -> Array:
        """[B] mean over pixels and channels."""
        away = rebuilt - images
        squared = self._config.method.loss == "squared"
        return (jnp.square(away) if squared else jnp.abs(away)).mean((1, 2, 3))


def _for_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Parameters whose first layer takes, and whose last one makes, other channels."""
    params = small_cnn.with_channels(params, sources)
    decoder = params["decoder"]
    last = small_cnn.makes_channels(decoder["to_image"], sources)
    return params | {"decoder": decoder | {"to_image": last}}
