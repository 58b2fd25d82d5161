"""DEEMD as a method: a site is a bag, judged by its most infected tiles."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import class_weights, early_stopping, labelled, one_network
from gandl_jax.methods.contract import Source
from gandl_jax.methods.deemd import bags, options
from gandl_jax.methods.labelled import Judged
from gandl_jax.methods.one_network import STATISTICS, Networks, NormalisedState, State
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.trunk import Trunk
from gandl_jax.models.heads import softmax
from gandl_jax.models.label_heads import LabelHeads

INFECTION = "infection"  # name of the head, and of the set that task `efficacy` reads


class Method:
    """A network on tiles, with the mean of a bag's highest logits.

    Args:
      config: of the experiment.
      source: gives channels, classes and their counts.

    Attributes:
      phases, unit: as in `contract.Required`.

    Raises:
      InputError: the labels have no infected, or no healthy, records.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, self._channels = config, tuple(source.channels)
        if source.classes:  # a network that only embeds needs none
            options.check_classes(config, source.classes)
        self._classes = dict(source.classes)
        self._tile_px, self._tiles = options.tile_px(config), options.tiles(config)
        self._top_k = config.method.top_k
        self._trunk = Trunk(config, len(source.channels), side=self._tile_px)
        self._top = LabelHeads(
            pooled=self._trunk.width,
            penultimate=config.model.penultimate_dim,
            is_rectified=True,
            classes={INFECTION: 1},  # a single logit
            head=softmax.Head,
            scale=1.0,
        )
        self._frozen = self._trunk.frozen("net") if config.method.freeze else ()
        self._weights = self._weigh(source)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> State | NormalisedState:
        """Makes the state at step 0; its encoder is the untrained floor."""
        params, statistics = self._trunk.init(key)
        top = self._top.init(key, jnp.zeros((1, self._trunk.width)))["params"]
        return one_network.new(self._config, params | top, statistics)

    def items(self, state: State | NormalisedState) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        return one_network.items(state)

    def main(
        self, state: State | NormalisedState, batch: dict, key: Array
    ) -> tuple[State | NormalisedState, dict]:
        """Learns which bags are infected; unknown ones are ignored."""
        statistics, _ = one_network.statistics(state)

        def judge(params, micro_batch):
            images = one_network.augmented(self._config, micro_batch)
            pooled, moved = self._pooled(params, statistics, images, train=True)
            return self._judge(params, pooled, micro_batch["labels"]), moved

        return labelled.advance(
            self._config, state, "bag", judge, batch, key, freeze=self._frozen
        )

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "penultimate": [B, D], the mean over tiles; "infection": [B, top_k], the
          highest logits of tiles, which `pool` turns into one probability.
        """
        weights = self._config.embed.weights
        params, statistics = encoder[weights], encoder.get(STATISTICS, {}).get(weights)
        pooled, _ = self._pooled(params, statistics, images, train=False)
        features = self._top.apply({"params": params}, pooled, method="embed")
        features = features.reshape(-1, self._tiles, features.shape[-1])
        highest = bags.top(self._answers(params, pooled), self._top_k)
        return {"penultimate": features.mean(1), INFECTION: highest}

    def pool(self, encoder: dict, sets: Mapping[str, Array]) -> dict[str, Array]:
        """Pools the crops of a site, as a bag of all their tiles.

        Returns:
          "penultimate": [D], the mean; "infection": [1], the probability of the bag,
          whose highest logits are among the highest of each crop.
        """
        del encoder
        highest = bags.top(sets[INFECTION].reshape(1, -1), self._top_k)
        return {
            "penultimate": sets["penultimate"].mean(0),
            INFECTION: jax.nn.sigmoid(self._bag_logits(highest)),
        }

    def summary(self, encoder: dict) -> dict[str, list[dict]]:
        """Tabulates the importance of channels; {} if no layer has fixed weights."""
        weights = self._config.embed.weights
        return self._trunk.summary(encoder[weights], self._channels)

    def validate(self, state: State | NormalisedState, batch: dict) -> dict[str, Array]:
        """Returns the moving average's loss and accuracy on validation records.

        Returns:
          {"loss": [B], "accuracy": [B]}; NaN if a bag is unknown.
        """
        params, (_, statistics) = state.net_average, one_network.statistics(state)
        pooled, _ = self._pooled(params, statistics, batch["images"], train=False)
        return labelled.per_sample(self._judge(params, pooled, batch["labels"]))

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Returns why to stop, if the validation loss no longer falls; else ""."""
        losses = [line["validation/loss"] for line in history]
        return early_stopping.reason(losses, self._config.method.patience)

    def published(self) -> Networks:
        """Reads the backbone of `config.model.weights`; files hold nothing else."""
        params, statistics = self._trunk.pretrained()
        return Networks(params, params, None, statistics, statistics)

    def trained(self, state: State | NormalisedState) -> Networks:
        """Returns the networks that another training may start from."""
        with_channels = functools.partial(
            self._trunk.with_channels, of_head=softmax.with_channels
        )
        return one_network.networks(state, with_channels)

    def start(
        self, state: State | NormalisedState, networks: Networks
    ) -> State | NormalisedState:
        """Returns a new state with given networks; layers that they lack stay new."""
        return one_network.start(self._config, networks.completed(state))

    def _pooled(
        self, params: dict, statistics: dict | None, images: Array, *, train: bool
    ) -> tuple[Array, dict | None]:
        """Returns features [B T, W] of tiles, image by image, and statistics."""
        tiles = bags.tiles(images, self._tile_px)
        tiles = tiles.reshape(-1, *tiles.shape[2:])
        maps, statistics = self._trunk.maps(params, statistics, tiles, train=train)
        return maps["pooled"], statistics

    def _answers(self, params: dict, pooled: Array) -> Array:
        """Returns the logits of tiles, [B, T]."""
        answers = self._top.apply({"params": params}, pooled)
        return answers[INFECTION].reshape(-1, self._tiles)

    def _bag_logits(self, logits: Array) -> Array:
        """Returns the logits of bags, [B]: means of the highest of [B, T]."""
        return bags.top(logits, self._top_k).mean(1)

    def _judge(
        self, params: dict, pooled: Array, labels: Mapping[str, Array]
    ) -> Judged:
        """Returns weighted cross-entropy, right answers and known bags."""
        method = self._config.method
        logits = self._bag_logits(self._answers(params, pooled))
        labels_of_columns = {column: labels[column] for column in self._classes}
        target = bags.targets(
            labels_of_columns, self._classes, method.infected, method.healthy
        )
        loss = bags.cross_entropy(logits, target, jnp.asarray(self._weights))
        right = (logits > 0) == (target == 1)
        known = (target >= 0).astype(jnp.float32)
        return Judged(loss, right * known, known)

    def _weigh(self, source: Source):
        """Returns the weights of a healthy and an infected record, [2] float32."""
        method, counts = self._config.method, []
        for values in (method.healthy, method.infected):
            count = sum(
                class_count
                for column, class_counts in source.class_counts.items()
                for name, class_count in zip(
                    source.classes[column], class_counts, strict=True
                )
                if name in values
            )
            counts.append(count)
        counts = counts if all(counts) else [1, 1]  # if counts are unknown
        return getattr(class_weights, method.class_weights)(counts)
