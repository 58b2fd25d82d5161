"""A small GAN's steps: statistics apart, any number of devices, restored, refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import checkpoint, config_checks, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.phase import sample_keys
from gandl_jax.methods.small_gan import method as small_gan
from gandl_jax.methods.small_gan.method import BETWEEN, LATENT
from gandl_jax.methods.source import Source

GAMES = ("logistic", "wgan_gp")
SETTINGS = {
    "wgan_gp": {"method.d_steps_per_g_step": 2, "model.doubling": "resize"},
    "logistic": {},
}


@pytest.fixture(scope="module", params=GAMES)
def game(request):
    return request.param


@functools.cache
def steps_of(method, devices):
    """Every phase that is due, as one program for even steps and one for odd ones."""

    def step(due, state, batch, key):
        metrics = {}
        for number, phase in enumerate(method.phases):
            if due % phase.every == 0:
                state, found = phase.fn(state, batch, jax.random.fold_in(key, number))
                metrics |= found
        return state, metrics

    chosen = parallel.devices(devices)
    return [parallel.split(functools.partial(step, due), chosen) for due in (0, 1)]


@pytest.fixture(scope="module")
def made(make_method, game):
    """A method and its first state."""
    settings = {"method.loss": game, "model.width": 4} | SETTINGS[game]
    return make_method("small_gan", **settings)


def after(method, state, batch, steps, devices):
    fns = steps_of(method, devices)
    metrics = {}
    for step in steps:
        state, found = fns[step % 2](state, batch, jax.random.key(step))
        metrics |= found
    return jax.device_get(state), jax.device_get(metrics)


@pytest.fixture(scope="module")
def alone(made, one_batch):
    """The state and metrics after 4 steps on one device."""
    return after(*made, one_batch, range(4), 1)


@pytest.mark.parametrize("devices", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_any_number_of_devices_gives_the_same(made, one_batch, alone, devices):
    state, metrics = after(*made, one_batch, range(4), devices)
    assert state.step == 4
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), state, alone[0]
    )
    for name, value in alone[1].items():
        assert metrics[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


def test_4_steps_are_2_and_restore_and_2_bit_for_bit(made, one_batch, alone, tmp_path):
    method, first = made
    half, _ = after(method, first, one_batch, range(2), 1)
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(2, method.items(half), {})
    saved.wait()
    like = parallel.on_one_device(jax.eval_shape(lambda: first))
    found = saved.restore(2, "train", like)
    saved.close()
    assert jax.tree.structure(found) == jax.tree.structure(first)
    whole, _ = after(method, found, one_batch, range(2, 4), 1)
    jax.tree.map(np.testing.assert_array_equal, whole, alone[0])
    start = jax.tree.leaves(first.d), jax.tree.leaves(whole.d)
    assert any(not np.array_equal(a, b) for a, b in zip(*start, strict=True))


def variables(params, statistics):
    return {"params": params, "batch_stats": statistics}


def test_losses_and_statistics_of_one_step_are_of_real_and_generated_apart(
    made, one_batch, game
):
    """Each of the three passes by itself, and what NumPy makes of their scores."""
    method, state = made
    config, images = method._config, one_batch["images"]
    key = jax.random.key(3)
    keys = sample_keys(jax.random.fold_in(key, 0), one_batch["index"])
    z = jnp.stack(
        [
            jax.random.uniform(
                jax.random.fold_in(k, LATENT), (config.model.latent_dim,), minval=-1.0
            )
            for k in keys
        ]
    )
    options = {"train": True, "mutable": ["batch_stats"]}
    g, d = (net.clone(axis=None) for net in (method._g, method._d))
    fake, _ = g.apply(variables(state.g, state.g_statistics), z, **options)
    of_d = variables(state.d, state.d_statistics)
    real_maps, of_real = d.apply(of_d, images, **options)
    fake_maps, _ = d.apply(of_d, fake, **options)
    real, scores = (np.float64(m["score"]) for m in (real_maps, fake_maps))
    after_d, metrics = parallel.split(method.d_main, parallel.devices(2))(
        state, one_batch, jax.random.fold_in(key, 0)
    )
    if game == "logistic":
        expected = np.log1p(np.exp(scores)).mean() + np.log1p(np.exp(-real)).mean()
        mixed, _ = d.apply(of_d, jnp.concatenate([images, fake]), **options)
        assert np.abs(mixed["score"][:8] - real).max() > 1e-5, "together it differs"
    else:
        expected = scores.mean() - real.mean()
    assert metrics["d/loss"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert metrics["d/real_score"] == pytest.approx(real.mean(), rel=1e-4, abs=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        after_d.d_statistics,
        of_real.get("batch_stats", {}),
    )
    jax.tree.map(np.testing.assert_array_equal, after_d.g, state.g)
    if game == "wgan_gp":
        check_penalty(method, state, images, fake, keys, metrics)


def check_penalty(method, state, images, fake, keys, metrics):
    """Each image's slope by itself, along which a finite difference agrees."""
    share = jnp.stack(
        [jax.random.uniform(jax.random.fold_in(k, BETWEEN)) for k in keys]
    ).reshape(-1, 1, 1, 1)
    between = images * share + fake * (1 - share)

    @jax.jit
    def score(x):
        return method._d.apply(variables(state.d, {}), x[None], train=False)["score"][0]

    norms = []
    for image in between:
        slope = jax.grad(score)(image)
        norms.append(float(jnp.sqrt(jnp.square(slope).sum())))
    along, size = slope / norms[-1], 0.05
    rise = float(score(image + size * along) - score(image - size * along)) / 2 / size
    assert rise == pytest.approx(norms[-1], rel=0.02)
    expected = ((np.array(norms) - 1) ** 2).mean()
    assert metrics["d/gradient_penalty"] == pytest.approx(expected, rel=1e-4)


