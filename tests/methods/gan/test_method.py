"""The method's phases: devices, the optimisers' correction, the averages."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.methods import style_generator
from gandl_jax.methods.gan import method as gan
from gandl_jax.methods.gan import streams, updates
from gandl_jax.methods.source import Source
from gandl_jax.training import loop

BATCH = 16


@pytest.fixture(scope="module")
def config():
    config = configs.default()
    config.data.crop_px = 8
    config.model.update(
        channel_base=64, channel_max=8, latent_dim=8, mapping_layers=2, mbstd_group=2
    )
    config.method.update(r1_every_steps=4, path_every_steps=2)
    config.train.batch = BATCH
    return config


@pytest.fixture(scope="module")
def method(config):
    return gan.Method(config, Source(("a", "b", "c")))


def batch_of(step):
    rng = np.random.default_rng(step)
    images = rng.uniform(-1, 1, (BATCH, 8, 8, 3)).astype(np.float32)
    return {"images": images, "index": np.arange(BATCH, dtype=np.int32)}


def after(config, method, steps, devices):
    advance = loop.make_step(config, method, jax.devices()[:devices])
    state = method.init(jax.random.key(0))
    for step in range(steps):
        state, metrics = advance(state, batch_of(step), step)
    return state, metrics


def distance(a, b):
    return float(optax.tree.norm(jax.tree.map(np.subtract, a, b)))


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 8])
def test_1_and_more_devices_agree_after_10_steps(config, method, devices):
    start = method.init(jax.random.key(0))
    one, _ = after(config, method, 10, 1)
    parts = {
        "d": lambda s: s.d,
        "mapping": lambda s: s.g["mapping"],
        "synthesis": lambda s: s.g["synthesis"],
        "average": lambda s: s.d_average,
        "style": lambda s: s.w_average,
        "path": lambda s: s.path_mean,
    }
    many, _ = after(config, method, 10, devices)
    for name, part in parts.items():
        error = distance(part(one), part(many))
        assert error < 1e-5 * float(optax.tree.norm(part(one))), name
        # It is the training that agrees, not the start.
        assert error < 1e-2 * distance(part(one), part(start)), name


def test_averages_have_the_half_life_that_the_images_seen_allow(config, method):
    state = method.init(jax.random.key(0))
    state = state.replace(d=jax.tree.map(lambda p: p + 1.0, state.d))
    moved = updates.average(state, config.method, BATCH)
    half_life = min(10_000, BATCH * 0.05)
    expected = 1 - 0.5 ** (BATCH / half_life)
    before, after_ = state.d_average["logit"]["bias"], moved.d_average["logit"]["bias"]
    np.testing.assert_allclose(after_ - before, expected, rtol=1e-5)
    assert int(moved.step) == 1


def test_without_a_weight_there_is_no_path_phase_and_no_corrected_adam(config):
    config = config.copy_and_resolve_references()
    config.method.path_weight = 0.0
    lean = gan.Method(config, Source(("a", "b", "c")))
    assert [part.name for part in lean.phases] == ["d_main", "d_reg", "g_main"]
    state = lean.g_adam.init(np.float32(1))
    update, _ = lean.g_adam.update(np.float32(0.3), state)
    np.testing.assert_allclose(update, -config.method.learning_rate, rtol=1e-6)


def test_path_regulariser_lets_only_the_generator_move(config, method):
    names = [phase.name for phase in method.phases]
    assert names == ["d_main", "d_reg", "g_main", "g_reg"]
    state = method.init(jax.random.key(0))
    run = parallel.split(method.phases[3].fn, jax.devices()[:1])
    moved, metrics = run(state, batch_of(0), jax.random.key(1))
    assert jax.tree.all(jax.tree.map(np.array_equal, state.d, moved.d))
    decay = config.method.path_decay
    np.testing.assert_allclose(
        moved.path_mean, decay * metrics["g/path_length"], rtol=1e-5
    )


def test_feature_sets_pool_the_maps(method):
    state = method.init(jax.random.key(0))
    images = batch_of(0)["images"]
    sets = method.embed(method.items(state)["encoder"], images)
    assert sorted(sets) == ["b8", "blocks", "first_dense", "last_map"]
    maps = np.asarray(sets["last_map"]).reshape(BATCH, 16, -1)
    pooled = np.concatenate([maps.mean(1), maps.std(1)], -1)
    np.testing.assert_allclose(sets["b8"], pooled, rtol=1e-4, atol=1e-5)


def test_all_blocks_side_by_side(config):
    config = config.copy_and_resolve_references()
    config.data.crop_px = 16
    method = gan.Method(config, Source(("a", "b", "c")))
    encoder = method.items(method.init(jax.random.key(0)))["encoder"]
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3))
    sets = method.embed(encoder, images.astype(np.float32))
    beside = np.concatenate([sets["b16"], sets["b8"]], -1)
    np.testing.assert_array_equal(sets["blocks"], beside)


def test_style_mixing_takes_the_second_latent_from_the_crossover_on():
    keys = jax.random.split(jax.random.key(0), 2000)
    cut = np.array([int(style_generator.crossover(k, 0.9, 6)) for k in keys[:300]])
    assert set(cut) == {1, 2, 3, 4, 5, 6}
    assert abs((cut == 6).mean() - 0.1) < 0.05


def second_moments(state, network):
    """Adam's running mean of squared gradients, a tree like the parameters."""
    return getattr(state, f"{network}_optimiser")[0].nu


