"""A classifier as a method: softmax and cross-entropy on the label columns."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods import class_weights, early_stopping, one_network
from gandl_jax.methods.contract import Source
from gandl_jax.methods.one_network import Networks, State
from gandl_jax.methods.phase import Phase
from gandl_jax.models import small_cnn


class Method:
    """A convolutional classifier of the config's sizes, with a head for each column.

    Args:
      config: of the experiment.
      source: gives channels, classes and their counts.

    Attributes:
      phases, unit: as `contract.Required` says.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._side, self._channels = configs.network_px(config), len(source.channels)
        self._classes = {name: len(known) for name, known in source.classes.items()}
        weigh = getattr(class_weights, config.method.class_weights)
        self._weights = {n: weigh(counts) for n, counts in source.class_counts.items()}
        self._net = small_cnn.Classifier(
            widths=small_cnn.widths(model.width, model.width_max, model.blocks),
            penultimate=model.penultimate_dim,
            classes=self._classes,
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
        """Learns the labels of a batch; columns count alike, blanks not at all."""

        def loss(params, part):
            logits = self._net.apply(
                {"params": params}, one_network.augmented(self._config, part)
            )
            loss, right, known = self._judge(logits, part["labels"])
            return loss.mean(), {"right": right.mean(), "known": known.mean()}

        state, metrics = one_network.advance(
            self._config, state, "class", loss, batch, key
        )
        right, known = metrics.pop("right"), metrics.pop("known")
        metrics["class/accuracy"] = right / jnp.maximum(known, 1e-9)
        return state, metrics

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "penultimate": [B, D]; "b<r>": [B, 2 W], mean and standard deviation over
          space of the block that takes r px; "blocks": those of all, side by side.
        """
        params = {"params": encoder[self._config.embed.weights]}
        maps = self._net.apply(params, images, method="encode")
        return {"penultimate": maps.pop("penultimate")} | small_cnn.pooled(maps)

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """The moving average's loss and accuracy on records that are not learnt.

        Returns:
          {"loss": [B], "accuracy": [B]}, means over the columns where a record has a
          label; not a number where it has none.
        """
        logits = self._net.apply({"params": state.net_average}, batch["images"])
        loss, right, known = self._judge(logits, batch["labels"])
        known = jnp.where(known > 0, known, jnp.nan)
        return {"loss": loss / known, "accuracy": right / known}

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Why to stop: the validation loss no longer falls; "" goes on."""
        losses = [line["validation/loss"] for line in history]
        return early_stopping.reason(losses, self._config.method.patience)

    def trained(self, state: State) -> Networks:
        """What another training may start from."""
        return Networks(state.net, state.net_average, small_cnn.with_channels)

    def start(self, state: State, networks: Networks) -> State:
        """A new state of another training's network."""
        return one_network.start(self._config, networks)

    def _judge(
        self, logits: Mapping[str, Array], labels: Mapping[str, Array]
    ) -> tuple[Array, Array, Array]:
        """Sums over columns of weighted cross-entropy, right answers, known labels."""
        columns = [
            _judge_column(logits[name], labels[name], self._weights[name])
            for name in self._classes
        ]
        return tuple(sum(parts) for parts in zip(*columns, strict=True))


def _judge_column(
    logits: Array, codes: Array, weights: np.ndarray
) -> tuple[Array, Array, Array]:
    """[B] each: weighted cross-entropy, whether right, whether there is a label."""
    known = codes >= 0
    one_hot = jax.nn.one_hot(codes, logits.shape[-1])  # of -1: zeros
    weight = one_hot @ jnp.asarray(weights)
    loss = -weight * (one_hot * jax.nn.log_softmax(logits)).sum(-1)
    right = (logits.argmax(-1) == codes) & known
    return loss, right.astype(jnp.float32), known.astype(jnp.float32)
