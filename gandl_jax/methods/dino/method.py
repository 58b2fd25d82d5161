"""DINO as a method (Caron et al. 2021, arXiv 2104.14294).

A network (student) learns to name every crop of an image, by prototypes that nobody
gives, as its moving average (teacher) names the large crops. What the teacher says is
centred, so that no prototype takes all images, and sharpened, so that they differ.
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

OF_TRUNK = (MIXING, ENCODER)
CENTRE = "centre"  # among the state's statistics
PROTOTYPES = "prototypes"  # among the parameters
MEAN = "placed"  # among a loss's means: no metric, but the spread's


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
        """Learns the teacher's names; then teacher and centre follow."""
        method, centre = self._config.method, state.statistics[CENTRE]
        seen_images = state.step * self._config.train.batch
        is_frozen = seen_images < method.freeze_prototypes_images

        def loss(params, part):
            last = params[PROTOTYPES]
            last = jnp.where(is_frozen, lax.stop_gradient(last), last)
            views = multi_crop.crops(self._config, part, self._views)
            student = self._see(params | {PROTOTYPES: last}, views)
            teacher = self._see(state.net_average, views[: self._taught])["logits"]
            names = self._names(teacher, centre, seen_images)
            found = self._cross_entropy(names, student["logits"])
            decay = method.centre_decay
            moved = decay * centre + (1 - decay) * teacher.mean((0, 1))
            return found.mean(), {
                STATISTICS: {CENTRE: moved},
                MEAN: student["placed"].mean((0, 1)),
                "dino/teacher_entropy": _entropy(names).mean(),
            }

        state, metrics = one_network.advance(
            self._config,
            state,
            "dino",
            loss,
            batch,
            key,
            kept=self_distilled.kept(self._config, state.step),
        )
        return state, metrics | {"dino/spread": spread.spread(metrics.pop(MEAN))}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "pooled": [B, W], what the head stands on: of a transformer its class token;
          "placed": [B, D], the head's last layer but the prototypes, of unit length;
          and those of the backbone, as `Trunk.sets` says.
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
        """Training images beside two of their views."""
        del state
        return self_distilled.show(self._config, batch, key)

    def validate(self, state: NormalisedState, batch: dict) -> dict[str, Array]:
        """The loss on images that are not learnt, {"loss": [B]}."""
        views = self_distilled.validation_views(self._config, batch, self._views)
        student = self._see(state.net, views)["logits"]
        teacher = self._see(state.net_average, views[: self._taught])["logits"]
        images = state.step * self._config.train.batch
        names = self._names(teacher, state.statistics[CENTRE], images)
        return {"loss": self._cross_entropy(names, student)}

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
        """{"placed": [V, B, D], "logits": [V, B, K]} of V views."""

        def pooled(images):
            return self._trunk.maps(params, None, images, train=True)[0]["pooled"]

        seen = jnp.stack(self_distilled.each(pooled, views))
        head = {name: x for name, x in params.items() if name not in OF_TRUNK}
        return self._head.apply({"params": head}, seen)

    def _names(self, logits: Array, centre: Array, images: Array) -> Array:
        """[T, B, K]: the teacher's probabilities, centred and sharpened.

        Args:
          logits: [T, B, K] of the teacher.
          centre: [K].
          images: scalar, seen so far.
        """
        method = self._config.method
        way = images / max(method.teacher_temperature_images, 1)
        first, last = method.teacher_temperature, method.teacher_temperature_last
        temperature = first + (last - first) * jnp.minimum(way, 1.0)
        centred = (logits - jnp.expand_dims(centre, (0, 1))) / temperature
        return lax.stop_gradient(jax.nn.softmax(centred))

    def _cross_entropy(self, names: Array, logits: Array) -> Array:
        """[B]: means over all pairs of different views, one of them the teacher's.

        Args:
          names: [T, B, K] probabilities of the teacher.
          logits: [V, B, K] of the student; the first T are of the same views.
        """
        log_shares = jax.nn.log_softmax(
            logits / self._config.method.student_temperature
        )
        pairs = self_distilled.others(len(logits), len(names))
        found = [-(names[a] * log_shares[b]).sum(-1) for a, b in pairs]
        return sum(found) / len(pairs)

    def _fixed_places(self, state: NormalisedState, images: Array) -> Array:
        return self._see(state.net, [images])["placed"][0]


def _entropy(shares: Array) -> Array:
    """[T, B] of probabilities [T, B, K], in nats."""
    return -jax.scipy.special.xlogy(shares, shares).sum(-1)
