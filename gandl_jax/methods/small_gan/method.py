"""DCGAN as a method, in CytoGAN's games, with its discriminator as the encoder.

With `config.method.auxiliary_weight` it generates by class (AC-GAN, Odena et al. 2017).
"""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods import diversity, ema, games, losses
from gandl_jax.methods.contract import FIXED, Source
from gandl_jax.methods.optimisers import adam
from gandl_jax.methods.phase import Phase, sample_keys, substream
from gandl_jax.methods.small_gan import auxiliary
from gandl_jax.methods.small_gan import state as small_state
from gandl_jax.methods.small_gan.options import normalisation
from gandl_jax.methods.small_gan.state import Networks, State
from gandl_jax.methods.updates import descend, parameter_norms
from gandl_jax.models import dcgan, small_cnn

LATENT, BETWEEN, CLASS = range(3)  # streams of random numbers
STATISTICS = "batch_stats"  # Flax's name


class Method:
    """A DCGAN of the config's sizes for a source's channels.

    Args:
      config: of the experiment.
      source: gives the channels, and the classes of the auxiliary classifier.

    Attributes:
      phases, unit: as in `contract.Required`.
      checks: whether the generator has collapsed.

    Raises:
      InputError: classes of several columns are to be learnt.
    """

    unit = 1  # batch statistics are those of all devices

    def __init__(self, config, source: Source):
        self._config, self._options, model = config, config.method, config.model
        self._side, self._channels = configs.network_px(config), len(source.channels)
        self._auxiliary = auxiliary.make_auxiliary(
            source, config.method.auxiliary_weight
        )
        sizes = {
            "widths": small_cnn.widths(model.width, model.width_max, model.blocks),
            "axis": parallel.AXIS,
            "dtype": parallel.compute_dtype(model.dtype),
        }
        self._d = dcgan.Discriminator(
            penultimate=model.penultimate_dim,
            normalisation=normalisation(config),
            classes=self._auxiliary.classes,
            **sizes,
        )
        self._g = dcgan.Generator(
            self._channels, self._side, doubling=model.doubling, **sizes
        )
        self._adam = adam(config.method)
        self.checks = (diversity.check(self._fixed_samples, config.method),)
        self.phases = (
            Phase("d_main", 1, self.d_main),
            Phase("g_main", config.method.d_steps_per_g_step, self.g_main),
        )

    def init(self, key: Array) -> State:
        """Makes the state at step 0; its discriminator is the untrained floor."""
        g_key, d_key = jax.random.split(key)
        width = self._config.model.latent_dim + self._auxiliary.classes
        z = jnp.zeros((1, width))
        images = jnp.zeros((1, self._side, self._side, self._channels))
        g = self._g.init(g_key, z, train=True)
        d = self._d.init(d_key, images, train=True)
        return small_state.new(
            g["params"],
            d["params"],
            g.get(STATISTICS, {}),
            d.get(STATISTICS, {}),
            self._adam,
        )

    def items(self, state: State) -> dict:
        """Returns a checkpoint's items: the encoder alone, and the whole state."""
        encoder = {"average": state.d_average, "raw": state.d}
        if state.d_statistics:
            encoder["statistics"] = {
                "average": state.d_statistics_average,
                "raw": state.d_statistics,
            }
        return {"encoder": encoder, "train": state}

    def embed(self, encoder: dict, images: Array) -> dict[str, Array]:
        """Feature sets of images [B, N, N, C] in [-1, 1], with fixed statistics.

        Returns:
          "penultimate": [B, D], the dense layer before the score; "b<r>": [B, 2 W],
          mean and standard deviation over space of the block that takes r px;
          "blocks": those of all, side by side.
        """
        weights = self._config.embed.weights
        statistics = encoder.get("statistics", {}).get(weights, {})
        variables = {"params": encoder[weights], STATISTICS: statistics}
        maps = self._d.apply(variables, images, train=False)
        maps = {
            name: array
            for name, array in maps.items()
            if name not in ("score", dcgan.CLASSES)
        }
        return {"penultimate": maps.pop("penultimate")} | small_cnn.pooled(maps)

    def samples(self, state: State, keys: Array, labels: Mapping[str, Array]) -> Array:
        """Generates images [N, H, W, C] by the averaged generator, one per key.

        Args:
          state: of the training.
          keys: [N].
          labels: {column: [N] int32} if classes are learnt.
        """
        variables = {"params": state.g_average, STATISTICS: state.g_statistics_average}
        codes = labels[self._auxiliary.column] if self._auxiliary.classes else None
        z = self._auxiliary.with_classes(self._latents(keys), codes)
        return self._g.apply(variables, z, train=False)

    def d_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes D's step; counts the step and moves D's averages."""
        game = self._options.loss

        def loss(d, micro_batch):
            codes = self._drawn_classes(micro_batch["keys"])
            fake, _ = self._generate(state, state.g, micro_batch["keys"], codes)
            real_outputs, statistics = self._judge(state, d, micro_batch["images"])
            fake_outputs, _ = self._judge(state, d, fake)
            real_scores, fake_scores = real_outputs["score"], fake_outputs["score"]
            value = games.d_loss(game, real_scores, fake_scores)
            metrics = {
                "d/loss": value,
                "d/real_score": real_scores.mean(),
                "d/fake_score": fake_scores.mean(),
                "d/real_sign": games.real_sign(game, real_scores, fake_scores),
            }
            if game == "wgan_gp":
                penalty = self._gradient_penalty(state, d, fake, micro_batch)
                metrics["d/gradient_penalty"] = penalty
                value += self._options.gradient_weight * penalty
            if self._auxiliary.classes:
                known = micro_batch["labels"][self._auxiliary.column]
                class_metrics = self._auxiliary.d_metrics(
                    real_outputs, known, fake_outputs, codes
                )
                value += self._auxiliary.weight * class_metrics["d/class_loss"]
                metrics |= class_metrics
            return value, metrics | {STATISTICS: statistics}

        norms = parameter_norms({"d": state.d, "g": state.g})
        state, metrics = self._descend(state, "d", loss, batch, key)
        state = self._average(state, "d", state.step, every=1)
        return state.replace(step=state.step + 1), norms | metrics

    def g_main(self, state: State, batch: dict, key: Array) -> tuple[State, dict]:
        """Makes G's step and moves its averages; D's statistics stay unchanged.

        It comes after D's step, which has counted the step.
        """

        def loss(g, micro_batch):
            codes = self._drawn_classes(micro_batch["keys"])
            fake, statistics = self._generate(state, g, micro_batch["keys"], codes)
            outputs, _ = self._judge(state, state.d, fake)
            value = games.g_loss(self._options.loss, outputs["score"], None)
            metrics = {"g/loss": value, STATISTICS: statistics}
            if self._auxiliary.classes:
                class_metrics = self._auxiliary.g_metrics(outputs, codes)
                value += self._auxiliary.weight * class_metrics["g/class_loss"]
                metrics |= class_metrics
            return value, metrics

        state, metrics = self._descend(state, "g", loss, batch, key)
        every = self._options.d_steps_per_g_step
        return self._average(state, "g", (state.step - 1) // every, every), metrics

    def trained(self, state: State) -> Networks:
        """Returns the networks that another training may start from."""
        return small_state.networks(state)

    def start(self, state: State, networks: Networks) -> State:
        """Returns a new state with another training's networks."""
        return small_state.start(state, networks)

    def _fixed_samples(self, state: State, key: Array) -> Array:
        """Generates the same samples at every look, [FIXED, H, W, C]."""
        index = jnp.arange(FIXED)
        labels = self._auxiliary.in_turn(index)
        return self.samples(state, sample_keys(key, index), labels)

    def _latents(self, keys: Array) -> Array:
        """Draws latents [B, Z], uniform in [-1, 1], by each sample's key."""
        shape = (self._config.model.latent_dim,)
        draw = functools.partial(jax.random.uniform, shape=shape, minval=-1.0)
        return jax.vmap(draw)(substream(keys, LATENT))

    def _drawn_classes(self, keys: Array) -> Array | None:
        """Draws classes uniformly, [B] int32; None if none is learnt."""
        if not self._auxiliary.classes:
            return None
        draw = functools.partial(
            jax.random.randint, shape=(), minval=0, maxval=self._auxiliary.classes
        )
        return jax.vmap(draw)(substream(keys, CLASS))

    def _generate(
        self, state: State, g: dict, keys: Array, codes: Array | None
    ) -> tuple[Array, dict]:
        """Generates images [B, H, W, C] by batch statistics; returns moved ones too."""
        variables = {"params": g, STATISTICS: state.g_statistics}
        z = self._auxiliary.with_classes(self._latents(keys), codes)
        images, moved = self._g.apply(variables, z, train=True, mutable=[STATISTICS])
        return images, moved[STATISTICS]

    def _judge(self, state: State, d: dict, images: Array) -> tuple[dict, dict]:
        """Applies D to images with their statistics; returns the moved ones too.

        Real and generated images are judged separately, each with their own statistics.
        """
        variables = {"params": d, STATISTICS: state.d_statistics}
        maps, moved = self._d.apply(variables, images, train=True, mutable=[STATISTICS])
        return maps, moved.get(STATISTICS, {})

    def _gradient_penalty(
        self, state: State, d: dict, fake: Array, micro_batch: dict
    ) -> Array:
        """Averages (|D'| - 1)^2 at random points between real and generated images."""
        uniform = jax.vmap(jax.random.uniform)(substream(micro_batch["keys"], BETWEEN))
        share = uniform.reshape(-1, 1, 1, 1)
        between = share * micro_batch["images"] + (1 - share) * fake
        norms = losses.gradient_norms(
            lambda image_batch: self._judge(state, d, image_batch)[0]["score"], between
        )
        return jnp.square(norms - 1).mean()

    def _descend(
        self, state: State, network: str, loss: Callable, batch: dict, key: Array
    ) -> tuple[State, dict[str, Array]]:
        """Calls `descend`; moves the statistics too."""
        state, _, metrics = descend(
            state,
            network,
            loss,
            batch,
            key,
            adam=self._adam,
            parts=self._config.train.accumulate,
        )
        moved = metrics.pop(STATISTICS)
        return state.replace(**{f"{network}_statistics": moved}), metrics

    def _average(self, state: State, network: str, step: Array, every: int) -> State:
        """Moves a network's averages after its own step `step`, counted from 0."""
        kept = ema.decay(
            step,
            self._config.train.batch * every,
            halflife_images=self._options.average_halflife_images,
            rampup_frac=self._options.average_rampup_frac,
        )
        moved = {
            f"{name}_average": ema.move_towards(
                getattr(state, f"{name}_average"), getattr(state, name), kept
            )
            for name in (network, f"{network}_statistics")
        }
        return state.replace(**moved)
