"""StyleGAN2 as a method, whose discriminator is the encoder (GAN-DL)."""

import functools
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.errors import InputError
from gandl_jax.methods import diversity, frozen, games, losses, map_pooling
from gandl_jax.methods.augment import augment
from gandl_jax.methods.contract import FIXED
from gandl_jax.methods.gan import adaptive, balance, updates, views, weights
from gandl_jax.methods.gan import (
    state as gan_state,
)
from gandl_jax.methods.gan.discriminator import Discriminator
from gandl_jax.methods.gan.state import State
from gandl_jax.methods.gan.streams import BETWEEN, FAKE, MIXED, PATH, REAL
from gandl_jax.methods.optimisers import lazy_adam
from gandl_jax.methods.phase import Phase, sample_keys, substream
from gandl_jax.methods.source import Source
from gandl_jax.methods.style_generator import Generator, normal
from gandl_jax.methods.updates import descend, parameter_norms
from gandl_jax.models.stylegan2 import stylegan2

STYLE = "style"  # among D's means: the mean style of a micro-batch, not a metric


class Method:
    """A StyleGAN2 of the config's sizes for a source's channels.

    Args:
      config: of the experiment.
      source: of its training records; those without a label are a class of their own,
        the first.

    Attributes:
      phases: the parts of a step, in order.
      unit: samples that must stay on one device, in one micro-batch: a deviation group,
        and pairs, of which the path-length phase takes the first.
      checks: whether the generator has collapsed.

    Raises:
      InputError: config.method.freeze names no parameters, or there are several columns
        of labels.
    """

    def __init__(self, config, source: Source):
        self.options, self.weights = config.method, config.embed.weights
        self.more_sets = config.embed.more_sets
        self.batch, self.parts = config.train.batch, config.train.accumulate
        self.column, self.first_class, classes = _condition(source)
        self.generator = Generator(config, len(source.channels), classes)
        self.discriminator = Discriminator(config, len(source.channels), classes)
        self.unit = math.lcm(config.model.mbstd_group, 2)
        if self.options.freeze:
            shapes = jax.eval_shape(self._params, jax.random.key(0))
            frozen.check(self.options.freeze, shapes)
        self.checks = (diversity.check(self._fixed_samples, self.options),)
        r1_every = self.options.r1_every_steps
        path_every = self.options.path_every_steps
        has_r1 = self.options.loss != "wgan_gp"  # which has a penalty in every step
        has_paths = self.options.path_weight > 0
        self.d_adam = lazy_adam(self.options, r1_every if has_r1 else math.inf)
        self.g_adam = lazy_adam(self.options, path_every if has_paths else math.inf)
        self.phases = (
            Phase("d_main", 1, self.d_main),
            *([Phase("d_reg", r1_every, self.d_reg)] if has_r1 else []),
            Phase("g_main", 1, self.g_main),
            *([Phase("g_reg", path_every, self.g_reg)] if has_paths else []),
        )

    def init(self, key: Array) -> State:
        """Makes the state at step 0; its discriminator is the untrained floor."""
        params = self._params(key)
        g, d = params["g"], params["d"]
        state = State(
            step=jnp.zeros((), jnp.int32),
            g=g,
            d=d,
            g_optimiser=self.g_adam.init(g),
            d_optimiser=self.d_adam.init(d),
            g_average=jax.tree.map(jnp.copy, g),
            d_average=jax.tree.map(jnp.copy, d),
            w_average=jnp.zeros(self.generator.dim),
            path_mean=jnp.zeros(()),
        )
        controllers = {}
        if self.options.augment == "adaptive":
            controllers["augment"] = adaptive.start()
        if self.options.balance != "none":
            controllers["balance"] = balance.start()
        return gan_state.with_controllers(state, **controllers)

    def trained(self, state: State) -> weights.Networks:
        """Returns the networks that another training may start from."""
        return gan_state.networks(state)

    def start(self, state: State, networks: weights.Networks) -> State:
        """Returns a new state with networks of a file or of another training."""
        return gan_state.start(state, networks)

    def _params(self, key: Array) -> dict[str, dict]:
        """Makes the initial parameters {"g": ..., "d": ...}."""
        keys = jax.random.split(key, 3)
        g = self.generator.init(keys[0], keys[1])
        d = self.discriminator.init(keys[2])
        if self.options.views_weight:
            d[views.HEAD] = views.init_head(self.discriminator, d, keys[2])
        return {"g": g, "d": d}

    def items(self, state: State) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        encoder = {"average": state.d_average, "raw": state.d}
        return {"encoder": encoder, "train": state}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Returns the discriminator's feature sets.

        Args:
          encoder: the checkpoint item.
          images: [B, H, W, C] in [-1, 1].

        Returns:
          "first_dense": [B, D]; "last_map": [B, 16 D]; "b<r>": [B, 2 D], mean and
          standard deviation over space of the block that takes r px; "blocks": those
          of all blocks, joined. And of config.embed.more_sets: "b<r>_linear", as
          "b<r>" of the block's last convolution before its nonlinearity;
          "b<r>_covariances": [B, K (K + 1) / 2], of the block's channels.
        """
        d = encoder[self.weights]
        maps = self.discriminator.features(d, images)
        sets = {"first_dense": maps.pop("first_dense")}
        for name, block_map in maps.items():
            sets[name] = map_pooling.means_and_deviations(block_map)
        sets["blocks"] = jnp.concatenate([sets[name] for name in maps], -1)
        sets["last_map"] = block_map.reshape(block_map.shape[0], -1)
        if "covariances" in self.more_sets:
            for name, block_map in maps.items():
                sets[f"{name}_covariances"] = map_pooling.covariances(block_map)
        if "linear" in self.more_sets:
            for name, block_map in self.discriminator.linear_maps(d, images).items():
                sets[f"{name}_linear"] = map_pooling.means_and_deviations(block_map)
        return sets

    def samples(self, state: State, keys: Array, labels: Mapping[str, Array]) -> Array:
        """Generates images [N, H, W, C] by the averaged generator, one per key.

        Styles are truncated towards the mean style.

        Args:
          state: of the training.
          keys: [N].
          labels: {column: [N] int32} if it has classes.
        """
        classes = self._labels({"labels": labels})
        ws = self.generator.styles(state.g_average, keys, classes)
        psi = self.options.truncation_psi
        ws = stylegan2.truncate(ws, state.w_average, psi)
        return self.generator.generate(state.g_average, ws, keys)

    def _fixed_samples(self, state: State, key: Array) -> Array:
        """Generates the same samples at every look, by class, [FIXED, H, W, C]."""
        index, classes = jnp.arange(FIXED), self.generator.classes
        labels = {self.column: index % classes - self.first_class} if classes else {}
        return self.samples(state, sample_keys(key, index), labels)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes D's step; updates the mean style and the augmentation."""
        game = self.options.loss

        def loss(d, micro_batch):
            ws = self._styles(state.g, micro_batch)
            fake = self.generator.generate(state.g, ws, micro_batch["keys"])
            real_logits = self._logits(
                state, d, micro_batch["images"], micro_batch, REAL
            )
            fake_logits = self._logits(state, d, fake, micro_batch, FAKE)
            metrics = {"d/real_score": real_logits.mean()}
            metrics["d/fake_score"] = fake_logits.mean()
            metrics["d/real_sign"] = games.real_sign(game, real_logits, fake_logits)
            value = games.d_loss(game, real_logits, fake_logits)
            metrics["d/loss"] = value
            if game == "wgan_gp":
                steepness = self._gradient_penalty(state, d, fake, micro_batch)
                metrics["d/gradient_penalty"] = steepness
                value += self.options.gradient_weight * steepness
                metrics["d/drift"] = jnp.square(real_logits).mean()
                value += self.options.drift_weight * metrics["d/drift"]
            if self.options.views_weight:
                contrast, found_share = views.contrast(
                    self.discriminator,
                    d,
                    micro_batch["images"],
                    micro_batch["keys"],
                    self.options,
                )
                metrics |= {"d/views_loss": contrast, "d/views_found": found_share}
                value += self.options.views_weight * contrast
            return value, metrics | {STYLE: ws[:, -1].mean(0)}

        norms = parameter_norms({"d": state.d, "g": state.g})
        state, _, metrics = self._descend(state, "d_main", loss, batch, key)
        mean = metrics.pop(STYLE)
        if self.options.augment == "adaptive":
            metrics["d/augment_prob"] = state.augment.prob
            sign = metrics["d/real_sign"]
            state = updates.adapt(state, sign, self.options, self.batch)
        if self.options.balance != "none":
            metrics["d/held_back"] = state.balance.strength
            sign = metrics["d/real_sign"]
            state = updates.hold_back(state, sign, self.options, self.batch)
        return updates.average_style(state, mean), norms | metrics

    def d_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes the step of lazy R1, and R2, times the interval (StyleGAN2, sec. 3.1).

        Augmentation counts as a part of the discriminator: the gradient is taken with
        respect to the images before it.
        """

        def penalty(d, images, micro_batch, stream):
            def discriminate(augmented_images):
                return self._logits(state, d, augmented_images, micro_batch, stream)

            return losses.r1(discriminate, images).mean()

        def weighted(weight, value):
            if self.options.balance == "r1_weight":
                weight = weight * state.balance.strength
            return weight / 2 * self.options.r1_every_steps * value

        def loss(d, micro_batch):
            metrics = {"d/r1": penalty(d, micro_batch["images"], micro_batch, REAL)}
            value = weighted(self.options.r1_weight, metrics["d/r1"])
            if self.options.r2_weight:
                fake = self._fake(state.g, micro_batch)
                metrics["d/r2"] = penalty(d, fake, micro_batch, FAKE)
                value += weighted(self.options.r2_weight, metrics["d/r2"])
            return value, metrics

        state, _, metrics = self._descend(state, "d_reg", loss, batch, key)
        return state, metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes G's step; then updates both moving averages and counts the step."""
        game = self.options.loss

        def loss(g, micro_batch):
            fake_logits = self._logits(
                state, state.d, self._fake(g, micro_batch), micro_batch, FAKE
            )
            real_logits = None
            if game in games.PAIRED:
                real = micro_batch["images"]
                real_logits = self._logits(state, state.d, real, micro_batch, REAL)
            return games.g_loss(game, fake_logits, real_logits), {}

        state, value, metrics = self._descend(state, "g_main", loss, batch, key)
        state = updates.average(state, self.options, self.batch)
        return state, metrics | {"g/loss": value}

    def g_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes the step of lazy path-length regularisation (StyleGAN2, sec. 3.2).

        It takes every other sample.
        """
        size, channels = self.generator.size, self.generator.channels
        weight = self.options.path_weight * self.options.path_every_steps

        def loss(g, micro_batch):
            half = jax.tree.map(lambda array: array[::2], micro_batch)
            noise = normal(half["keys"], PATH, (size, size, channels)) / size
            generate = functools.partial(self.generator.generate, g, keys=half["keys"])
            lengths = losses.path_lengths(generate, self._styles(g, half), noise)
            # The running mean before this step, as a micro-batch has no access to the
            # lengths of the others. (StyleGAN2's code takes the mean after the step,
            # which differs by a hundredth, path_decay, of the way to this step's.)
            penalty = jnp.square(lengths - state.path_mean).mean()
            return weight * penalty, {
                "g/path_length": lengths.mean(),
                "g/path_penalty": penalty,
            }

        state, _, metrics = self._descend(state, "g_reg", loss, batch, key)
        decay = self.options.path_decay
        mean = (1 - decay) * state.path_mean + decay * metrics["g/path_length"]
        return state.replace(path_mean=mean), metrics | {"g/path_mean": mean}

    def _styles(self, g: dict, micro_batch: dict) -> Array:
        """Makes the styles [B, L, Z] of a batch's keys and labels."""
        labels = self._labels(micro_batch)
        mixing_prob = self.options.style_mixing_prob
        return self.generator.styles(
            g, micro_batch["keys"], labels, mixing_prob=mixing_prob
        )

    def _fake(self, g: dict, micro_batch: dict) -> Array:
        """Generates images [B, H, W, C] of a batch's keys and labels."""
        return self.generator.generate(
            g, self._styles(g, micro_batch), micro_batch["keys"]
        )

    def _labels(self, micro_batch: dict) -> Array | None:
        """Returns the networks' classes [B] int32, of which a blank is the first."""
        if not self.generator.classes:
            return None
        return micro_batch["labels"][self.column] + self.first_class

    def _logits(
        self, state: State, d: dict, images: Array, micro_batch: dict, stream: int
    ) -> Array:
        """Returns the logits [B] of `d` for images that it sees augmented."""
        seen = self._seen(state, images, micro_batch["keys"], stream)
        return self.discriminator.logits(d, seen, self._labels(micro_batch))

    def _seen(self, state: State, images: Array, keys: Array, stream: int) -> Array:
        """Returns images as the discriminator sees them, augmented or not."""
        if self.options.augment == "none":
            return images
        adapts = self.options.augment == "adaptive"
        prob = state.augment.prob if adapts else self.options.augment_prob
        keys = substream(keys, stream)
        return augment(images, keys, prob, self.options.augment_kinds)

    def _gradient_penalty(
        self, state: State, d: dict, fake: Array, micro_batch: dict
    ) -> Array:
        """Averages (|D'| - 1)^2 at random points between real and generated images.

        Augmentation counts as a part of the discriminator.
        """
        uniform = jax.vmap(jax.random.uniform)(substream(micro_batch["keys"], BETWEEN))
        share = uniform.reshape(-1, 1, 1, 1)
        between = share * micro_batch["images"] + (1 - share) * fake

        def discriminate(image_batch):
            seen = self._seen(state, image_batch, micro_batch["keys"], MIXED)
            return self.discriminator.logits_apart(d, seen, self._labels(micro_batch))

        norms = losses.gradient_norms(discriminate, between)
        return jnp.square(norms - 1).mean()

    def _descend(
        self, state: State, phase: str, loss: Callable, batch: dict, key: Array
    ) -> tuple[State, Array, dict[str, Array]]:
        """Calls `descend` with a phase's network and optimiser; names norms by it."""
        network, rate = phase[0], None
        if network == "d" and self.options.balance == "d_learning_rate":
            rate = 1 / state.balance.strength
        return descend(
            state,
            network,
            loss,
            batch,
            key,
            adam={"g": self.g_adam, "d": self.d_adam}[network],
            parts=self.parts,
            group=phase,
            freeze=self.options.freeze,
            rate=rate,
        )


def _condition(source: Source) -> tuple[str, int, int]:
    """Returns (column, class of its first name, number of classes) of the labels."""
    if not source.classes:
        return "", 0, 0
    if len(source.classes) > 1:
        raise InputError(
            f"config.data.label names {len(source.classes)} columns, "
            f"{', '.join(source.classes)}, and the method gan learns one: name one"
        )
    ((column, names),) = source.classes.items()
    blanks = int(source.blanks[column] > 0)
    return column, blanks, blanks + len(names)