def bare(**settings):
    """A method and a state of zeros, for which nothing is compiled."""
    config = configs.default("small_gan")
    configs.smoke(config).update_from_flattened_dict(settings)
    method = small_gan.Method(config, Source(("dna", "actin")))
    shapes = jax.eval_shape(method.init, jax.random.key(0))
    return method, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def test_the_penalty_of_a_linear_score_is_of_its_weights(monkeypatch):
    method, state = bare(**{"method.loss": "wgan_gp"})
    weights = np.random.default_rng(0).normal(size=(16, 16, 2)).astype(np.float32)

    def judge(state, d, images):
        return {"score": (images * weights[None]).sum((1, 2, 3)) * d}, {}

    monkeypatch.setattr(method, "_judge", judge)
    part = {
        "images": jnp.ones((4, 16, 16, 2)),
        "keys": jax.random.split(jax.random.key(5), 4),
    }
    fake = jnp.zeros((4, 16, 16, 2))
    norm = np.linalg.norm(np.float64(weights))
    for scale in (0.01, 1.0):
        found = method._gradient_penalty(state, scale, fake, part)
        assert found == pytest.approx((scale * norm - 1) ** 2, rel=1e-4)


def test_g_moves_every_other_step_and_each_average_with_its_network(
    made, one_batch, game
):
    method, first = made
    every = 2 if game == "wgan_gp" else 1
    assert [phase.every for phase in method.phases] == [1, every]
    state, _ = after(method, first, one_batch, range(1), 1)
    later, _ = after(method, state, one_batch, range(1, 2), 1)
    same = jax.tree.map(
        np.array_equal, (state.g, state.g_average), (later.g, later.g_average)
    )
    assert jax.tree.all(same) == (every == 2)
    rampup = method._options.average_rampup_frac  # halves within 0.05 of images seen
    for step, before, now in ((1, first, state), (2, state, later)):
        kept = 0.5 ** (8 / (8 * step * rampup))
        for name in ("d", "d_statistics"):
            old, new = (getattr(x, f"{name}_average") for x in (before, now))
            jax.tree.map(
                lambda a, b, c, kept=kept: np.testing.assert_allclose(
                    c, a * kept + b * (1 - kept), atol=1e-6
                ),
                old,
                getattr(now, name),
                new,
            )


def test_features_are_of_each_image_alone_and_averaged(made, one_batch, alone):
    method, _ = made
    state, _ = alone
    encoder = method.items(state)["encoder"]
    sets = method.embed(encoder, one_batch["images"])
    assert list(sets) == ["penultimate", "b16", "b8", "blocks"]
    few = method.embed(encoder, one_batch["images"][:2])
    for name, features in few.items():
        np.testing.assert_allclose(features, sets[name][:2], atol=1e-5)
    maps = method._d.apply(
        variables(state.d_average, state.d_statistics_average),
        one_batch["images"],
        train=False,
    )
    x = np.asarray(maps["b8"], np.float64)
    expected = np.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
    np.testing.assert_allclose(sets["b8"], expected, atol=1e-5)
    np.testing.assert_array_equal(sets["penultimate"], maps["penultimate"])


