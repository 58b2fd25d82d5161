"""How strongly D is held back: in exact steps, and what it does to D."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gandl_jax import checkpoint, config_checks, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.gan import balance
from gandl_jax.methods.gan import method as gan
from gandl_jax.methods.gan import state as gan_state
from gandl_jax.methods.source import Source

BATCH, KEY = 8, jax.random.key(3)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (BATCH, 8, 8, 2)).astype(np.float32)
DATA = {"images": IMAGES, "index": np.arange(BATCH, dtype=np.int32)}


def method_with(**settings):
    config = configs.default()
    config.data.crop_px = 8
    config.model.update(
        channel_base=64, channel_max=8, latent_dim=8, mapping_layers=1, mbstd_group=2
    )
    config.method.update(
        r1_every_steps=2, balance_every_steps=2, balance_speed_images=32, **settings
    )
    config.train.batch = BATCH
    return gan.Method(config, Source(("a", "b")))


def phases(method):
    return {
        p.name: parallel.split(p.fn, jax.devices()[:1])
        for p in method.phases
        if p.name in ("d_main", "d_reg", "g_main")
    }


def followed(signs, **settings):
    """How strongly D is held back after each step; a move is a quarter octave."""
    options = configs.default().method
    options.update(balance_every_steps=4, balance_speed_images=128, **settings)
    state, found = balance.start(), []
    for step, sign in enumerate(signs):
        state = balance.follow(state, jnp.float32(sign), jnp.int32(step), options, 8)
        found.append(float(state.strength))
    return found


def test_it_doubles_in_so_many_images_while_d_knows_all_reals():
    expected = [2**0.25, 2**0.5, 2**0.75, 2]
    np.testing.assert_allclose(followed([1.0] * 16)[3::4], expected, rtol=1e-6)


def test_it_halves_while_d_guesses_and_stays_within_its_range():
    found = followed([0.0] * 24, balance_most=2.0)
    np.testing.assert_allclose(found[15::4], [0.5, 0.5, 0.5], rtol=1e-6)
    assert followed([1.0] * 24, balance_most=2.0)[-1] == pytest.approx(2.0)


def test_it_moves_by_the_target():
    assert followed([0.5] * 4, balance_target=0.4)[-1] > 1
    assert followed([0.5] * 4, balance_target=0.6)[-1] < 1
    assert followed([0.5] * 4, balance_target=0.5)[-1] == 1


def held_back(method, log2):
    state = jax.jit(method.init)(jax.random.key(0))
    return state.replace(balance=state.balance.replace(log2=jnp.float32(log2)))


def assert_same(one, other, tolerance=1e-5):
    error = optax.tree.norm(jax.tree.map(np.subtract, one, other))
    assert float(error) < tolerance * float(optax.tree.norm(one))


def test_half_of_ds_learning_rate_is_half_of_its_step():
    method = method_with(balance="d_learning_rate")
    run = phases(method)["d_main"]
    start = held_back(method, 0)
    whole, _ = run(start, DATA, KEY)
    state, metrics = run(held_back(method, 1), DATA, KEY)
    half = jax.tree.map(lambda after, before: (after - before) / 2, whole.d, start.d)
    step = jax.tree.map(np.subtract, state.d, start.d)
    assert_same(half, step, 1e-3)  # parameters are rounded to 1e-4 of a step
    assert metrics["d/held_back"] == 2
    steps = [jax.tree.map(np.subtract, one.g, start.g) for one in (whole, state)]
    assert not any(map(optax.tree.norm, steps))  # G is as it was


def test_r1_has_twice_its_weight():
    """Its gradient, which Adam's mean holds at b1 = 0."""
    method = method_with(balance="r1_weight", r1_weight=3.0)
    found, _ = phases(method)["d_reg"](held_back(method, 1), DATA, KEY)
    twice = method_with(balance="none", r1_weight=6.0)
    start = jax.jit(twice.init)(jax.random.key(0))
    expected, _ = phases(twice)["d_reg"](start, DATA, KEY)
    assert_same(expected.d_optimiser[0].mu, found.d_optimiser[0].mu)


def test_3_steps_equal_1_and_restore_and_2_bit_for_bit(tmp_path):
    method = method_with(balance="r1_weight")
    run = phases(method)

    def steps(state, numbers):
        for number in numbers:
            for name in ("d_main", "g_main"):
                state, _ = run[name](state, DATA, jax.random.key(number))
        return state

    start = jax.jit(method.init)(jax.random.key(0))
    whole, first = steps(start, range(3)), steps(start, range(1))
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, method.items(first), {})
    saved.close()
    like = parallel.on_one_device(jax.eval_shape(method.init, jax.random.key(0)))
    restored = checkpoint.Checkpoints(tmp_path).restore(1, "train", like)
    resumed = steps(restored, range(1, 3))
    assert float(whole.balance.log2) != 0
    assert jax.tree.all(jax.tree.map(np.array_equal, whole, resumed))


@pytest.mark.parametrize(
    "augment, balanced, kind",
    [
        ("fixed", "none", gan_state.State),
        ("adaptive", "none", gan_state.AdaptiveState),
        ("fixed", "r1_weight", gan_state.BalancedState),
        ("adaptive", "d_learning_rate", gan_state.AdaptiveBalancedState),
    ],
)
def test_only_what_follows_signs_has_a_state_of_its_own(augment, balanced, kind):
    method = method_with(augment=augment, balance=balanced)
    state = jax.eval_shape(method.init, jax.random.key(0))
    assert type(state) is kind
    assert hasattr(state, "augment") == (augment == "adaptive")
    assert hasattr(state, "balance") == (balanced != "none")


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"balance": "r1_weigth"}, "did you mean 'r1_weight'"),
        ({"balance": "r1_weight", "loss": "wgan_gp"}, "wgan_gp has no R1"),
        ({"balance": "r1_weight", "r1_weight": 0.0}, "R1's weight is 0"),
        ({"balance_target": 1.5}, "balance_target=1.5 should be at most 1"),
        ({"balance_most": 0.5}, "balance_most=0.5 should be 1 or more"),
    ],
)
def test_wrong_values_are_told_before_anything_runs(settings, told):
    config = configs.default()
    config.data.dir = "somewhere"
    config.method.update(settings)
    with pytest.raises(InputError, match=told):
        config_checks.validate(config, ["train"])
