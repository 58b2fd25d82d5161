"""A projected GAN as a method (Sauer et al. 2021, arXiv 2111.01007).

Discriminators see real and generated images through a frozen network: its maps of four
depths are mixed by fixed random convolutions, and a small discriminator judges each.
The encoder is those discriminators. The generator is StyleGAN2's, without mixed styles,
path lengths and truncation, with a tanh at its end (ours; the paper's is FastGAN's).
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods import diversity, ema
from gandl_jax.methods.augment import augment
from gandl_jax.methods.contract import FIXED, Source
from gandl_jax.methods.map_pooling import means_and_deviations
from gandl_jax.methods.optimisers import adam
from gandl_jax.methods.phase import Phase, sample_keys, substream
from gandl_jax.methods.projected_gan import hinge
from gandl_jax.methods.projected_gan import state as projected_state
from gandl_jax.methods.projected_gan.features import FeatureNetwork
from gandl_jax.methods.projected_gan.state import Networks, State
from gandl_jax.methods.style_generator import STREAMS, Generator
from gandl_jax.methods.updates import descend, parameter_norms
from gandl_jax.models import projected, spectral_norm
from gandl_jax.models.side_by_side_features import takes_rows
from gandl_jax.models.stylegan2 import image_channels

REAL, FAKE = STREAMS, STREAMS + 1  # streams of random numbers
PROJECTED = "projected"  # name of the set that training leaves as it is


class Method:
    """A generator, a frozen network and discriminators of the config's sizes.

    Args:
      config: of the experiment.
      source: gives the channels.

    Attributes:
      phases, unit: as in `contract.Required`.
      checks: whether the generator has collapsed.
    """

    unit = 1

    def __init__(self, config, source: Source):
        self._config, self._options, model = config, config.method, config.model
        self._side, self._channels = configs.network_px(config), len(source.channels)
        dtype = parallel.compute_dtype(model.dtype)
        self._features = FeatureNetwork(config, self._channels)
        self._projection = projected.Projection(
            model.projected_dim, model.projected_max, dtype
        )
        self._d = projected.Discriminators(model.projected_max, dtype)
        self._generator = Generator(config, self._channels)
        options = self._options
        self._adam = {
            "d": adam(options),
            "g": optax.adam(
                options.g_learning_rate, b1=options.beta1, b2=options.beta2, eps=1e-8
            ),
        }
        self.checks = (diversity.check(self._fixed_samples, options),)
        self.phases = (
            Phase("d_main", 1, self.d_main),
            Phase("g_main", 1, self.g_main),
        )

    def init(self, key: Array) -> State:
        """Makes the state at step 0; its encoder is the untrained floor."""
        keys = jax.random.split(key, 5)
        features = self._features.init(keys[0])
        g = self._generator.init(*jax.random.split(keys[1]))
        images = jnp.zeros((1, self._side, self._side, self._channels))
        shapes = jax.eval_shape(self._features.maps, features, images)
        maps = {name: jnp.zeros(like.shape) for name, like in shapes.items()}
        maps, projection = self._projection.init_with_output(keys[2], maps)
        d = self._d.init(keys[3], maps)["params"]
        vectors = spectral_norm.start(d, keys[4])
        return State(
            step=jnp.zeros((), jnp.int32),
            g=g,
            d=d,
            g_optimiser=self._adam["g"].init(g),
            d_optimiser=self._adam["d"].init(d),
            g_average=_copy(g),
            d_average=_copy(d),
            vectors=vectors,
            vectors_average=_copy(vectors),
            features=features,
            projection=projection["params"],
        )

    def items(self, state: State) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        encoder = {
            "average": state.d_average,
            "raw": state.d,
            "vectors": {"average": state.vectors_average, "raw": state.vectors},
            "features": state.features,
            "projection": state.projection,
        }
        return {"encoder": encoder, "train": state}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1].

        Returns:
          "b<r>": [B, 2 W], mean and standard deviation over space of the last layer
          before the logits of the discriminator that takes maps of r px; [B, W], its
          values, if it has one pixel. "blocks": those of all discriminators, joined.
          "projected": [B, D], mean and deviation of all maps that they take, joined;
          training leaves it as it is.
        """
        weights = self._config.embed.weights
        maps = self._project(encoder["features"], encoder["projection"], images)
        layers, _ = self._discriminate(
            encoder[weights], encoder["vectors"][weights], maps
        )
        sets = {name: _pooled(layer) for name, layer in layers.items()}
        fixed = [_pooled(x.astype(jnp.float32)) for x in maps.values()]
        return sets | {
            "blocks": jnp.concatenate([*sets.values()], -1),
            PROJECTED: jnp.concatenate(fixed, -1),
        }

    def samples(self, state: State, keys: Array, labels: Mapping[str, Array]) -> Array:
        """Generates images [N, H, W, C] by the averaged generator, one per key."""
        del labels  # none are learnt
        return self._generate(state.g_average, keys)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes the discriminators' step, on the sum of their losses."""
        vectors = spectral_norm.turned(state.d, state.vectors)

        def loss(d, micro_batch):
            keys, real = micro_batch["keys"], micro_batch["images"]
            images = jnp.concatenate([real, self._generate(state.g, keys)])
            keys = jnp.concatenate([substream(keys, REAL), substream(keys, FAKE)])
            logits = self._logits(state, d, vectors, images, keys)
            halves = {name: jnp.split(x, 2) for name, x in logits.items()}
            real, fake = ({name: x[i] for name, x in halves.items()} for i in (0, 1))
            value, real_score = hinge.d_loss(real, fake), hinge.scores(real)
            return value, {
                "d/loss": value,
                "d/real_score": real_score.mean(),
                "d/fake_score": hinge.scores(fake).mean(),
                "d/real_sign": jnp.sign(real_score).mean(),
            }

        norms = parameter_norms({"d": state.d, "g": state.g})
        state, metrics = self._descend(state, "d", loss, batch, key)
        return state.replace(vectors=vectors), norms | metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes G's step; then moves both averages and counts the step."""

        def loss(g, micro_batch):
            keys = micro_batch["keys"]
            images, seen_keys = self._generate(g, keys), substream(keys, FAKE)
            logits = self._logits(state, state.d, state.vectors, images, seen_keys)
            value = hinge.g_loss(logits)
            return value, {"g/loss": value}

        state, metrics = self._descend(state, "g", loss, batch, key)
        return self._average(state), metrics

    def published(self) -> Networks:
        """Reads the frozen network of `config.model.weights`; files hold no other."""
        return Networks({"features": self._features.published()})

    def trained(self, state: State) -> Networks:
        """Returns the networks that another training may start from."""
        return projected_state.networks(state, self._with_channels)

    def start(self, state: State, networks: Networks) -> State:
        """Returns a new state with published or another training's networks."""
        return projected_state.start(state, networks)

    def _with_channels(self, fields: dict, sources: Sequence[int | None]) -> dict:
        """Returns the fields of `Networks` for images of other channels."""
        changed = {
            name: fields[name]
            | {
                "synthesis": image_channels.synthesis(
                    fields[name]["synthesis"], sources
                )
            }
            for name in ("g", "g_average")
        }
        changed["features"] = self._features.with_channels(fields["features"], sources)
        if self._features.is_apart:
            changed["projection"] = _with_channels(
                fields["projection"], sources, self._channels
            )
        return fields | changed

    def _fixed_samples(self, state: State, key: Array) -> Array:
        """Generates the same samples at every look, [FIXED, H, W, C]."""
        return self.samples(state, sample_keys(key, jnp.arange(FIXED)), {})

    def _generate(self, g: dict, keys: Array) -> Array:
        """Generates images [B, H, W, C] in [-1, 1], by each sample's key.

        They are bounded by tanh (as DCGAN's), for the frozen network knows no others.
        """
        ws = self._generator.styles(g, keys)
        return jnp.tanh(self._generator.generate(g, ws, keys))

    def _logits(
        self, state: State, d: dict, vectors: dict, images: Array, keys: Array
    ) -> dict[str, Array]:
        """Returns the logits {discriminator: [B, s, s]} of images, augmented by keys.

        Augmentation and frozen network count as a part of the discriminators.
        """
        if prob := self._options.augment_prob:
            images = augment(images, keys, prob, self._options.augment_kinds)
        maps = self._project(state.features, state.projection, images)
        return self._discriminate(d, vectors, maps)[1]

    def _project(self, features: dict, projection: dict, images: Array) -> dict:
        """Returns the projected maps {name: [B, S, S, D]}."""
        maps = self._features.maps(features, images)
        return self._projection.apply({"params": projection}, maps)

    def _discriminate(self, d: dict, vectors: dict, maps: dict) -> tuple[dict, dict]:
        """Applies the discriminators, with kernels of spectral norm 1."""
        return self._d.apply({"params": spectral_norm.normalised(d, vectors)}, maps)

    def _descend(
        self, state: State, network: str, loss: Callable, batch: dict, key: Array
    ) -> tuple[State, dict[str, Array]]:
        """Calls `descend` with a network's optimiser."""
        adam, parts = self._adam[network], self._config.train.accumulate
        state, _, metrics = descend(
            state, network, loss, batch, key, adam=adam, parts=parts
        )
        return state, metrics

    def _average(self, state: State) -> State:
        """Moves both averages, and turns the vectors of the discriminators'."""
        kept = ema.decay(
            state.step,
            self._config.train.batch,
            halflife_images=self._options.average_halflife_images,
            rampup_frac=self._options.average_rampup_frac,
        )
        d_average = ema.move_towards(state.d_average, state.d, kept)
        return state.replace(
            step=state.step + 1,
            g_average=ema.move_towards(state.g_average, state.g, kept),
            d_average=d_average,
            vectors_average=spectral_norm.turned(d_average, state.vectors_average),
        )


def _pooled(x: Array) -> Array:
    """Pools [B, S, S, D] to means and deviations, or to a single pixel's values."""
    return means_and_deviations(x) if x.shape[1] > 1 else x[:, 0, 0]


def _copy(tree: dict) -> dict:
    return jax.tree.map(jnp.copy, tree)


def _with_channels(
    projection: dict, sources: Sequence[int | None], channels: int
) -> dict:
    """Returns a projection of maps of other channels, side by side.

    Args:
      projection: its parameters.
      sources: the old channel for each new one; None for the mean of all.
      channels: number of the old ones.
    """
    changed = {}
    for name, layer in projection.items():
        if name.endswith(projected.ACROSS_CHANNELS):
            kernel = layer["kernel"][0, 0]
            kernel = takes_rows(kernel, sources, len(kernel) // channels)
            changed[name] = {"kernel": kernel.reshape(1, 1, *kernel.shape)}
    return projection | changed
