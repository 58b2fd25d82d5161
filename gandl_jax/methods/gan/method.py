"""StyleGAN2 as a method: a few phases; its discriminator is the encoder (GAN-DL)."""

import functools
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.errors import InputError
from gandl_jax.methods import diversity, frozen, games, losses
from gandl_jax.methods.augment import augment
from gandl_jax.methods.contract import FIXED
from gandl_jax.methods.gan import adaptive, updates, views, weights
from gandl_jax.methods.gan import (
    state as gan_state,
)
from gandl_jax.methods.gan.networks import (
    BETWEEN,
    FAKE,
    MIXED,
    PATH,
    REAL,
    Networks,
    normal,
)
from gandl_jax.methods.gan.state import AdaptiveState, State
from gandl_jax.methods.optimisers import lazy_adam
from gandl_jax.methods.phase import Phase, sample_keys, substream
from gandl_jax.methods.source import Source
from gandl_jax.methods.updates import descend, parameter_norms
from gandl_jax.models.stylegan2 import stylegan2

STYLE = "style"  # among what D's step says: no metric, but the mean style of its part


class Method:
    """A StyleGAN2 of the config's sizes for a source's channels.

    Args:
      config: of the experiment.
      source: of its training records; records without a label are a class of their
        own, before all others.

    Attributes:
      phases: the parts of a step, in order.
      unit: samples that must stay on one device, in one part of a batch: a deviation
        group, and pairs, of which the path-length phase takes the first.
      checks: whether the generator has collapsed.

    Raises:
      InputError: config.method.freeze names no parameters, or there are several columns
        of labels.
    """

    def __init__(self, config, source: Source):
        self.options, self.weights = config.method, config.embed.weights
        self.batch, self.parts = config.train.batch, config.train.accumulate
        self.column, self.first_class, classes = _condition(source)
        self.networks = Networks(config, len(source.channels), classes)
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
            w_average=jnp.zeros(self.networks.dim),
            path_mean=jnp.zeros(()),
        )
        if self.options.augment != "adaptive":
            return state
        return AdaptiveState(**vars(state), augment=adaptive.start())

    def trained(self, state: State) -> weights.Networks:
        """Returns the networks that another training may start from."""
        return gan_state.networks(state)

    def start(self, state: State, networks: weights.Networks) -> State:
        """A new state whose networks are those of a file or of another training."""
        return gan_state.start(state, networks)

    def _params(self, key: Array) -> dict[str, dict]:
        """{"g": ..., "d": ...} as they start."""
        keys = jax.random.split(key, 3)
        g = self.networks.init_generator(keys[0], keys[1])
        d = self.networks.init_discriminator(keys[2])
        if self.options.views_weight:
            d[views.HEAD] = views.init_head(self.networks, d, keys[2])
        return {"g": g, "d": d}

    def items(self, state: State) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        encoder = {"average": state.d_average, "raw": state.d}
        return {"encoder": encoder, "train": state}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of the discriminator.

        Args:
          encoder: the checkpoint item.
          images: [B, H, W, C] in [-1, 1].

        Returns:
          "first_dense": [B, D]; "last_map": [B, 16 D]; "b<r>": [B, 2 D], mean and
          standard deviation over space of the block that takes r px; "blocks": those
          of all blocks, side by side.
        """
        maps = self.networks.features(encoder[self.weights], images)
        sets = {"first_dense": maps.pop("first_dense")}
        for name, x in maps.items():
            sets[name] = jnp.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
        sets["blocks"] = jnp.concatenate([sets[name] for name in maps], -1)
        sets["last_map"] = x.reshape(x.shape[0], -1)
        return sets

    def samples(self, state: State, keys: Array, labels: Mapping[str, Array]) -> Array:
        """[N, H, W, C] of the averaged generator, one for each of N keys.

        Its styles are truncated towards the mean one.

        Args:
          state: of the training.
          keys: [N].
          labels: {column: [N] int32} where it has classes.
        """
        classes = self._labels({"labels": labels})
        ws = self.networks.styles(state.g_average, keys, classes, mixing=False)
        psi = self.options.truncation_psi
        ws = stylegan2.truncate(ws, state.w_average, psi)
        return self.networks.generate(state.g_average, ws, keys)

    def _fixed_samples(self, state: State, key: Array) -> Array:
        """[FIXED, H, W, C]: the same samples at every look, classes in turn."""
        index, classes = jnp.arange(FIXED), self.networks.classes
        labels = {self.column: index % classes - self.first_class} if classes else {}
        return self.samples(state, sample_keys(key, index), labels)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Discriminator step; updates the mean style and how much is augmented."""
        game = self.options.loss

        def loss(d, part):
            ws = self._styles(state.g, part)
            fake = self.networks.generate(state.g, ws, part["keys"])
            real_logits = self._logits(state, d, part["images"], part, REAL)
            fake_logits = self._logits(state, d, fake, part, FAKE)
            metrics = {"d/real_score": real_logits.mean()}
            metrics["d/fake_score"] = fake_logits.mean()
            metrics["d/real_sign"] = games.real_sign(game, real_logits, fake_logits)
            value = games.d_loss(game, real_logits, fake_logits)
            metrics["d/loss"] = value
            if game == "wgan_gp":
                steepness = self._gradient_penalty(state, d, fake, part)
                metrics["d/gradient_penalty"] = steepness
                value += self.options.gradient_weight * steepness
                metrics["d/drift"] = jnp.square(real_logits).mean()
                value += self.options.drift_weight * metrics["d/drift"]
            if self.options.views_weight:
                contrast, found = views.contrast(
                    self.networks, d, part["images"], part["keys"], self.options
                )
                metrics |= {"d/views_loss": contrast, "d/views_found": found}
                value += self.options.views_weight * contrast
            return value, metrics | {STYLE: ws[:, -1].mean(0)}

        norms = parameter_norms({"d": state.d, "g": state.g})
        state, _, metrics = self._descend(state, "d_main", loss, batch, key)
        mean = metrics.pop(STYLE)
        if self.options.augment == "adaptive":
            metrics["d/augment_prob"] = state.augment.prob
            sign = metrics["d/real_sign"]
            state = updates.adapt(state, sign, self.options, self.batch)
        return updates.average_style(state, mean), norms | metrics

    def d_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Lazy R1, and R2 if asked for, times the interval (StyleGAN2, sec. 3.1).

        Augmentation counts as a part of the discriminator: the gradient is taken with
        respect to the images before it.
        """

        def penalty(d, images, part, stream):
            def discriminate(x):
                return self._logits(state, d, x, part, stream)

            return losses.r1(discriminate, images).mean()

        def weighted(weight, value):
            return weight / 2 * self.options.r1_every_steps * value

        def loss(d, part):
            metrics = {"d/r1": penalty(d, part["images"], part, REAL)}
            value = weighted(self.options.r1_weight, metrics["d/r1"])
            if self.options.r2_weight:
                fake = self._fake(state.g, part)
                metrics["d/r2"] = penalty(d, fake, part, FAKE)
                value += weighted(self.options.r2_weight, metrics["d/r2"])
            return value, metrics

        state, _, metrics = self._descend(state, "d_reg", loss, batch, key)
        return state, metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Generator step; then both moving averages and the count of steps."""
        game = self.options.loss

        def loss(g, part):
            fake_logits = self._logits(state, state.d, self._fake(g, part), part, FAKE)
            real_logits = None
            if game in games.PAIRED:
                real = part["images"]
                real_logits = self._logits(state, state.d, real, part, REAL)
            return games.g_loss(game, fake_logits, real_logits), {}

        state, value, metrics = self._descend(state, "g_main", loss, batch, key)
        state = updates.average(state, self.options, self.batch)
        return state, metrics | {"g/loss": value}

    def g_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Lazy path-length regularisation on every other sample (StyleGAN2, 3.2)."""
        size, channels = self.networks.size, self.networks.channels
        weight = self.options.path_weight * self.options.path_every_steps

        def loss(g, part):
            half = jax.tree.map(lambda x: x[::2], part)
            noise = normal(half["keys"], PATH, (size, size, channels)) / size
            generate = functools.partial(self.networks.generate, g, keys=half["keys"])
            lengths = losses.path_lengths(generate, self._styles(g, half), noise)
            # Of the running mean as it was before this step: one part of the batch
            # knows nothing of the others' lengths. (StyleGAN2's code takes it after,
            # which moves it by a hundredth, path_decay, of the way to this step's.)
            away = jnp.square(lengths - state.path_mean).mean()
            return weight * away, {
                "g/path_length": lengths.mean(),
                "g/path_penalty": away,
            }

        state, _, metrics = self._descend(state, "g_reg", loss, batch, key)
        decay = self.options.path_decay
        mean = (1 - decay) * state.path_mean + decay * metrics["g/path_length"]
        return state.replace(path_mean=mean), metrics | {"g/path_mean": mean}

    def _styles(self, g: dict, part: dict) -> Array:
        """[B, L, Z] of a batch's own keys and labels."""
        labels = self._labels(part)
        return self.networks.styles(g, part["keys"], labels, mixing=True)

    def _fake(self, g: dict, part: dict) -> Array:
        """[B, H, W, C] generated images of a batch's own keys and labels."""
        return self.networks.generate(g, self._styles(g, part), part["keys"])

    def _labels(self, part: dict) -> Array | None:
        """[B] int32 classes of the networks, where a blank is the first one."""
        if not self.networks.classes:
            return None
        return part["labels"][self.column] + self.first_class

    def _logits(
        self, state: State, d: dict, images: Array, part: dict, stream: int
    ) -> Array:
        """[B] logits of `d` for images that it sees augmented."""
        seen = self._seen(state, images, part["keys"], stream)
        return self.networks.logits(d, seen, self._labels(part))

    def _seen(self, state: State, images: Array, keys: Array, stream: int) -> Array:
        """Images as the discriminator sees them, augmented or not."""
        if self.options.augment == "none":
            return images
        adapts = self.options.augment == "adaptive"
        prob = state.augment.prob if adapts else self.options.augment_prob
        keys = substream(keys, stream)
        return augment(images, keys, prob, self.options.augment_kinds)

    def _gradient_penalty(
        self, state: State, d: dict, fake: Array, part: dict
    ) -> Array:
        """Mean (|D'| - 1)^2 somewhere between each real image and a generated one.

        As everywhere, augmentation counts as a part of the discriminator.
        """
        uniform = jax.vmap(jax.random.uniform)(substream(part["keys"], BETWEEN))
        share = uniform.reshape(-1, 1, 1, 1)
        between = share * part["images"] + (1 - share) * fake

        def discriminate(x):
            seen = self._seen(state, x, part["keys"], MIXED)
            return self.networks.logits_apart(d, seen, self._labels(part))

        norms = losses.gradient_norms(discriminate, between)
        return jnp.square(norms - 1).mean()

    def _descend(
        self, state: State, phase: str, loss: Callable, batch: dict, key: Array
    ) -> tuple[State, Array, dict[str, Array]]:
        """`descend`, with the samples' keys of this step and phase.

        Its metrics are those of `loss`, and the norms of gradient and update.
        """
        network = phase[0]
        state, value, metrics, norms = descend(
            state,
            network,
            loss,
            batch | {"keys": sample_keys(key, batch["index"])},
            adam={"g": self.g_adam, "d": self.d_adam}[network],
            parts=self.parts,
            freeze=self.options.freeze,
        )
        return state, value, metrics | {f"{phase}/{n}": x for n, x in norms.items()}


def _condition(source: Source) -> tuple[str, int, int]:
    """(column, class of its first name, number of classes) that both networks take."""
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
