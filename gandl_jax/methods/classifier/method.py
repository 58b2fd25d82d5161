"""A classifier as a method: a head for each label column, on one embedding."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import modules
from gandl_jax.methods import (
    class_weights,
    early_stopping,
    labelled,
    multi_crop,
    multi_crop_options,
    one_network,
)
from gandl_jax.methods.classifier import decisions, transfer
from gandl_jax.methods.classifier.options import HEADS
from gandl_jax.methods.contract import Source
from gandl_jax.methods.labelled import Judged
from gandl_jax.methods.one_network import STATISTICS, Networks, NormalisedState, State
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.trunk import Trunk
from gandl_jax.models.label_heads import LabelHeads


class Method:
    """A network on mixed channels, an embedding, and a head for each column.

    Args:
      config: of the experiment.
      source: gives channels, classes and their counts.

    Attributes:
      phases, unit: as in `contract.Required`.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._channels = tuple(source.channels)
        weigh = getattr(class_weights, config.method.class_weights)
        self._decisions = decisions.make_decisions(config, source, weigh)
        self._trunk = Trunk(config, len(source.channels))
        self._head = modules.load(HEADS, config.method.head)
        self._top = LabelHeads(
            pooled=self._trunk.width,
            penultimate=model.penultimate_dim,
            is_rectified=model.penultimate_relu,
            classes={name: len(sides) for name, sides in self._decisions.sides.items()},
            head=self._head.Head,
            scale=config.method.arcface_scale,
            slope=model.penultimate_slope,
        )
        self._crops = multi_crop_options.count(config)
        self._frozen = self._trunk.frozen("net") if config.method.freeze else ()
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> State | NormalisedState:
        """Makes the state at step 0; its encoder is the untrained floor."""
        params, statistics = self._trunk.init(key)
        pooled = jnp.zeros((1, self._trunk.width))
        codes = dict.fromkeys(self._decisions.sides, jnp.zeros(1, jnp.int32))
        top = self._top.init(key, pooled, codes, 0.0, method="taught")
        params = params | top.get("params", {})
        return one_network.new(self._config, params, statistics)

    def items(self, state: State | NormalisedState) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        return one_network.items(state)

    def main(
        self, state: State | NormalisedState, batch: dict, key: Array
    ) -> tuple[State | NormalisedState, dict]:
        """Learns the labels of a batch; columns weigh the same, blanks are ignored."""
        (statistics, _), margin = (
            one_network.statistics(state),
            self._margin(state.step),
        )

        def judge(params, micro_batch):
            images = multi_crop.joined(self._config, micro_batch)
            labels = multi_crop.tiled(micro_batch["labels"], self._crops)
            maps, moved = self._trunk.maps(params, statistics, images, train=True)
            return self._judge(params, maps["pooled"], labels, margin), moved

        return labelled.advance(
            self._config, state, "class", judge, batch, key, freeze=self._frozen
        )

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "penultimate": [B, D], the embedding; "leaves_<column>": [B, K], probabilities
          of the column's classes, as if all were equally frequent. With `small_cnn`,
          "b<r>": [B, 2 W], mean and standard deviation over space of the block that
          takes r px, and "blocks", those of all blocks, joined. With a published
          network, "pooled", if that is not the embedding.
        """
        params, maps = self._seen(encoder, images)
        sets = self._trunk.sets(maps) | self._leaves(params, maps["pooled"])
        if not self._config.model.penultimate_dim:
            sets.pop("pooled", None)
        top = {"params": params}
        embedding = self._top.apply(top, maps["pooled"], method="embed")
        return {"penultimate": embedding} | sets

    def answer(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Returns the probabilities of classes, {column: [B, K]} of sum 1."""
        params, maps = self._seen(encoder, images)
        logarithms = self._logarithms(params, maps["pooled"])
        return {column: jax.nn.softmax(values) for column, values in logarithms.items()}

    def _logarithms(self, params: dict, pooled: Array) -> dict[str, Array]:
        """Returns the logarithms of the probabilities of classes, {column: [B, K]}."""
        if not self._decisions.sides:
            return {}
        answers = self._top.apply({"params": params}, pooled)
        return self._decisions.logarithms(answers)

    def _leaves(self, params: dict, pooled: Array) -> dict[str, Array]:
        """Returns sets of probabilities, as if all classes were equally frequent."""
        priors = self._decisions.priors()
        return {
            decisions.set_name(column): jax.nn.softmax(
                logarithms - jnp.log(jnp.asarray(priors[column], jnp.float32))[None]
            )
            for column, logarithms in self._logarithms(params, pooled).items()
        }

    def _seen(self, encoder: dict, images: Array) -> tuple[dict, dict[str, Array]]:
        """Returns the parameters that embed, and their maps of images."""
        weights = self._config.embed.weights
        params, statistics = encoder[weights], encoder.get(STATISTICS, {}).get(weights)
        maps, _ = self._trunk.maps(params, statistics, images, train=False)
        return params, maps

    def summary(self, encoder: dict) -> dict[str, list[dict]]:
        """Tabulates the importance of channels; {} if no layer has fixed weights."""
        weights = self._config.embed.weights
        return self._trunk.summary(encoder[weights], self._channels)

    def validate(self, state: State | NormalisedState, batch: dict) -> dict[str, Array]:
        """Returns the moving average's loss and accuracy on validation records.

        Returns:
          {"loss": [B], "accuracy": [B]}, means over the columns in which a record has a
          label; NaN if it has none.
        """
        params, (_, statistics) = state.net_average, one_network.statistics(state)
        maps, _ = self._trunk.maps(params, statistics, batch["images"], train=False)
        margin = self._config.method.arcface_margin  # fixed, so that losses compare
        judged = self._judge(params, maps["pooled"], batch["labels"], margin)
        return labelled.per_sample(judged)

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Returns why to stop, if the validation loss no longer falls; else ""."""
        losses = [line["validation/loss"] for line in history]
        return early_stopping.reason(losses, self._config.method.patience)

    def published(self) -> Networks:
        """Reads the backbone of `config.model.weights`; files hold nothing else."""
        params, statistics = self._trunk.pretrained()
        return Networks(params, params, None, statistics, statistics)

    def trained(self, state: State | NormalisedState) -> transfer.Learnt:
        """Returns the networks that another training may start from."""
        with_channels = functools.partial(
            self._trunk.with_channels, of_head=self._head.with_channels
        )
        networks = one_network.networks(state, with_channels)
        sides = self._decisions.sides
        return transfer.Learnt(networks, self._config.method.head, sides)

    def start(
        self, state: State | NormalisedState, networks: Networks | transfer.Learnt
    ) -> State | NormalisedState:
        """Returns a new state with given networks; heads of other classes stay new."""
        if isinstance(networks, transfer.Learnt):
            sides = self._decisions.sides
            networks = networks.without_others(self._config.method.head, sides)
        return one_network.start(self._config, networks.completed(state))

    def _margin(self, step: Array) -> Array:
        """Returns ArcFace's margin in a step, in radians."""
        method = self._config.method
        seen_images = step * self._config.train.batch
        warmup_share = jnp.minimum(
            1.0, seen_images / max(method.arcface_warmup_images, 1)
        )
        return method.arcface_margin * warmup_share

    def _judge(
        self, params: dict, pooled: Array, labels: Mapping[str, Array], margin: Array
    ) -> Judged:
        """Sums losses over heads, and right answers and known labels over columns."""
        zeros, codes = jnp.zeros(len(pooled)), self._decisions.codes(labels)
        answers, lessons = self._top.apply(
            {"params": params}, pooled, codes, margin, method="taught"
        )
        if not answers:  # without labels
            return Judged(zeros, zeros, zeros)
        weights, variant = self._decisions.weights, self._config.method.variant
        loss = labelled.judge(answers, lessons, codes, weights, variant).loss
        right = known = zeros
        for column, logarithms in self._decisions.logarithms(answers).items():
            is_known = labels[column] >= 0
            known += is_known
            right += (logarithms.argmax(-1) == labels[column]) & is_known
        return Judged(loss, right, known)
