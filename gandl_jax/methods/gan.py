"""StyleGAN2 as a method: four phases; its discriminator is the encoder (GAN-DL)."""

import functools
import math

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods import adaptive, gan_state, losses
from gandl_jax.methods.augment import augment
from gandl_jax.methods.gan_state import AdaptiveState, State
from gandl_jax.methods.gan_weights import Networks
from gandl_jax.methods.phase import Phase, lazy_adam, sample_keys, substream
from gandl_jax.models import stylegan2
from gandl_jax.models.projection import Projection

STYLE_AVERAGE_DECAY = 0.998  # of the running mean of w (StyleGAN2, code)
PICTURES = 16
# Streams of random numbers.
LATENT, SECOND_LATENT, CROSSOVER, NOISE, PATH, REAL, FAKE, VIEWS = range(8)
VIEWS_HEAD = "views_head"  # beside the discriminator's own parameters


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
        model = config.model
        self.channels = len(config.data.channels or dataset.channels)
        sizes = {
            "size": config.data.crop_px,
            "base": model.channel_base,
            "widest": model.channel_max,
            "dtype": parallel.compute_dtype(model.dtype),
        }
        self.options, self.batch = config.method, config.train.batch
        self.size, self.dim = sizes["size"], model.latent_dim
        self.unit = math.lcm(model.mbstd_group, 2)
        self.mapping = stylegan2.Mapping(model.mapping_layers, self.dim)
        self.synthesis = stylegan2.Synthesis(channels=self.channels, **sizes)
        self.discriminator = stylegan2.Discriminator(group=model.mbstd_group, **sizes)
        self.views_head = Projection()
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
        z = jnp.zeros((1, self.dim))
        ws = jnp.zeros((1, stylegan2.style_layers(self.size), self.dim))
        images = jnp.zeros((self.unit, self.size, self.size, self.channels))
        g = {
            "mapping": self.mapping.init(keys[0], z)["params"],
            "synthesis": self.synthesis.init(keys[1], ws, None)["params"],
        }
        d = self.discriminator.init(keys[2], images)["params"]
        if self.options.views_weight:
            key = jax.random.fold_in(keys[2], VIEWS)
            features = self._pooled(d, images)
            d[VIEWS_HEAD] = self.views_head.init(key, features)["params"]
        state = State(
            step=jnp.zeros((), jnp.int32),
            g=g,
            d=d,
            g_optimiser=self.g_adam.init(g),
            d_optimiser=self.d_adam.init(d),
            g_average=jax.tree.map(jnp.copy, g),
            d_average=jax.tree.map(jnp.copy, d),
            w_average=jnp.zeros(self.dim),
            path_mean=jnp.zeros(()),
        )
        if self.options.augment != "adaptive":
            return state
        return AdaptiveState(**vars(state), augment=adaptive.start())

    def networks(self, state: State) -> Networks:
        """What another training may start from."""
        return gan_state.networks(state)

    def start(self, state: State, networks: Networks) -> State:
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
        variables = {"params": encoder[self.weights]}
        maps = self.discriminator.apply(variables, images, method="features")
        sets = {"first_dense": maps.pop("first_dense")}
        for name, x in maps.items():
            sets[name] = jnp.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
        sets["blocks"] = jnp.concatenate([sets[name] for name in maps], -1)
        sets["last_map"] = x.reshape(x.shape[0], -1)
        return sets

    def pictures(self, state: State, key: Array) -> Array:
        """[16, H, W, C] images of the averaged generator, always of the same z."""
        keys = sample_keys(key, jnp.arange(PICTURES))
        ws = self._styles(state.g_average, keys, mixing=False)
        return self._generate(state.g_average, ws, keys)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Discriminator step; updates the mean style and how much is augmented."""
        keys = sample_keys(key, batch["index"])
        ws = self._styles(state.g, keys, mixing=True)
        fake = lax.stop_gradient(self._generate(state.g, ws, keys))

        def loss(d):
            real_logits = self._logits(state, d, batch["images"], keys, REAL)
            fake_logits = self._logits(state, d, fake, keys, FAKE)
            metrics = {"d/real_score": real_logits.mean()}
            metrics["d/fake_score"] = fake_logits.mean()
            metrics["d/real_sign"] = self._real_sign(real_logits, fake_logits)
            metrics["d/loss"] = value = self._d_loss(real_logits, fake_logits)
            if self.options.views_weight:
                contrast, found = self._contrast(d, batch["images"], keys)
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
                ws = self._styles(state.g, keys, mixing=True)
                fake = self._generate(state.g, ws, keys)
                metrics["d/r2"] = penalty(d, fake, FAKE)
                value += weighted(self.options.r2_weight, metrics["d/r2"])
            return value, metrics

        state, _, metrics = self._descend(state, "d", loss)
        return state, metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Generator step; then both moving averages and the count of steps."""
        keys = sample_keys(key, batch["index"])

        def loss(g):
            ws = self._styles(g, keys, mixing=True)
            fake = self._generate(g, ws, keys)
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
        shape = (self.size, self.size, self.channels)
        noise = _normal(keys, PATH, shape) / self.size

        def loss(g):
            ws = self._styles(g, keys, mixing=True)
            generate = functools.partial(self._generate, g, keys=keys)
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
        return self.discriminator.apply({"params": d}, images)

    def _contrast(self, d: dict, images: Array, keys: Array) -> tuple[Array, Array]:
        """How well the last block tells two views of each image from all others.

        The views of all devices are compared: the loss is the global batch's.
        """

        def view(number: int) -> Array:
            drawn = substream(substream(keys, VIEWS), number)
            kinds = self.options.augment_kinds
            return augment(images, drawn, self.options.views_prob, kinds)

        both = jnp.concatenate([view(0), view(1)])
        projected = self.views_head.apply(
            {"params": d[VIEWS_HEAD]}, self._pooled(d, both)
        )
        views = jnp.stack(jnp.split(projected, 2), 1)
        everyone = lax.all_gather(views, parallel.AXIS, tiled=True)
        first = lax.axis_index(parallel.AXIS) * len(views)
        place = first + jnp.arange(len(views))
        return losses.contrast(views, everyone, place, self.options.views_temperature)

    def _pooled(self, d: dict, images: Array) -> Array:
        """[B, 2 D]: means and deviations of the deepest block's map."""
        maps = self.discriminator.apply({"params": d}, images, method="features")
        deviations = jnp.sqrt(maps["b8"].var((1, 2)) + 1e-6)  # flat maps have a slope
        return jnp.concatenate([maps["b8"].mean((1, 2)), deviations], -1)

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

    def _styles(self, g: dict, keys: Array, *, mixing: bool) -> Array:
        """[B, L, Z]: one latent a sample, often a second one from some layer on."""
        layers = stylegan2.style_layers(self.size)
        apply = functools.partial(self.mapping.apply, {"params": g["mapping"]})
        first = apply(_normal(keys, LATENT, (self.dim,)))
        ws = jnp.repeat(first[:, None], layers, 1)
        if not mixing:
            return ws
        second = apply(_normal(keys, SECOND_LATENT, (self.dim,)))
        crossover = functools.partial(
            _crossover, prob=self.options.style_mixing_prob, layers=layers
        )
        cut = jax.vmap(crossover)(substream(keys, CROSSOVER))
        later = jnp.arange(layers).reshape(1, -1) >= cut[:, None]
        return jnp.where(later[:, :, None], second[:, None], ws)

    def _generate(self, g: dict, ws: Array, keys: Array) -> Array:
        noise = stylegan2.draw_noise(substream(keys, NOISE), self.size)
        return self.synthesis.apply({"params": g["synthesis"]}, ws, noise)

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


def _normal(keys: Array, stream: int, shape: tuple[int, ...]) -> Array:
    """[B, *shape] float32 standard normal."""
    draw = functools.partial(jax.random.normal, shape=shape)
    return jax.vmap(draw)(substream(keys, stream))


def _crossover(key: Array, prob: float, layers: int) -> Array:
    """First layer of the second latent: uniform in 1 ... L-1, or L for never."""
    chance, place = jax.random.split(key)
    cut = jax.random.randint(place, (), 1, layers)
    return jnp.where(jax.random.bernoulli(chance, prob), cut, layers)
