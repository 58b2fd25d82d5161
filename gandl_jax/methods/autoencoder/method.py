"""An autoencoder as a method: its code and its blocks are the features.

Beside the image its code may be asked for labels, by a classifier whose loss is added:
it is regularised then.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax import config as configs
from gandl_jax import modules, parallel
from gandl_jax.methods import (
    class_weights,
    labelled,
    multi_crop,
    multi_crop_options,
    one_network,
)
from gandl_jax.methods.autoencoder.options import FOLDER
from gandl_jax.methods.contract import Pair, Source
from gandl_jax.methods.labelled import Judged
from gandl_jax.methods.one_network import Networks, State
from gandl_jax.methods.perceptual import Perceptual
from gandl_jax.methods.phase import Phase
from gandl_jax.models import small_cnn
from gandl_jax.models.heads import softmax
from gandl_jax.models.label_heads import LabelHeads

LEAST = 1e-6  # of a level and of what it lacks, whose logarithms are taken


class Method:
    """A convolutional autoencoder of the config's network and sizes.

    Args:
      config: of the experiment.
      source: gives the channels, and where the code is asked for labels the classes.

    Attributes:
      phases, unit: as in `contract.Required`.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, model = config, config.model
        self._side, self._channels = configs.network_px(config), len(source.channels)
        self._module = modules.load(FOLDER, model.network)
        self._net = self._module.network(
            channels=self._channels,
            side=self._side,
            widths=small_cnn.widths(model.width, model.width_max, model.blocks),
            code=model.code_dim,
            dtype=parallel.compute_dtype(model.dtype),
        )
        self._perceptual = None
        if config.method.perceptual_weight:
            self._perceptual = Perceptual(config)
        self._classes = dict(source.classes) if config.method.classifier_weight else {}
        weigh = getattr(class_weights, config.method.class_weights)
        self._weights = {n: weigh(counts) for n, counts in source.class_counts.items()}
        self._top = LabelHeads(
            pooled=0,  # there always is a layer, which takes any width
            penultimate=model.penultimate_dim,
            is_rectified=True,
            classes={name: len(known) for name, known in self._classes.items()},
            head=softmax.Head,
            scale=1.0,
            slope=model.penultimate_slope,
        )
        self._crops = multi_crop_options.count(config)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key: Array) -> State:
        """Makes the state at step 0; its encoder is the untrained floor."""
        images = jnp.zeros((1, self._side, self._side, self._channels))
        params = self._net.init(key, images)["params"]
        if self._config.method.classifier_weight:
            code, _ = self._see(params, images)
            top = self._top.init(jax.random.fold_in(key, 1), code)
            params = params | top["params"]
        return one_network.new(self._config, params)

    def items(self, state: State) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        return one_network.items(state)

    def main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Rebuilds the images of a batch, and learns from the difference."""

        def loss(params, part):
            images = multi_crop.joined(self._config, part)
            labels = multi_crop.tiled(part["labels"], self._crops)
            value, parts, judged = self._lose(params, images, labels)
            means = {f"ae/{name}": x.mean() for name, x in parts.items()}
            if judged:
                means |= {"right": judged.right.mean(), "known": judged.known.mean()}
            return value.mean(), means

        state, metrics = one_network.advance(
            self._config, state, "ae", loss, batch, key
        )
        if self._classes:
            metrics = labelled.with_accuracy(metrics, "ae")
        return state, metrics

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "code": [B, D]; "b<r>": [B, 2 W], mean and standard deviation over space of
          the block that takes r px, or of a convolution, as the network names them;
          "blocks": those of all, side by side; "penultimate": [B, P], the layer on the
          code, where there is a classifier.
        """
        params = encoder[self._config.embed.weights]
        maps = self._net.apply({"params": params}, images, method="encode")
        sets = {"code": maps.pop("code")}
        if self._config.method.classifier_weight:
            top = {"params": params}
            sets["penultimate"] = self._top.apply(top, sets["code"], method="embed")
        return sets | small_cnn.pooled(maps)

    def show(self, state: State, batch: dict, key: Array) -> Sequence[Pair]:
        """Training images beside what the moving average rebuilds of them."""
        images = batch["images"]
        _, rebuilt = self._see(state.net_average, images)
        return [Pair("original", images, "rebuilt", rebuilt)]

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """The moving average's loss on images that are not learnt, {"loss": [B]}.

        Where the code is asked for labels, "accuracy": [B] besides, not a number where
        a record has none.
        """
        value, parts, judged = self._lose(
            state.net_average, batch["images"], batch["labels"]
        )
        accuracy = {}
        if judged:
            accuracy["accuracy"] = labelled.of_each(judged)["accuracy"]
        return {"loss": value} | parts | accuracy

    def trained(self, state: State) -> Networks:
        """Returns the networks that another training may start from."""
        return one_network.networks(state, self._module.with_channels)

    def start(self, state: State, networks: Networks) -> State:
        """Returns a new state with another training's network."""
        return one_network.start(self._config, networks)

    def files(self) -> dict[str, str]:
        """The perceptual loss's network, {} without it; it stays as it is."""
        return self._perceptual.files() if self._perceptual else {}

    def _see(self, params: dict, images: Array) -> tuple[Array, Array]:
        """The codes [B, D] of images, and what is rebuilt of them."""

        def see(net, images):
            code = net.encode(images)["code"]
            return code, net.decoder(code)

        return self._net.apply({"params": params}, images, method=see)

    def _lose(
        self, params: dict, images: Array, labels: dict[str, Array]
    ) -> tuple[Array, dict[str, Array], Judged | None]:
        """[B] what is lost, where that is a sum its parts, and what labels cost."""
        code, rebuilt = self._see(params, images)
        value, parts = self._difference(rebuilt, images)
        if not self._classes:
            return value, parts, None
        judged = self._judge(params, code, labels)
        parts = {"rebuilding": value} | parts | {"labels": judged.loss}
        weight = self._config.method.classifier_weight
        return value + weight * judged.loss, parts, judged

    def _judge(self, params: dict, code: Array, labels: dict[str, Array]) -> Judged:
        """How hard the code finds the labels; "as_published" teaches the head alone."""
        variant = self._config.method.variant
        if variant == labelled.AS_PUBLISHED:
            code = lax.stop_gradient(code)
        answers, lessons = self._top.apply(
            {"params": params}, code, labels, 0.0, method="taught"
        )
        return labelled.judge(answers, lessons, labels, self._weights, variant)

    def _difference(
        self, rebuilt: Array, images: Array
    ) -> tuple[Array, dict[str, Array]]:
        """[B] how images differ, and where that is a sum, its parts."""
        pixels = PIXELS[self._config.method.loss](rebuilt, images).mean((1, 2, 3))
        if self._perceptual is None:
            return pixels, {}
        seen = self._perceptual.distances(rebuilt, images)
        parts = {"pixels": pixels, "perceptual": seen}
        return pixels + self._config.method.perceptual_weight * seen, parts


def _cross_entropy(rebuilt: Array, images: Array) -> Array:
    """Binary cross-entropy of levels, from the darkest, 0, to the brightest, 1.

    Args:
      rebuilt: in [-1, 1].
      images: in [-1, 1]; what lies outside counts as the nearest level within.
    """
    made, wanted = (rebuilt + 1) / 2, jnp.clip((images + 1) / 2, 0.0, 1.0)
    made = jnp.clip(made, LEAST, 1 - LEAST)
    return -(wanted * jnp.log(made) + (1 - wanted) * jnp.log1p(-made))


PIXELS = {
    "squared": lambda rebuilt, images: jnp.square(rebuilt - images),
    "absolute": lambda rebuilt, images: jnp.abs(rebuilt - images),
    "cross_entropy": _cross_entropy,
}
