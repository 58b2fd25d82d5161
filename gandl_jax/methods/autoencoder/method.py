"""An autoencoder as a method, with its code and its blocks as features.

A classifier on the code may be trained too; its loss, which is added, regularises the
autoencoder.
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

LEAST = 1e-6  # of a level x and of 1 - x, whose logarithms are taken


class Method:
    """A convolutional autoencoder of the config's network and sizes.

    Args:
      config: of the experiment.
      source: gives the channels, and the classes of the classifier, if there is one.

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
        make_weights = getattr(class_weights, config.method.class_weights)
        self._weights = {
            column: make_weights(counts)
            for column, counts in source.class_counts.items()
        }
        self._top = LabelHeads(
            pooled=0,  # not used: the penultimate layer takes any width
            penultimate=model.penultimate_dim,
            is_rectified=True,
            classes={column: len(classes) for column, classes in self._classes.items()},
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

        def loss(params, micro_batch):
            images = multi_crop.joined(self._config, micro_batch)
            labels = multi_crop.tiled(micro_batch["labels"], self._crops)
            value, terms, judged = self._lose(params, images, labels)
            means = {f"ae/{name}": term.mean() for name, term in terms.items()}
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
          "blocks": those of all blocks, joined; "penultimate": [B, P], the layer on the
          code, if there is a classifier.
        """
        params = encoder[self._config.embed.weights]
        maps = self._net.apply({"params": params}, images, method="encode")
        sets = {"code": maps.pop("code")}
        if self._config.method.classifier_weight:
            top = {"params": params}
            sets["penultimate"] = self._top.apply(top, sets["code"], method="embed")
        return sets | small_cnn.pooled(maps)

    def show(self, state: State, batch: dict, key: Array) -> Sequence[Pair]:
        """Pairs of training images and the moving average's rebuilt ones."""
        images = batch["images"]
        _, rebuilt = self._see(state.net_average, images)
        return [Pair("original", images, "rebuilt", rebuilt)]

    def validate(self, state: State, batch: dict) -> dict[str, Array]:
        """Returns the moving average's loss on validation images, {"loss": [B]}.

        With a classifier there is "accuracy": [B] too, not a number if a record has no
        label.
        """
        value, terms, judged = self._lose(
            state.net_average, batch["images"], batch["labels"]
        )
        accuracy = {}
        if judged:
            accuracy["accuracy"] = labelled.per_sample(judged)["accuracy"]
        return {"loss": value} | terms | accuracy

    def trained(self, state: State) -> Networks:
        """Returns the networks that another training may start from."""
        return one_network.networks(state, self._module.with_channels)

    def start(self, state: State, networks: Networks) -> State:
        """Returns a new state with another training's network."""
        return one_network.start(self._config, networks)

    def files(self) -> dict[str, str]:
        """Returns the digest of the perceptual loss's network; {} without one."""
        return self._perceptual.files() if self._perceptual else {}

    def _see(self, params: dict, images: Array) -> tuple[Array, Array]:
        """Returns the codes [B, D] of images, and the rebuilt images."""

        def see(net, images):
            code = net.encode(images)["code"]
            return code, net.decoder(code)

        return self._net.apply({"params": params}, images, method=see)

    def _lose(
        self, params: dict, images: Array, labels: dict[str, Array]
    ) -> tuple[Array, dict[str, Array], Judged | None]:
        """Returns the loss [B], its terms if there are several, and judged labels."""
        code, rebuilt = self._see(params, images)
        value, terms = self._difference(rebuilt, images)
        if not self._classes:
            return value, terms, None
        judged = self._judge(params, code, labels)
        terms = {"rebuilding": value} | terms | {"labels": judged.loss}
        weight = self._config.method.classifier_weight
        return value + weight * judged.loss, terms, judged

    def _judge(self, params: dict, code: Array, labels: dict[str, Array]) -> Judged:
        """Judges the classifier; under "as_published" only its head learns."""
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
        """Returns the difference of images [B], and its terms if there are several."""
        pixels = PIXELS[self._config.method.loss](rebuilt, images).mean((1, 2, 3))
        if self._perceptual is None:
            return pixels, {}
        distance = self._perceptual.distances(rebuilt, images)
        terms = {"pixels": pixels, "perceptual": distance}
        return pixels + self._config.method.perceptual_weight * distance, terms


def _cross_entropy(rebuilt: Array, images: Array) -> Array:
    """Binary cross-entropy of levels, from the darkest, 0, to the brightest, 1.

    Args:
      rebuilt: in [-1, 1].
      images: in [-1, 1]; levels outside are clipped.
    """
    predicted, target = (rebuilt + 1) / 2, jnp.clip((images + 1) / 2, 0.0, 1.0)
    predicted = jnp.clip(predicted, LEAST, 1 - LEAST)
    return -(target * jnp.log(predicted) + (1 - target) * jnp.log1p(-predicted))


PIXELS = {
    "squared": lambda rebuilt, images: jnp.square(rebuilt - images),
    "absolute": lambda rebuilt, images: jnp.abs(rebuilt - images),
    "cross_entropy": _cross_entropy,
}
