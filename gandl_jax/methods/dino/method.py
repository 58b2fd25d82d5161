"""DINO as a method (Caron et al. 2021, arXiv 2104.14294).

A network (student) learns to assign every crop of an image to learnt prototypes as its
moving average (teacher) assigns the large crops. The teacher's logits are centred, so
that no prototype takes all images, and sharpened, so that prototypes differ.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax.methods import (
    early_stopping,
    multi_crop,
    one_network,
    self_distilled,
    spread,
)
from gandl_jax.methods.contract import Pair, Source
from gandl_jax.methods.dino import options
from gandl_jax.methods.one_network import STATISTICS, Networks, NormalisedState
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.trunk import ENCODER, MIXING, Trunk
from gandl_jax.models.projector import DinoHead

TRUNK_PARTS = (MIXING, ENCODER)
CENTRE = "centre"  # among the state's statistics
PROTOTYPES = "prototypes"  # among the parameters
MEAN = "placed"  # among a loss's means: for the spread, not a metric


class Method:
    """A network, its head, and the average of both.

    Args:
      config: of the experiment.
      source: gives the channels.

    Attributes:
      phases, unit: as in `contract.Required`.
      checks: whether images have collapsed to one place.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._channels = source.channels
        self._trunk = Trunk(config, len(source.channels))
        self._head = DinoHead(model.hidden_dim, model.bottleneck_dim, model.prototypes)
        self._views, self._taught = options.views(config), config.method.taught_crops
        self.checks = (spread.check("dino", self._fixed_places, config.method),)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> NormalisedState:
        """Makes the state at step 0; its encoder is the untrained floor."""
        trunk_key, head_key = jax.random.split(key)
        params, _ = self._trunk.init(trunk_key)
        head = self._head.init(head_key, jnp.zeros((1, self._trunk.width)))["params"]
        centre = jnp.zeros(self._config.model.prototypes)
        return one_network.new(self._config, params | head, {CENTRE: centre})

    def items(self, state: NormalisedState) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        return one_network.items(state)

    def main(
        self, state: NormalisedState, batch: dict, key: Array
    ) -> tuple[NormalisedState, dict]:
        """Learns the teacher's assignments; then teacher and centre follow."""
        method, centre = self._config.method, state.statistics[CENTRE]
        seen_images = state.step * self._config.train.batch
        is_frozen = seen_images < method.freeze_prototypes_images

        def loss(params, micro_batch):
            prototypes = params[PROTOTYPES]
            prototypes = jnp.where(is_frozen, lax.stop_gradient(prototypes), prototypes)
            views = multi_crop.crops(self._config, micro_batch, self._views)
            student = self._see(params | {PROTOTYPES: prototypes}, views)
            teacher = self._see(state.net_average, views[: self._taught])["logits"]
            targets = self._targets(teacher, centre, seen_images)
            losses = self._cross_entropy(targets, student["logits"])
            decay = method.centre_decay
            moved = decay * centre + (1 - decay) * teacher.mean((0, 1))
            return losses.mean(), {
                STATISTICS: {CENTRE: moved},
                MEAN: student["placed"].mean((0, 1)),
                "dino/teacher_entropy": _entropy(targets).mean(),
            }

        state, metrics = one_network.advance(
            self._config,
            state,
            "dino",
            loss,
            batch,
            key,
            kept=self_distilled.kept_share(self._config, state.step),
        )
        return state, metrics | {"dino/spread": spread.spread(metrics.pop(MEAN))}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "pooled": [B, W], the input of the head, a transformer's class token;
          "placed": [B, D], the head's last layer before the prototypes, of unit length;
          and those of `Trunk.sets`.
        """
        params = encoder[self._config.embed.weights]
        maps, _ = self._trunk.maps(params, None, images, train=False)
        placed = self._head.apply({"params": params}, maps["pooled"], method="place")
        return {"pooled": maps["pooled"], "placed": placed} | self._trunk.sets(maps)

    def summary(self, encoder: dict) -> dict[str, list[dict]]:
        """Tabulates the importance of channels; {} if no layer has fixed weights."""
        params = encoder[self._config.embed.weights]
        return self._trunk.summary(params, self._channels)

    def show(self, state: NormalisedState, batch: dict, key: Array) -> Sequence[Pair]:
        """Pairs of training images and two of their views."""
        del state
        return self_distilled.show(self._config, batch, key)

    def validate(self, state: NormalisedState, batch: dict) -> dict[str, Array]:
        """Returns the loss on validation images, {"loss": [B]}."""
        views = self_distilled.validation_views(self._config, batch, self._views)
        student = self._see(state.net, views)["logits"]
        teacher = self._see(state.net_average, views[: self._taught])["logits"]
        images = state.step * self._config.train.batch
        targets = self._targets(teacher, state.statistics[CENTRE], images)
        return {"loss": self._cross_entropy(targets, student)}

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Returns why to stop, if the validation loss no longer falls; else ""."""
        losses = [line["validation/loss"] for line in history]
        return early_stopping.reason(losses, self._config.method.patience)

    def trained(self, state: NormalisedState) -> Networks:
        """Returns the networks that another training may start from."""
        return one_network.networks(state, self._trunk.with_channels)

    def start(self, state: NormalisedState, networks: Networks) -> NormalisedState:
        """Returns a new state with another training's network."""
        return one_network.start(self._config, networks)

    def _see(self, params: dict, views: Sequence[Array]) -> dict[str, Array]:
        """Returns {"placed": [V, B, D], "logits": [V, B, K]} of V views."""

        def pooled(images):
            return self._trunk.maps(params, None, images, train=True)[0]["pooled"]

        features = jnp.stack(self_distilled.see_views(pooled, views))
        head = {
            name: array for name, array in params.items() if name not in TRUNK_PARTS
        }
        return self._head.apply({"params": head}, features)

    def _targets(self, logits: Array, centre: Array, images: Array) -> Array:
        """Returns the teacher's probabilities, centred and sharpened, [T, B, K].

        Args:
          logits: [T, B, K] of the teacher.
          centre: [K].
          images: scalar, number of images seen so far.
        """
        method = self._config.method
        share_done = images / max(method.teacher_temperature_images, 1)
        first, last = method.teacher_temperature, method.teacher_temperature_last
        temperature = first + (last - first) * jnp.minimum(share_done, 1.0)
        centred = (logits - jnp.expand_dims(centre, (0, 1))) / temperature
        return lax.stop_gradient(jax.nn.softmax(centred))

    def _cross_entropy(self, targets: Array, logits: Array) -> Array:
        """Averages cross-entropies over all pairs of a teacher's and another view, [B].

        Args:
          targets: [T, B, K] probabilities of the teacher.
          logits: [V, B, K] of the student; the first T are of the same views.
        """
        log_shares = jax.nn.log_softmax(
            logits / self._config.method.student_temperature
        )
        pairs = self_distilled.view_pairs(len(logits), len(targets))
        losses = [
            -(targets[teacher_view] * log_shares[student_view]).sum(-1)
            for teacher_view, student_view in pairs
        ]
        return sum(losses) / len(pairs)

    def _fixed_places(self, state: NormalisedState, images: Array) -> Array:
        return self._see(state.net, [images])["placed"][0]


def _entropy(shares: Array) -> Array:
    """Computes the entropy [T, B] of probabilities [T, B, K], in nats."""
    return -jax.scipy.special.xlogy(shares, shares).sum(-1)
