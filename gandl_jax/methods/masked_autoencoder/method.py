"""A masked autoencoder as a method, with tokens of the whole image as features."""

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

HIDING = 1  # stream of random numbers for hidden patches
LEAST_VARIANCE = 1e-6  # added to a patch's variance (ours)


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

        def loss(params, micro_batch):
            images = one_network.augmented(self._config, micro_batch)
            order = self._orders(substream(micro_batch["keys"], HIDING))
            return self._difference(params, images, order).mean(), {}

        return one_network.advance(self._config, state, "mae", loss, batch, key)

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Returns feature sets of whole images [B, N, N, C] in [-1, 1].

        Returns:
          "tokens": [B, D], mean over patches of the last block's normalised tokens;
          "tokens_std": [B, D], their standard deviation; "blocks": [B, depth D], means
          of the tokens of every block, joined.
        """
        params = encoder[self._config.embed.weights]["encoder"]
        blocks = self._net.apply(
            {"params": {"encoder": params}}, images, method="encode"
        )
        last = blocks.pop("tokens")
        means = [tokens.mean(1) for tokens in blocks.values()]
        return {
            "tokens": last.mean(1),
            "tokens_std": last.std(1),
            "blocks": jnp.concatenate(means, -1),
        }

    def show(self, state: State, batch: dict, key: Array) -> Sequence[Pair]:
        """Pairs of training images and the moving average's rebuilt ones.

        Visible patches are shown unchanged; rebuilt patches that are normalised get the
        mean and the deviation of the original ones.
        """
        images = batch["images"]
        order = self._orders(sample_keys(key, batch["index"]))
        patches = self._rebuild(state.net_average, images, order)
        original = vit.patches(images, self._config.model.patch_px)
        if self._config.method.normalise_patches:
            mean, deviation = _levels(original)
            patches = patches * deviation + mean
        patches = jnp.where(self._is_hidden(order)[..., None], patches, original)
        rebuilt = vit.image(patches, self._side, self._config.model.patch_px)
        caption = f"rebuilt, {self._seen} of {self._patches} patches seen"
        return [Pair("original", images, caption, rebuilt)]

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """Returns the moving average's loss on validation images, {"loss": [B]}.

        Hidden patches depend on a tile's index in its batch, alike at every validation.
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
        """Marks hidden patches, row by row, [B, P] bool."""
        return jnp.argsort(order, 1) >= self._seen

    def _rebuild(self, params: Mapping, images: Array, order: Array) -> Array:
        return self._net.apply({"params": params}, images, order, self._seen)

    def _difference(self, params: Mapping, images: Array, order: Array) -> Array:
        """Averages squares over hidden patches, [B] (He et al. 2022, sec. 3)."""
        target = vit.patches(images, self._config.model.patch_px)
        if self._config.method.normalise_patches:
            mean, deviation = _levels(target)
            target = (target - mean) / deviation
        squares = jnp.square(self._rebuild(params, images, order) - target).mean(-1)
        is_hidden = self._is_hidden(order)
        return jnp.where(is_hidden, squares, 0.0).sum(1) / (self._patches - self._seen)


def _levels(patches: Array) -> tuple[Array, Array]:
    """Computes mean and deviation [B, P, 1] of the pixels of each patch."""
    variance = patches.var(-1, keepdims=True) + LEAST_VARIANCE
    return patches.mean(-1, keepdims=True), jnp.sqrt(variance)
