"""DEEMD as a method: a site is a bag, its most infected tiles answer for it."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import class_weights, early_stopping, one_network
from gandl_jax.methods.contract import Source
from gandl_jax.methods.deemd import bags, instances, options
from gandl_jax.methods.one_network import Networks, NormalisedState, State
from gandl_jax.methods.phase import Phase

INFECTION = "infection"  # the set that the task `efficacy` reads
TILES, HEAD = "tiles", "head"  # of the parameters


class Method:
    """A network of tiles, and the mean of a bag's highest logits.

    Args:
      config: of the experiment.
      source: gives channels, classes and their counts.

    Attributes:
      phases, unit: as `contract.Required` says.

    Raises:
      InputError: the labels have no infected, or no healthy, records.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config = config
        if source.classes:  # a network that is only embedded with needs none
            options.check_classes(config, source.classes)
        self._classes = dict(source.classes)
        self._tile_px, self._top_k = options.tile_px(config), config.method.top_k
        self._net = instances.make(config, len(source.channels))
        self._weights = self._weigh(source)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> State | NormalisedState:
        """A state at step 0; its encoder is the untrained floor."""
        params, statistics = self._net.init(key)
        return one_network.new(self._config, self._with_head(params, key), statistics)

    def items(self, state: State | NormalisedState) -> dict:
        """What a checkpoint holds: the encoder alone, and everything."""
        return one_network.items(state)

    def main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Learns which bags are infected; unknown ones cost nothing."""

        def loss(params, part):
            images = one_network.augmented(self._config, part)
            features, moved = self._net.in_training(
                params[TILES], _statistics(state), self._tiles(images)
            )
            logits = self._of_bags(self._answers(params, features, len(images)))
            value, right, known = self._judge(logits, part["labels"])
            means = {"right": right.mean(), "known": known.mean()}
            if moved is not None:
                means[one_network.STATISTICS] = moved
            return value.mean(), means

        state, metrics = one_network.advance(
            self._config, state, "bag", loss, batch, key
        )
        right, known = metrics.pop("right"), metrics.pop("known")
        metrics["bag/accuracy"] = right / jnp.maximum(known, 1e-9)
        return state, metrics

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "penultimate": [B, D], the mean over tiles; "infection": [B, top_k], the
          highest logits of tiles, of which `pool` makes one probability.
        """
        weights = self._config.embed.weights
        statistics = encoder.get(one_network.STATISTICS, {}).get(weights)
        params = encoder[weights]
        features = self._net.features(params[TILES], statistics, self._tiles(images))
        logits = self._answers(params, features, len(images))
        features = features.reshape(len(images), -1, features.shape[-1])
        return {
            "penultimate": features.mean(1),
            INFECTION: bags.top(logits, self._top_k),
        }

    def pool(self, encoder: dict, sets: Mapping[str, Array]) -> dict[str, Array]:
        """One row of the crops of a site: a bag of all their tiles.

        Returns:
          "penultimate": [D], the mean; "infection": [1], the probability of the bag,
          whose highest logits are among the highest of each crop.
        """
        del encoder
        highest = bags.top(sets[INFECTION].reshape(1, -1), self._top_k)
        return {
            "penultimate": sets["penultimate"].mean(0),
            INFECTION: jax.nn.sigmoid(self._of_bags(highest)),
        }

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """The moving average's loss and accuracy on records that are not learnt.

        Returns:
          {"loss": [B], "accuracy": [B]}; not a number where a bag is unknown.
        """
        statistics = getattr(state, "statistics_average", None)
        params, images = state.net_average, batch["images"]
        features = self._net.features(params[TILES], statistics, self._tiles(images))
        logits = self._of_bags(self._answers(params, features, len(images)))
        loss, right, known = self._judge(logits, batch["labels"])
        known = jnp.where(known > 0, known, jnp.nan)
        return {"loss": loss / known, "accuracy": right / known}

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Why to stop: the validation loss no longer falls; "" goes on."""
        losses = [line["validation/loss"] for line in history]
        return early_stopping.reason(losses, self._config.method.patience)

    def published(self) -> Networks:
        """The backbone of `config.model.weights`, without an answer."""
        params, statistics = self._net.published()
        params = {TILES: params}
        return self._networks(params, params, statistics, statistics)

    def trained(self, state: State) -> Networks:
        """What another training may start from."""
        statistics = getattr(state, "statistics_average", None)
        return self._networks(
            state.net, state.net_average, _statistics(state), statistics
        )

    def start(self, state: State, networks: Networks) -> State:
        """A new state of given networks; an answer that they lack stays."""
        net, average = (
            {HEAD: own[HEAD]} | given
            for own, given in (
                (state.net, networks.net),
                (state.net_average, networks.average),
            )
        )
        whole = dataclasses.replace(networks, net=net, average=average)
        return one_network.start(self._config, whole)

    def _networks(self, net, average, statistics, statistics_average) -> Networks:
        def with_channels(params, sources):
            return params | {TILES: self._net.with_channels(params[TILES], sources)}

        return Networks(net, average, with_channels, statistics, statistics_average)

    def _with_head(self, params: dict, key: Array) -> dict:
        own = instances.head(jax.random.fold_in(key, 1), self._net.width)
        return {TILES: params, HEAD: own}

    def _tiles(self, images: Array) -> Array:
        """[B T, t, t, C], those of an image one after the other."""
        cut = bags.tiles(images, self._tile_px)
        return cut.reshape(-1, *cut.shape[2:])

    def _answers(self, params: dict, features: Array, count: int) -> Array:
        """[B, T] logits of tiles."""
        answer = features @ params[HEAD]["kernel"] + params[HEAD]["bias"][None]
        return answer.reshape(count, -1)

    def _of_bags(self, logits: Array) -> Array:
        """[B] logits: the mean of the highest of [B, T]."""
        return bags.top(logits, self._top_k).mean(1)

    def _judge(
        self, logits: Array, labels: Mapping[str, Array]
    ) -> tuple[Array, Array, Array]:
        """[B] each: loss, whether right, whether anything is known."""
        method = self._config.method
        own = {column: labels[column] for column in self._classes}
        target = bags.targets(own, self._classes, method.infected, method.healthy)
        loss = bags.cross_entropy(logits, target, jnp.asarray(self._weights))
        right = (logits > 0) == (target == 1)
        known = (target >= 0).astype(jnp.float32)
        return loss, right * known, known

    def _weigh(self, source: Source):
        """[2] float32: what a healthy and an infected record count."""
        method, counts = self._config.method, []
        for values in (method.healthy, method.infected):
            count = sum(
                n
                for column, own in source.class_counts.items()
                for name, n in zip(source.classes[column], own, strict=True)
                if name in values
            )
            counts.append(count)
        counts = counts if all(counts) else [1, 1]  # where nobody counted
        return getattr(class_weights, method.class_weights)(counts)


def _statistics(state: State | NormalisedState) -> dict | None:
    return getattr(state, "statistics", None)