@pytest.mark.parametrize("name", ["d_reg", "g_reg"])
def test_regularisers_carry_their_weight_and_interval(config, method, name):
    """After one step from zero the second moment is (1 - b2^c) g^2."""
    state = method.init(jax.random.key(0)).replace(path_mean=jnp.float32(0.3))
    key, batch = jax.random.key(5), batch_of(0)
    phase = {phase.name: phase for phase in method.phases}[name]
    moved, _ = parallel.split(phase.fn, jax.devices()[:1])(state, batch, key)

    def r1_loss(d):
        def total(x):
            return method.discriminator.module.apply({"params": d}, x).sum()

        squares = jnp.square(jax.grad(total)(jnp.asarray(batch["images"])))
        return 10.0 / 2 * 4 * squares.sum() / BATCH

    def path_loss(g):
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(0, BATCH, 2))
        ws = method.generator.styles(g, keys, mixing_prob=0.9)
        noise = style_generator.normal(keys, streams.PATH, (8, 8, 3)) / 8
        _, pull = jax.vjp(lambda w: method.generator.generate(g, w, keys), ws)
        lengths = jnp.sqrt(jnp.square(pull(noise)[0]).sum(-1).mean(-1))
        return 2.0 * 2 * jnp.square(lengths - 0.3).mean()

    network, loss, every = {"d_reg": ("d", r1_loss, 4), "g_reg": ("g", path_loss, 2)}[
        name
    ]
    gradient = jax.jit(jax.grad(loss))(getattr(state, network))
    share = 1 - 0.99 ** (every / (every + 1))
    expected = jax.tree.map(lambda g: share * np.square(g), gradient)
    actual = second_moments(moved, network)
    assert distance(actual, expected) < 1e-4 * float(optax.tree.norm(expected))


def test_mixed_styles_are_the_first_latent_then_the_second(method):
    state = method.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(3), 64)
    mixed = np.asarray(method.generator.styles(state.g, keys, mixing_prob=0.9))
    plain = np.asarray(method.generator.styles(state.g, keys))
    np.testing.assert_array_equal(mixed[:, 0], plain[:, 0])
    same = (mixed == plain).all(-1)
    assert (np.diff(same.astype(int), axis=1) <= 0).all(), "once changed, changed"
    assert 0.7 < (~same[:, -1]).mean() < 1.0


def test_more_sets_are_there_if_asked_for(config):
    """Of the same blocks, and the usual sets stay as they are."""
    asked = config.copy_and_resolve_references()
    asked.embed.more_sets = ("covariances", "linear")
    usual, more = (gan.Method(c, Source(("a", "b", "c"))) for c in (config, asked))
    encoder = usual.items(usual.init(jax.random.key(0)))["encoder"]
    images = batch_of(0)["images"]
    found, expected = (jax.jit(m.embed)(encoder, images) for m in (more, usual))
    assert set(found) - set(expected) == {"b8_covariances", "b8_linear"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)
    linear = usual.discriminator.linear_maps(encoder["average"], images)["b8"]
    pooled = [np.mean(linear, (1, 2)), np.std(linear, (1, 2))]
    np.testing.assert_allclose(
        found["b8_linear"], np.concatenate(pooled, 1), rtol=1e-4, atol=1e-5
    )
    deviations = np.split(np.asarray(found["b8"]), 2, 1)[1]
    rows, columns = np.triu_indices(deviations.shape[1])
    variances = np.asarray(found["b8_covariances"])[:, rows == columns]
    np.testing.assert_allclose(variances, deviations**2, rtol=1e-4, atol=1e-6)