def test_samples_are_of_each_key_alone(made, alone):
    method, _ = made
    keys = jax.random.split(jax.random.key(1), 4)
    images = method.samples(alone[0], keys, {})
    assert images.shape == (4, 16, 16, 2) and np.abs(images).max() <= 1
    np.testing.assert_allclose(
        method.samples(alone[0], keys[2:], {}), images[2:], atol=1e-6
    )
    (check,) = method.checks
    look = check.fn(alone[0], {"images": images}, jax.random.key(0))
    assert np.isfinite(look["g/diversity"])


def test_another_training_starts_from_its_networks(made, alone, one_batch):
    method, first = made
    networks = method.trained(alone[0])
    begun = method.start(first, networks.for_channels((1, 0)))
    assert begun.step == 0
    images = one_batch["images"]
    before, after_ = (
        method.embed(method.items(state)["encoder"], x)
        for state, x in ((alone[0], images), (begun, images[..., ::-1]))
    )
    for name, features in before.items():
        np.testing.assert_allclose(after_[name], features, atol=1e-5)
    jax.tree.map(
        np.testing.assert_array_equal, begun.g_statistics, alone[0].g_statistics
    )


def test_a_start_that_normalises_otherwise_is_refused():
    batch, other = (bare(**{"model.normalisation": k}) for k in ("batch", "none"))
    with pytest.raises(InputError, match="set --config.model.normalisation"):
        other[0].start(other[1], batch[0].trained(batch[1]))


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"method.loss": "relativistic"}, "there is no method.loss"),
        (
            {"method.loss": "wgan_gp", "model.normalisation": "batch"},
            "set --config.model.normalisation=layer, or none",
        ),
        ({"model.normalisation": "group"}, "there is no model.normalisation"),
        ({"model.doubling": "bilinear"}, "there is no model.doubling"),
        ({"data.crop_px": 40}, "should be a multiple of 16"),
        ({"train.accumulate": 2}, "needs the whole"),
        ({"method.d_steps_per_g_step": 0}, "should be 1 or more"),
        ({"method.average_rampup_frac": 2.0}, "should be at most 1"),
    ],
)
def test_wrong_values_are_told_before_anything_runs(settings, told):
    config = configs.default("small_gan")
    config.data.dir = "somewhere"
    config.update_from_flattened_dict(settings)
    with pytest.raises(InputError) as refused:
        config_checks.validate(config, ["train"])
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_recipes_are_the_three_games_of_cytogan():
    recipes = configs.method_options("small_gan").RECIPES
    played = {}
    for recipe in recipes:
        config = configs.default("small_gan")
        config.data.dir = "somewhere"
        configs.apply_recipe(config, "small_gan", recipe)
        config_checks.validate(config, ["train"])
        played[recipe] = config.method.loss
    assert played == {"dcgan": "logistic", "lsgan": "least_squares", "wgan": "wgan_gp"}


PAPERS = {"method.beta1": 0.0, "method.beta2": 0.9, "method.d_steps_per_g_step": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, settings",
    [("logistic", {}), ("least_squares", {}), ("wgan_gp", PAPERS)],
)
def test_it_learns_to_draw_the_brightness(name, settings, make_method, one_batch):
    method, state = make_method(
        "small_gan",
        **{"method.loss": name, "method.learning_rate": 2e-3} | settings,
    )
    keys = jax.random.split(jax.random.key(1), 64)

    def away(state):
        images = method.samples(state, keys, {})
        return abs(float(images.mean()) - one_batch["images"].mean())

    found = [away(state)]
    for hundred in range(3):  # a game moves to and fro
        steps = range(100 * hundred, 100 * (hundred + 1))
        state, metrics = after(method, state, one_batch, steps, 1)
        found.append(away(state))
    assert np.isfinite(list(metrics.values())).all()
    assert np.mean(found[1:]) < found[0] / 2, found
