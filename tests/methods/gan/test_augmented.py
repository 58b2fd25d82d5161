"""Options together: relativistic, R2, adaptive augmentation, contrast of views."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gandl_jax import checkpoint, config_checks, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.augment import augment
from gandl_jax.methods.gan import method as gan
from gandl_jax.methods.gan import state as gan_state
from gandl_jax.methods.gan import streams
from gandl_jax.methods.phase import sample_keys, substream
from gandl_jax.methods.source import Source

BATCH, SCREEN = 8, Source(("a", "b"))
IMAGES = np.random.default_rng(0).uniform(-1, 1, (BATCH, 8, 8, 2)).astype(np.float32)
DATA = {"images": IMAGES, "index": np.arange(BATCH, dtype=np.int32)}


@pytest.fixture(scope="module")
def config():
    config = configs.default()
    config.data.crop_px = 8
    config.model.update(
        channel_base=64, channel_max=8, latent_dim=8, mapping_layers=1, mbstd_group=2
    )
    config.method.update(
        loss="relativistic",
        r1_every_steps=3,
        r2_weight=4.0,
        augment="adaptive",
        augment_kinds=("channel_drop",),  # compiles fastest
        augment_every_steps=2,
        views_weight=0.5,
        augment_speed_images=160,  # so that the probability moves by .1
    )
    config.train.batch = BATCH
    return config


@pytest.fixture(scope="module")
def method(config):
    return gan.Method(config, SCREEN)


@pytest.fixture(scope="module")
def start(method):
    state = jax.jit(method.init)(jax.random.key(0))
    half = state.augment.replace(prob=jnp.float32(0.5))
    return state.replace(augment=half)


@pytest.fixture(scope="module")
def runs(method):
    """Phases by name, on 1 and 2 devices."""
    devices = jax.devices()
    return {
        count: {p.name: parallel.split(p.fn, devices[:count]) for p in method.phases}
        for count in (1, 2)
    }


def steps(run, state, numbers):
    """The two phases that move the state's augmentation and its count of steps."""
    for number in numbers:
        for name in ("d_main", "g_main"):
            state, _ = run[name](state, DATA, jax.random.key(number))
    return state


@pytest.mark.slow
def test_1_and_2_devices_agree(runs, start):
    late = start.replace(step=jnp.int32(1))  # when the probability moves
    one, metrics = runs[1]["d_main"](late, DATA, jax.random.key(1))
    two, others = runs[2]["d_main"](late, DATA, jax.random.key(1))
    error = optax.tree.norm(jax.tree.map(np.subtract, one.d, two.d))
    moved = optax.tree.norm(jax.tree.map(np.subtract, one.d, start.d))
    assert float(error) < 1e-3 * float(moved)
    assert float(one.augment.prob) == float(two.augment.prob) != 0.5
    # Views are told from those of all devices.
    np.testing.assert_allclose(metrics["d/views_loss"], others["d/views_loss"], 1e-5)
    for name, value in metrics.items():
        np.testing.assert_allclose(value, others[name], rtol=1e-4, err_msg=name)


def test_3_steps_equal_1_and_restore_and_2_bit_for_bit(runs, method, start, tmp_path):
    whole = steps(runs[1], start, range(3))
    first = steps(runs[1], start, range(1))
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(1, method.items(first), {})
    saved.close()
    like = parallel.on_one_device(jax.eval_shape(method.init, jax.random.key(0)))
    restored = checkpoint.Checkpoints(tmp_path).restore(1, "train", like)
    assert float(restored.augment.signs) != 0
    resumed = steps(runs[1], restored, range(1, 3))
    assert jax.tree.all(jax.tree.map(np.array_equal, whole, resumed))


@pytest.mark.slow
def test_the_losses_are_of_augmented_pairs(runs, method, start):
    """Each phase's metrics again, from images augmented here."""
    keys = sample_keys(jax.random.key(5), DATA["index"])
    kinds = method.options.augment_kinds

    def seen(images, stream):
        return augment(images, substream(keys, stream), 0.5, kinds)

    @jax.jit
    def views(state):
        fake = method.generator.generate(
            state.g, method.generator.styles(state.g, keys, mixing_prob=0.9), keys
        )
        return fake, [
            method.discriminator.module.apply({"params": state.d}, seen(x, stream))
            for x, stream in ((IMAGES, streams.REAL), (fake, streams.FAKE))
        ]

    fake, (real_logits, fake_logits) = views(start)
    lead = np.asarray(real_logits - fake_logits, np.float64)
    key = jax.random.key(5)
    state, d_main = runs[1]["d_main"](start, DATA, key)
    np.testing.assert_allclose(d_main["d/loss"], np.log1p(np.exp(-lead)).mean(), 1e-5)
    np.testing.assert_allclose(d_main["d/real_sign"], np.sign(lead).mean(), 1e-6)
    assert d_main["d/augment_prob"] == 0.5 and state.augment.prob == 0.5
    assert state.augment.signs == d_main["d/real_sign"]
    _, g_main = runs[1]["g_main"](start, DATA, key)
    np.testing.assert_allclose(g_main["g/loss"], np.log1p(np.exp(lead)).mean(), 1e-5)

    def penalty(x, stream):
        def total(x):
            return method.discriminator.module.apply(
                {"params": start.d}, seen(x, stream)
            ).sum()

        return jnp.square(jax.grad(total)(x)).sum() / BATCH

    _, d_reg = runs[1]["d_reg"](start, DATA, key)
    both = jax.jit(
        lambda: (penalty(IMAGES, streams.REAL), penalty(fake, streams.FAKE))
    )()
    np.testing.assert_allclose((d_reg["d/r1"], d_reg["d/r2"]), both, rtol=1e-4)


def test_only_what_adapts_has_a_state_of_its_own(config):
    fixed = config.copy_and_resolve_references()
    fixed.method.update(augment="fixed", augment_prob=0.3)
    for options in (fixed, configs.default()):
        options.data.crop_px = 8
        method = gan.Method(options, SCREEN)
        state = jax.eval_shape(method.init, jax.random.key(0))
        assert type(state) is gan_state.State


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("loss", "relativistc", "did you mean 'relativistic'"),
        ("augment", "always", "valid: adaptive, fixed, none"),
        ("augment_kinds", ("turns", "zooms"), "did you mean 'zoom'"),
        ("augment_kinds", (), "augment_kinds is empty"),
        ("views_prob", 5.0, "views_prob=5.0 should be at most 1"),
        ("views_temperature", 0.0, "views_temperature=0.0 should be 0.001 or more"),
        ("augment_prob", 1.5, "augment_prob=1.5 should be at most 1"),
        ("augment_every_steps", 0, "1 or more"),
    ],
)
def test_wrong_values_are_told_before_anything_runs(key, value, told):
    config = configs.default()
    config.data.dir = "somewhere"
    config.method.augment = "fixed"
    config.method[key] = value
    with pytest.raises(InputError, match=told):
        config_checks.validate(config, ["train"])
