"""StyleGAN2 as a method: four phases; its discriminator is the encoder (GAN-DL)."""

import functools
import math

import flax
import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods import losses
from gandl_jax.methods.phase import Phase, sample_keys, substream
from gandl_jax.models import stylegan2

STYLE_AVERAGE_DECAY = 0.998  # of the running mean of w (StyleGAN2, code)
PICTURES = 16
LATENT, SECOND_LATENT, CROSSOVER, NOISE, PATH = range(5)  # streams of random numbers


@flax.struct.dataclass
class State:
    """Everything that training changes.

    Attributes:
      step: scalar int32, steps completed.
      g, d: parameters of generator and discriminator.
      g_optimiser, d_optimiser: Adam's moments.
      g_average, d_average: moving averages of the parameters.
      w_average: [Z] running mean of the styles, for truncation.
      path_mean: scalar, running mean of the path lengths.
    """

    step: Array
    g: dict
    d: dict
    g_optimiser: optax.OptState
    d_optimiser: optax.OptState
    g_average: dict
    d_average: dict
    w_average: Array
    path_mean: Array


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
        self.weights = config.embed.weights
        r1_every = self.options.r1_every_steps
        path_every = self.options.path_every_steps
        self.d_adam = _lazy_adam(self.options, r1_every)
        self.g_adam = _lazy_adam(self.options, path_every)
        self.phases = (
            Phase("d_main", 1, self.d_main),
            Phase("d_reg", r1_every, self.d_reg),
            Phase("g_main", 1, self.g_main),
            Phase("g_reg", path_every, self.g_reg),
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
        return State(
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
          standard deviation over space of the block that takes r px.
        """
        variables = {"params": encoder[self.weights]}
        maps = self.discriminator.apply(variables, images, method="features")
        sets = {"first_dense": maps.pop("first_dense")}
        for name, x in maps.items():
            sets[name] = jnp.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
        sets["last_map"] = x.reshape(x.shape[0], -1)
        return sets

    def pictures(self, state: State, key: Array) -> Array:
        """[16, H, W, C] images of the averaged generator, always of the same z."""
        keys = sample_keys(key, jnp.arange(PICTURES))
        ws = self._styles(state.g_average, keys, mixing=False)
        return self._generate(state.g_average, ws, keys)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Discriminator step on the logistic loss; updates the mean style."""
        keys = sample_keys(key, batch["index"])
        ws = self._styles(state.g, keys, mixing=True)
        fake = lax.stop_gradient(self._generate(state.g, ws, keys))

        def loss(d):
            real_logits = self._logits(d, batch["images"])
            fake_logits = self._logits(d, fake)
            metrics = {"d/real_score": real_logits.mean()}
            metrics["d/fake_score"] = fake_logits.mean()
            return losses.discriminator(real_logits, fake_logits), metrics

        state, value, metrics = self._descend(state, "d", loss)
        mean = lax.pmean(ws[:, -1].mean(0), parallel.AXIS)
        decay = STYLE_AVERAGE_DECAY
        state = state.replace(w_average=decay * state.w_average + (1 - decay) * mean)
        return state, {"d/loss": value, **metrics}

    def d_reg(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Lazy R1: its gradient times the interval (StyleGAN2, sec. 3.1)."""
        del key

        def loss(d):
            discriminate = functools.partial(self._logits, d)
            penalty = losses.r1(discriminate, batch["images"]).mean()
            weight = self.options.r1_weight / 2 * self.options.r1_every_steps
            return weight * penalty, {"d/r1": penalty}

        state, _, metrics = self._descend(state, "d", loss)
        return state, metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Generator step; then both moving averages and the count of steps."""
        keys = sample_keys(key, batch["index"])

        def loss(g):
            ws = self._styles(g, keys, mixing=True)
            fake = self._generate(g, ws, keys)
            return losses.generator(self._logits(state.d, fake)), {}

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

    def _logits(self, d: dict, images: Array) -> Array:
        return self.discriminator.apply({"params": d}, images)

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


def _lazy_adam(options, every: int) -> optax.GradientTransformation:
    """Adam for a network that takes one more, regularising, step every so many.

    With c = k / (k + 1): learning rate times c, betas to the power of c (StyleGAN2,
    app. B).
    """
    c = every / (every + 1)
    return optax.adam(
        options.learning_rate * c, b1=options.beta1**c, b2=options.beta2**c, eps=1e-8
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
