"""A masked autoencoder as a method: tokens of the whole image are the features."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods import one_network
from gandl_jax.methods.contract import Pair, Source
from gandl_jax.methods.masked_autoencoder import options
from gandl_jax.methods.one_network import Networks, State
from gandl_jax.methods.phase import Phase, sample_keys, substream
from gandl_jax.models import masked_vit, vit

HIDING = 1  # the stream that patches are drawn from, beside augmentation's
LEAST_VARIANCE = 1e-6  # added to a patch's (ours)


class Method:
    """A masked autoencoder of the config's sizes.

    Args:
      config: of the experiment.
      source: gives the channels.

    Attributes:
      phases, unit: as in `contract.Required`.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._side, self._channels = configs.network_px(config), len(source.channels)
        self._patches = options.patches(config)
        self._seen = self._patches - options.hidden(config)
        self._net = masked_vit.MaskedAutoencoder(
            channels=self._channels,
            **{name: model[name] for name in options.MODEL},
            dtype=parallel.compute_dtype(model.dtype),
        )
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> State:
        """Makes the state at step 0; its encoder is the untrained floor."""
        images = jnp.zeros((1, self._side, self._side, self._channels))
        order = jnp.arange(self._patches)[None]
        params = self._net.init(key, images, order, self._seen)["params"]
        return one_network.new(self._config, params)

    def items(self, state: State) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        return one_network.items(state)

    def main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Rebuilds the hidden patches of a batch, and learns from the difference."""

        def loss(params, part):
            images = one_network.augmented(self._config, part)
            order = self._orders(substream(part["keys"], HIDING))
            return self._difference(params, images, order).mean(), {}

        return one_network.advance(self._config, state, "mae", loss, batch, key)

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1], no patch of them hidden.

        Returns:
          "tokens": [B, D], the mean over patches of the last block's, normalised;
          "tokens_std": [B, D], their standard deviation; "blocks": [B, depth D], means
          of the tokens of every block, side by side.
        """
        params = encoder[self._config.embed.weights]["encoder"]
        found = self._net.apply(
            {"params": {"encoder": params}}, images, method="encode"
        )
        last = found.pop("tokens")
        means = [x.mean(1) for x in found.values()]
        return {
            "tokens": last.mean(1),
            "tokens_std": last.std(1),
            "blocks": jnp.concatenate(means, -1),
        }

    def show(self, state: State, batch: dict, key: Array) -> Sequence[Pair]:
        """Training images beside what the moving average makes of a part of them.

        Patches that it sees are as they were; where it rebuilds normalised ones they
        get the mean and the deviation that they had.
        """
        images = batch["images"]
        order = self._orders(sample_keys(key, batch["index"]))
        made = self._rebuild(state.net_average, images, order)
        cut = vit.patches(images, self._config.model.patch_px)
        if self._config.method.normalise_patches:
            mean, deviation = _levels(cut)
            made = made * deviation + mean
        made = jnp.where(self._is_hidden(order)[..., None], made, cut)
        rebuilt = vit.image(made, self._side, self._config.model.patch_px)
        words = f"rebuilt, {self._seen} of {self._patches} patches seen"
        return [Pair("original", images, words, rebuilt)]

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """The moving average's loss on images that are not learnt, {"loss": [B]}.

        What is hidden goes by a tile's place in its batch, the same at every look.
        """
        order = self._orders(sample_keys(jax.random.key(0), batch["index"]))
        return {"loss": self._difference(state.net_average, batch["images"], order)}

    def trained(self, state: State) -> Networks:
        """Returns the networks that another training may start from."""
        with_channels = functools.partial(
            masked_vit.with_channels, patch_px=self._config.model.patch_px
        )
        return one_network.networks(state, with_channels)

    def start(self, state: State, networks: Networks) -> State:
        """Returns a new state with another training's network."""
        return one_network.start(self._config, networks)

    def _orders(self, keys: Array) -> Array:
        return masked_vit.orders(keys, self._patches)

    def _is_hidden(self, order: Array) -> Array:
        """[B, P] bool, patches row by row."""
        return jnp.argsort(order, 1) >= self._seen

    def _rebuild(self, params: Mapping, images: Array, order: Array) -> Array:
        return self._net.apply({"params": params}, images, order, self._seen)

    def _difference(self, params: Mapping, images: Array, order: Array) -> Array:
        """[B] mean square over pixels of hidden patches (He et al. 2022, sec. 3)."""
        wanted = vit.patches(images, self._config.model.patch_px)
        if self._config.method.normalise_patches:
            mean, deviation = _levels(wanted)
            wanted = (wanted - mean) / deviation
        away = jnp.square(self._rebuild(params, images, order) - wanted).mean(-1)
        is_hidden = self._is_hidden(order)
        return jnp.where(is_hidden, away, 0.0).sum(1) / (self._patches - self._seen)


def _levels(cut: Array) -> tuple[Array, Array]:
    """Mean and deviation [B, P, 1] of the pixels of each patch, all channels."""
    variance = cut.var(-1, keepdims=True) + LEAST_VARIANCE
    return cut.mean(-1, keepdims=True), jnp.sqrt(variance)
