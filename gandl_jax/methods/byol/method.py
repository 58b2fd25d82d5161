"""BYOL as a method (Grill et al. 2020, arXiv 2006.07733).

The network that learns (online) sees one view of an image and predicts the projection
that its moving average (target) makes of another. There are no negatives: collapse is
avoided because the target is slow, predictions are not targets, and projections are
normalised by their batch.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods import (
    early_stopping,
    multi_crop,
    one_network,
    self_distilled,
    spread,
)
from gandl_jax.methods.byol import options
from gandl_jax.methods.contract import Pair, Source
from gandl_jax.methods.one_network import STATISTICS, Networks, NormalisedState
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.trunk import ENCODER, MIXING, Trunk
from gandl_jax.models.projector import ByolHeads
from gandl_jax.models.unit_length import unit

TRUNK_PARTS = (MIXING, ENCODER)
BATCH_STATS = "batch_stats"  # Flax's name
MEAN = "projections"  # among a loss's means: for the spread, not a metric


class Method:
    """A network, its heads, and the average of both.

    Args:
      config: of the experiment.
      source: gives the channels.

    Attributes:
      phases, unit: as in `contract.Required`.
      checks: whether projections have collapsed.
    """

    unit = 1  # batch statistics are those of all devices

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._channels = source.channels
        self._trunk = Trunk(config, len(source.channels))
        self._heads = ByolHeads(
            model.penultimate_dim,
            model.penultimate_slope,
            model.hidden_dim,
            model.projection_dim,
            parallel.AXIS,
        )
        self._views = options.views(config)
        self.checks = (spread.check("byol", self._fixed_projections, config.method),)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> NormalisedState:
        """Makes the state at step 0; its encoder is the untrained floor."""
        trunk_key, heads_key = jax.random.split(key)
        params, _ = self._trunk.init(trunk_key)
        pooled = jnp.zeros((1, self._trunk.width))
        heads = self._heads.init(heads_key, pooled, train=False)
        return one_network.new(
            self._config, params | heads["params"], heads[BATCH_STATS]
        )

    def items(self, state: NormalisedState) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        return one_network.items(state)

    def main(
        self, state: NormalisedState, batch: dict, key: Array
    ) -> tuple[NormalisedState, dict]:
        """Predicts the target's projections; then the target follows."""

        def loss(params, micro_batch):
            views = multi_crop.crops(self._config, micro_batch, self._views)
            online, moved = self._see(params, state.statistics, views, train=True)
            target, _ = self._see(
                state.net_average, state.statistics, views, train=True
            )
            distances = self._distances(online["predicted"], target["projected"])
            mean = unit(online["projected"]).mean((0, 1))
            return distances.mean(), {STATISTICS: moved, MEAN: mean}

        state, metrics = one_network.advance(
            self._config,
            state,
            "byol",
            loss,
            batch,
            key,
            kept=self_distilled.kept_share(self._config, state.step),
        )
        return state, metrics | {"byol/spread": spread.spread(metrics.pop(MEAN))}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "penultimate": [B, D], the embedding; "projection": [B, K]; "pooled": [B, W],
          the features below the embedding; and those of `Trunk.sets`.
        """
        weights = self._config.embed.weights
        params, statistics = encoder[weights], encoder[STATISTICS][weights]
        maps, _ = self._trunk.maps(params, None, images, train=False)
        variables = {"params": params, BATCH_STATS: statistics}
        projections = self._heads.apply(variables, maps["pooled"], train=False)
        embedding = self._heads.apply(variables, maps["pooled"], method="embed")
        return {
            "penultimate": embedding,
            "projection": projections["projected"],
            "pooled": maps["pooled"],
        } | self._trunk.sets(maps)

    def summary(self, encoder: dict) -> dict[str, list[dict]]:
        """Tabulates the importance of channels; {} if no layer has fixed weights."""
        params = encoder[self._config.embed.weights]
        return self._trunk.summary(params, self._channels)

    def show(self, state: NormalisedState, batch: dict, key: Array) -> Sequence[Pair]:
        """Pairs of training images and two of their views."""
        del state
        return self_distilled.show(self._config, batch, key)

    def validate(self, state: NormalisedState, batch: dict) -> dict[str, Array]:
        """Returns the loss on validation images, {"loss": [B]}; fixed statistics."""
        views = self_distilled.validation_views(self._config, batch, self._views)
        fixed, average = one_network.statistics(state)
        online, _ = self._see(state.net, fixed, views, train=False)
        target, _ = self._see(state.net_average, average, views, train=False)
        return {"loss": self._distances(online["predicted"], target["projected"])}

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Returns why to stop, if the validation loss no longer falls; else ""."""
        losses = [line["validation/loss"] for line in history]
        return early_stopping.reason(losses, self._config.method.patience)

    def trained(self, state: NormalisedState) -> Networks:
        """Returns the networks that another training may start from."""
        return one_network.networks(state, self._with_channels)

    def start(self, state: NormalisedState, networks: Networks) -> NormalisedState:
        """Returns a new state with another training's network."""
        return one_network.start(self._config, networks)

    def _with_channels(self, params: dict, sources: Sequence[int | None]) -> dict:
        return self._trunk.with_channels(params, sources)

    def _see(
        self, params: dict, statistics: dict, views: Sequence[Array], *, train: bool
    ) -> tuple[dict[str, Array], dict]:
        """Returns {"projected", "predicted": [V, B, K]} of V views, and statistics."""

        def pooled(images):
            return self._trunk.maps(params, None, images, train=train)[0]["pooled"]

        features = jnp.concatenate(self_distilled.see_views(pooled, views))
        heads = {
            name: array for name, array in params.items() if name not in TRUNK_PARTS
        }
        outputs, moved = self._heads.apply(
            {"params": heads, BATCH_STATS: statistics},
            features,
            train=train,
            mutable=[BATCH_STATS],
        )
        by_view = {
            name: array.reshape(len(views), -1, array.shape[-1])
            for name, array in outputs.items()
        }
        return by_view, moved[BATCH_STATS]

    def _distances(self, predicted: Array, projected: Array) -> Array:
        """Averages 2 - 2 cos (their eq. 2) over all pairs of different views, [B].

        Args:
          predicted: [V, B, K] of the online network.
          projected: [V, B, K] of the target, which has no gradient.
        """
        predicted = unit(predicted)
        projected = lax.stop_gradient(unit(projected))
        pairs = self_distilled.view_pairs(len(predicted), len(projected))
        cosines = [
            (predicted[online_view] * projected[target_view]).sum(-1)
            for target_view, online_view in pairs
        ]
        return 2 - 2 * sum(cosines) / len(pairs)

    def _fixed_projections(self, state: NormalisedState, images: Array) -> Array:
        fixed, _ = one_network.statistics(state)
        online, _ = self._see(state.net, fixed, [images], train=False)
        return online["projected"][0]
