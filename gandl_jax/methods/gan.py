"""StyleGAN2 as a method: four phases; its discriminator is the encoder (GAN-DL)."""

import functools
import math

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods import adaptive, gan_state, gan_views, gan_weights, losses
from gandl_jax.methods.augment import augment
from gandl_jax.methods.gan_networks import FAKE, PATH, REAL, Networks, normal
from gandl_jax.methods.gan_state import AdaptiveState, State
from gandl_jax.methods.phase import Phase, lazy_adam, sample_keys, substream

STYLE_AVERAGE_DECAY = 0.998  # of the running mean of w (StyleGAN2, code)
PICTURES = 16


class Method:
    """A StyleGAN2 of the config's sizes for a dataset's channels.

    Args:
      config: of the experiment.
      dataset: the prepared screen; gives the channels.

    Attributes:
      phases: the parts of a step, in order.
      unit: samples that must stay on one device: a deviation group, and pairs, of
        which the path-length phase takes the first.
    """

    def __init__(self, config, dataset):
        self.options, self.batch = config.method, config.train.batch
        channels = len(config.data.channels or dataset.channels)
        self.networks = Networks(config, channels)
        self.unit = math.lcm(config.model.mbstd_group, 2)
        self.weights = config.embed.weights
        r1_every = self.options.r1_every_steps
        path_every = self.options.path_every_steps
        has_paths = self.options.path_weight > 0
        self.d_adam = lazy_adam(self.options, r1_every)
        self.g_adam = lazy_adam(self.options, path_every if has_paths else math.inf)
        self.phases = (
            Phase("d_main", 1, self.d_main),
            Phase("d_reg", r1_every, self.d_reg),
            Phase("g_main", 1, self.g_main),
            *([Phase("g_reg", path_every, self.g_reg)] if has_paths else []),
        )

    def init(self, key: Array) -> State:
        """A state at step 0; its discriminator is the untrained floor."""
        keys = jax.random.split(key, 3)
        g = self.networks.init_generator(keys[0], keys[1])
        d = self.networks.init_discriminator(keys[2])
        if self.options.views_weight:
            d[gan_views.HEAD] = gan_views.init_head(self.networks, d, keys[2])
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

    def networks(self, state: State) -> gan_weights.Networks:
        """What another training may start from."""
        return gan_state.networks(state)

    def start(self, state: State, networks: gan_weights.Networks) -> State:
        """A new state whose networks are those of a file or of another training."""
        return gan_state.start(state, networks)

    def items(self, state: State) -> dict:
        """What a checkpoint holds: the encoder alone, and everything."""
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

    def pictures(self, state: State, key: Array) -> Array:
        """[16, H, W, C] images of the averaged generator, always of the same z."""
        keys = sample_keys(key, jnp.arange(PICTURES))
        ws = self.networks.styles(state.g_average, keys, mixing=False)
        return self.networks.generate(state.g_average, ws, keys)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Discriminator step; updates the mean style and how much is augmented."""
        keys = sample_keys(key, batch["index"])
        ws = self.networks.styles(state.g, keys, mixing=True)
        fake = lax.stop_gradient(self.networks.generate(state.g, ws, keys))

        def loss(d):
            real_logits = self._logits(state, d, batch["images"], keys, REAL)
            fake_logits = self._logits(state, d, fake, keys, FAKE)
            metrics = {"d/real_score": real_logits.mean()}
            metrics["d/fake_score"] = fake_logits.mean()
            metrics["d/real_sign"] = self._real_sign(real_logits, fake_logits)
            metrics["d/loss"] = value = self._d_loss(real_logits, fake_logits)
            if self.options.views_weight:
                contrast, found = gan_views.contrast(
                    self.networks, d, batch["images"], keys, self.options
                )
                metrics |= {"d/views_loss": contrast, "d/views_found": found}
                value += self.options.views_weight * contrast
            return value, metrics

        state, _, metrics = self._descend(state, "d", loss)
        if self.options.augment == "adaptive":
            metrics["d/augment_prob"] = state.augment.prob
            state = self._adapt(state, metrics["d/real_sign"])
        mean = lax.pmean(ws[:, -1].mean(0), parallel.AXIS)
        decay = STYLE_AVERAGE_DECAY
        state = state.replace(w_average=decay * state.w_average + (1 - decay) * mean)
        return state, metrics

    def d_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Lazy R1, and R2 if asked for, times the interval (StyleGAN2, sec. 3.1).

        Augmentation counts as a part of the discriminator: the gradient is taken with
        respect to the images before it.
        """
        keys = sample_keys(key, batch["index"])

        def penalty(d, images, stream):
            def discriminate(x):
                return self._logits(state, d, x, keys, stream)

            return losses.r1(discriminate, images).mean()

        def weighted(weight, value):
            return weight / 2 * self.options.r1_every_steps * value

        def loss(d):
            metrics = {"d/r1": penalty(d, batch["images"], REAL)}
            value = weighted(self.options.r1_weight, metrics["d/r1"])
            if self.options.r2_weight:
                ws = self.networks.styles(state.g, keys, mixing=True)
                fake = self.networks.generate(state.g, ws, keys)
                metrics["d/r2"] = penalty(d, fake, FAKE)
                value += weighted(self.options.r2_weight, metrics["d/r2"])
            return value, metrics

        state, _, metrics = self._descend(state, "d", loss)
        return state, metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Generator step; then both moving averages and the count of steps."""
        keys = sample_keys(key, batch["index"])

        def loss(g):
            ws = self.networks.styles(g, keys, mixing=True)
            fake = self.networks.generate(g, ws, keys)
            fake_logits = self._logits(state, state.d, fake, keys, FAKE)
            if self.options.loss == "logistic":
                return losses.generator(fake_logits), {}
            real_logits = self._logits(state, state.d, batch["images"], keys, REAL)
            return losses.relativistic(fake_logits, real_logits), {}

        state, value, _ = self._descend(state, "g", loss)
        return self._average(state), {"g/loss": value}

    def g_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Lazy path-length regularisation on every other sample (StyleGAN2, 3.2)."""
        keys = sample_keys(key, batch["index"][::2])
        size, channels = self.networks.size, self.networks.channels
        noise = normal(keys, PATH, (size, size, channels)) / size

        def loss(g):
            ws = self.networks.styles(g, keys, mixing=True)
            generate = functools.partial(self.networks.generate, g, keys=keys)
            lengths = losses.path_lengths(generate, ws, noise)
            # No gradient goes through the running mean (ours; its share is 1 %).
            mean = lax.pmean(lax.stop_gradient(lengths).mean(), parallel.AXIS)
            decay = self.options.path_decay
            mean = (1 - decay) * state.path_mean + decay * mean
            weight = self.options.path_weight * self.options.path_every_steps
            metrics = {"g/path_length": lengths.mean(), "g/path_mean": mean}
            return weight * jnp.square(lengths - mean).mean(), metrics

        state, _, metrics = self._descend(state, "g", loss)
        return state.replace(path_mean=metrics["g/path_mean"]), metrics

    def _logits(
        self, state: State, d: dict, images: Array, keys: Array, stream: int
    ) -> Array:
        """[B] logits of `d` for images that it sees augmented."""
        if self.options.augment != "none":
            adapts = self.options.augment == "adaptive"
            prob = state.augment.prob if adapts else self.options.augment_prob
            keys = substream(keys, stream)
            images = augment(images, keys, prob, self.options.augment_kinds)
        return self.networks.logits(d, images)

    def _d_loss(self, real: Array, fake: Array) -> Array:
        if self.options.loss == "logistic":
            return losses.discriminator(real, fake)
        return losses.relativistic(real, fake)

    def _real_sign(self, real: Array, fake: Array) -> Array:
        """Mean sign of D(x); of D(x) - D(G(z)) where the loss has no other zero."""
        margin = real if self.options.loss == "logistic" else real - fake
        return jnp.sign(margin).mean()

    def _adapt(self, state: AdaptiveState, sign: Array) -> AdaptiveState:
        every = self.options.augment_every_steps
        after = adaptive.follow(
            state.augment,
            sign,
            state.step,
            target=self.options.augment_target,
            every=every,
            move=self.batch * every / self.options.augment_speed_images,
        )
        return state.replace(augment=after)

    def _descend(self, state: State, network: str, loss) -> tuple[State, Array, dict]:
        """One optimiser step of "g" or "d" on `loss(params) -> (value, metrics)`."""
        adam = {"g": self.g_adam, "d": self.d_adam}[network]
        params, optimiser = getattr(state, network), f"{network}_optimiser"
        (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        value, metrics, gradient = lax.pmean((value, metrics, gradient), parallel.AXIS)
        update, moments = adam.update(gradient, getattr(state, optimiser))
        moved = {network: optax.apply_updates(params, update), optimiser: moments}
        return state.replace(**moved), value, metrics

    def _average(self, state: State) -> State:
        """Moving averages whose half-life is ramped up with the images seen."""
        seen = (state.step + 1) * self.batch
        half_life = jnp.minimum(
            self.options.average_halflife_images,
            seen * self.options.average_rampup_frac,
        )
        decay = 0.5 ** (self.batch / half_life)

        def move(average, value):
            return jax.tree.map(lambda a, b: b + (a - b) * decay, average, value)

        return state.replace(
            step=state.step + 1,
            g_average=move(state.g_average, state.g),
            d_average=move(state.d_average, state.d),
        )
