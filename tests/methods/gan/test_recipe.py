"""The recipe's switches: parts of a batch, labels, wgan_gp, freezing, truncation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks, parallel
from gandl_jax.errors import InputError
from gandl_jax.methods import losses, style_generator
from gandl_jax.methods.gan import method as gan
from gandl_jax.methods.gan import streams
from gandl_jax.methods.phase import mean_over_parts, sample_keys, substream
from gandl_jax.methods.source import Source

BATCH, SCREEN = 16, Source(("a", "b"))
NAMES = ("mock", "uv", "virus")


def config_with(**method):
    config = configs.default()
    config.data.crop_px = 8
    config.model.update(
        channel_base=32, channel_max=4, latent_dim=4, mapping_layers=1, mbstd_group=2
    )
    config.method.update(r1_every_steps=1, path_every_steps=1, **method)
    config.train.batch = BATCH
    return config


def batch_of(step):
    rng = np.random.default_rng(step)
    images = rng.uniform(-1, 1, (BATCH, 8, 8, 2)).astype(np.float32)
    labels = rng.integers(0, 3, BATCH).astype(np.int32)
    index = np.arange(BATCH, dtype=np.int32)
    return {"images": images, "index": index, "labels": {"X": labels}}


def whole_step(method, devices):
    """All phases as one program, which compiles sooner than each by itself."""

    def step(state, batch, key):
        metrics = {}
        for number, phase in enumerate(method.phases):
            state, found = phase.fn(state, batch, jax.random.fold_in(key, number))
            metrics |= found
        return state, metrics

    return parallel.split(step, jax.devices()[:devices])


def after(method, start, steps, devices):
    run, state = whole_step(method, devices), start
    for step in range(steps):
        state, metrics = run(state, batch_of(step), jax.random.key(step))
    return state, metrics


def norm(tree):
    return float(optax.tree.norm(tree))


def assert_close(one, other, start, tolerance=1e-5):
    """Two states agree to rounding, by far closer than either is to the start."""
    for part in ("g", "d", "g_average", "d_average", "w_average"):
        a, b, before = (getattr(state, part) for state in (one, other, start))
        error = norm(jax.tree.map(np.subtract, a, b))
        assert error < tolerance * norm(a), part
        assert error < 1e-2 * norm(jax.tree.map(np.subtract, a, before)), part


def in_parts(config, parts):
    config.train.accumulate = parts
    return gan.Method(config, Source(("a", "b"), {"X": NAMES}, blanks={"X": 0}))


def assert_same_steps(whole, parts, start):
    """What two runs of `after` give."""
    assert_close(whole[0], parts[0], start)
    np.testing.assert_allclose(parts[0].path_mean, whole[0].path_mean, 1e-5)
    assert whole[1].keys() == parts[1].keys()
    for name, value in whole[1].items():
        np.testing.assert_allclose(parts[1][name], value, 1e-4, 1e-6, err_msg=name)


@pytest.mark.slow
def test_parts_of_all_phases_change_nothing_but_rounding():
    method = in_parts(config_with(), 1)
    start = jax.jit(method.init)(jax.random.key(0))
    whole = after(method, start, 3, 1)
    for parts in (2, 4):
        assert_same_steps(
            whole, after(in_parts(config_with(), parts), start, 3, 1), start
        )


def test_the_mean_over_parts_is_numpys():
    x = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    seen = []

    def fn(part):
        seen.append(part["x"].shape)
        return {"mean": part["x"].mean(0), "square": (part["x"] ** 2).mean()}

    found = mean_over_parts(fn, {"x": x}, 3)
    assert set(seen) == {(4, 3)}
    np.testing.assert_allclose(found["mean"], x.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["square"], (x**2).mean(), rtol=1e-5)


def test_parts_without_a_loop_are_the_same_and_can_be_counted():
    rng = np.random.default_rng(0)
    weight, x = (rng.normal(size=n).astype(np.float32) for n in ((5, 5), (8, 5)))

    def slope(part):
        return jax.grad(lambda w: jnp.square(part["x"] @ w).mean())(weight)

    def program(**options):
        whole = functools.partial(mean_over_parts, slope, parts=4, **options)
        return jax.jit(whole).lower({"x": x}).compile()

    in_loop, unrolled = program(), program(unroll=True)
    assert "while" in in_loop.as_text() and "while" not in unrolled.as_text()
    flops = [p.cost_analysis()["flops"] for p in (in_loop, unrolled)]
    assert flops[1] > 3 * flops[0]
    exact = 2 * np.float64(x).T @ (np.float64(x) @ weight) / (8 * 5)
    for done in (in_loop, unrolled):
        np.testing.assert_allclose(done({"x": x}), exact, rtol=1e-4, atol=1e-6)


FROZEN = ("d/blocks_b8/conv0", "g/mapping")
WASSERSTEIN = {"loss": "wgan_gp", "freeze": FROZEN}


@pytest.fixture(scope="module")
def wasserstein():
    """A method of wgan_gp with some layers frozen, its start, its step on 1 device."""
    method = in_parts(config_with(**WASSERSTEIN), 1)
    return method, jax.jit(method.init)(jax.random.key(0)), whole_step(method, 1)


def test_wgan_gp_is_one_step_of_each_network_by_plain_adam(wasserstein):
    method, _, _ = wasserstein
    names = [(phase.name, phase.every) for phase in method.phases]
    assert names == [("d_main", 1), ("g_main", 1), ("g_reg", 1)]
    update, _ = method.d_adam.update(np.float32(3), method.d_adam.init(np.float32(1)))
    np.testing.assert_allclose(update, -method.options.learning_rate, rtol=1e-6)


@pytest.mark.slow
def test_4_parts_on_2_devices_agree_and_leave_what_is_frozen(wasserstein):
    """With labels: parameters, averages, and what augmentation would follow."""
    _, start, run = wasserstein
    one = start
    for step in range(3):
        one, metrics = run(one, batch_of(step), jax.random.key(step))
    parts = after(in_parts(config_with(**WASSERSTEIN), 4), start, 3, 2)
    assert_same_steps((one, metrics), parts, start)
    for network, *path in (("d", "blocks_b8", "conv0"), ("g", "mapping")):
        for part in (network, f"{network}_average"):
            before, now = getattr(start, part), getattr(one, part)
            for word in path:
                before, now = before[word], now[word]
            assert jax.tree.all(jax.tree.map(np.array_equal, before, now))
    moved = jax.tree.map(np.subtract, one.d, start.d)
    assert norm(moved["blocks_b8"]["conv1"]) > 0 and norm(moved["logit"]) > 0


@pytest.mark.slow
def test_wgan_gp_is_the_papers_loss_by_finite_differences(wasserstein):
    """Its gradient, which Adam's mean holds at b1 = 0, against the loss's slope."""
    method, start, run = wasserstein
    batch, key = batch_of(0), jax.random.key(7)
    keys = sample_keys(jax.random.fold_in(key, 0), batch["index"])
    labels = batch["labels"]["X"]
    share = jax.vmap(jax.random.uniform)(substream(keys, streams.BETWEEN))

    @jax.jit
    def parts(d):
        generator, discriminator = method.generator, method.discriminator
        mixing_prob = method.options.style_mixing_prob
        ws = generator.styles(start.g, keys, labels, mixing_prob=mixing_prob)
        fake = generator.generate(start.g, ws, keys)
        scores = [discriminator.logits(d, x, labels) for x in (batch["images"], fake)]
        weight = share[:, None, None, None]
        between = batch["images"] * weight + fake * (1 - weight)

        def alone(image, label):  # a batch of this image alone, twice for the group
            twice = jnp.stack([image, image])
            labels = jnp.stack([label, label])
            zero_deviation = discriminator.logits_apart(d, twice, labels)
            return zero_deviation[0]

        slopes = jax.vmap(jax.grad(alone))(between, labels)
        return *scores, jnp.sqrt(jnp.square(slopes).sum((1, 2, 3)))

    def total(d):
        real, fake, norms = (np.asarray(x, np.float64) for x in parts(d))
        game = fake.mean() - real.mean()
        penalty = np.square(norms - 1).mean()
        return game, penalty, game + 10 * penalty + 1e-3 * np.square(real).mean()

    state, metrics = run(start, batch, key)
    game, penalty, _ = total(start.d)
    np.testing.assert_allclose(metrics["d/loss"], game, rtol=1e-4)
    np.testing.assert_allclose(metrics["d/gradient_penalty"], penalty, rtol=1e-4)
    slope = state.d_optimiser[0].mu
    assert norm(slope["blocks_b8"]["conv0"]) == 0 < norm(slope["blocks_b8"]["conv1"])
    length, size = norm(slope), 1e-3

    def moved(by):
        return jax.tree.map(lambda x, s: x + by * s / length, start.d, slope)

    rise = total(moved(size))[2] - total(moved(-size))[2]
    np.testing.assert_allclose(rise / (2 * size), length, rtol=1e-2)


def test_the_penalty_of_a_flat_discriminator_has_a_slope():
    images = jnp.ones((2, 2, 2, 1))

    def penalty(scale):
        norms = losses.gradient_norms(lambda x: scale * x.sum((1, 2, 3)), images)
        return jnp.square(norms - 1).mean()

    for scale in (0.0, 2.0):  # a linear function's gradient has the norm 2 |scale|
        value, slope = jax.value_and_grad(penalty)(scale)
        np.testing.assert_allclose(value, (2 * scale - 1) ** 2, rtol=1e-4)
        expected = 2 * (2 * scale - 1) * 2 if scale else 0
        np.testing.assert_allclose(slope, expected, atol=1e-4)


def test_the_critics_scores_are_of_each_image_alone_within_the_penalty(wasserstein):
    method, start, _ = wasserstein
    images, labels = batch_of(0)["images"], batch_of(0)["labels"]["X"]
    apart = jax.jit(method.discriminator.logits_apart)
    together = apart(start.d, images, labels)
    np.testing.assert_allclose(
        apart(start.d, images[4:6], labels[4:6]), together[4:6], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("psi", [1.0, 0.3])
def test_samples_have_truncated_styles_and_classes_in_turn(
    wasserstein, psi, monkeypatch
):
    method, state, _ = wasserstein
    state = state.replace(w_average=jnp.arange(4.0))
    key, generator = jax.random.key(3), method.generator
    monkeypatch.setattr(generator, "generate", lambda g, ws, keys: ws)
    monkeypatch.setattr(method, "options", config_with(truncation_psi=psi).method)
    styles = np.asarray(method._fixed_samples(state, key))
    own = [jax.random.fold_in(key, i) for i in range(16)]
    latent = [jax.random.fold_in(one, style_generator.LATENT) for one in own]
    z = np.stack([jax.random.normal(one, (4,)) for one in latent])
    labels = np.array([0, 1, 2] * 5 + [0], np.int32)
    w = generator._mapping.apply({"params": state.g_average["mapping"]}, z, labels)
    expected = np.arange(4.0) + psi * (np.asarray(w) - np.arange(4.0))
    for layer in range(styles.shape[1]):
        np.testing.assert_allclose(styles[:, layer], expected, rtol=1e-5, atol=1e-6)


def test_a_name_that_no_layer_has_is_refused_before_training():
    with pytest.raises(InputError, match="blocks_b8, first_dense, from_image"):
        gan.Method(config_with(freeze=("d/blocks_b64",)), SCREEN)


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"method.loss": "wgan"}, "did you mean 'wgan_gp'"),
        ({"method.loss": "wgan_gp", "method.r2_weight": 1.0}, "r2_weight=1.0 has no"),
        ({"method.freeze": ("e/mapping",)}, "no method.freeze network 'e'"),
        ({"model.remat": "block"}, "did you mean 'blocks'"),
        ({"train.accumulate": 0}, "accumulate=0 should be 1 or more"),
        ({"train.accumulate": 3}, "mbstd_group=4 times config.train.accumulate=3"),
        (
            {"train.accumulate": 2, "method.views_weight": 1.0},
            "accumulate=2 leaves the views",
        ),
    ],
)
def test_wrong_values_are_told_before_anything_runs(settings, told):
    config = configs.default()
    config.data.dir = "somewhere"
    config.update_from_flattened_dict(settings)
    with pytest.raises(InputError, match=told):
        config_checks.validate(config, ["train"])


def test_what_changes_no_result_makes_no_other_experiment():
    config = configs.default()
    before = configs.identity(config), configs.architecture(config, "ab")
    config.model.remat, config.method.truncation_psi = "blocks", 0.5
    config.train.accumulate = 4
    assert (configs.identity(config), configs.architecture(config, "ab")) == before
    config.data.label = "Condition"
    assert configs.identity(config) != before[0]
    labelled = configs.architecture(config, "ab", ("mock", "uv"))
    assert labelled["data.classes"] == ["mock", "uv"]
