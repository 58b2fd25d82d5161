"""A projected GAN's steps: what moves, what never does, on any number of devices."""

import functools

import jax
import numpy as np
import pytest

from gandl_jax import checkpoint, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.augment import augment
from gandl_jax.methods.phase import sample_keys, substream
from gandl_jax.methods.projected_gan import method as projected_gan
from gandl_jax.methods.projected_gan.method import FAKE, REAL
from gandl_jax.methods.source import Source
from gandl_jax.models import spectral_norm

SOURCE = Source(("dna", "actin"))
# The smallest images, which the frozen network sees as 16 px: two maps.
SETTINGS = {
    "data.crop_px": 4,
    "model.features_px": 16,
    "model.width": 4,
    "model.mapping_layers": 1,
    "method.augment_kinds": ("intensity",),
}


@functools.cache
def step_of(method, devices):
    """Both phases as one program."""

    def step(state, batch, key):
        metrics = {}
        for number, phase in enumerate(method.phases):
            state, found = phase.fn(state, batch, jax.random.fold_in(key, number))
            metrics |= found
        return state, metrics

    return parallel.split(step, parallel.devices(devices))


@pytest.fixture(scope="module")
def made(make_method):
    """A method and its first state, on this machine."""
    method, state = make_method("projected_gan", **SETTINGS)
    return method, jax.device_get(state)


@pytest.fixture(scope="module")
def small_batch(one_batch):
    return one_batch | {"images": one_batch["images"][:, ::4, ::4]}


def after(method, state, batch, steps, devices=1):
    metrics = {}
    for step in steps:
        state, metrics = step_of(method, devices)(state, batch, jax.random.key(step))
    return jax.device_get(state), jax.device_get(metrics)


@pytest.fixture(scope="module")
def alone(made, small_batch):
    """States and metrics after each of 3 steps on one device."""
    method, state = made
    found = [(state, {})]
    for step in range(3):
        found.append(after(method, found[-1][0], small_batch, [step]))
    return found


@pytest.fixture(scope="module")
def embed(made):
    return jax.jit(made[0].embed)


def test_two_devices_in_two_parts_each_give_the_same(made, small_batch, alone):
    """By gradients, which Adam's first moments are here: it makes a step of any."""
    config = made[0]._config.copy_and_resolve_references()
    config.train.accumulate = 2
    method = projected_gan.Method(config, SOURCE)
    state, metrics = after(method, made[1], small_batch, [0], devices=2)
    expected, expected_metrics = alone[1]
    assert state.step == 1 and config.method.beta1 == 0
    for name in ("d", "g"):
        found, wanted = (
            getattr(x, f"{name}_optimiser")[0].mu for x in (state, expected)
        )
        assert max(np.abs(x).max() for x in jax.tree.leaves(wanted)) > 0.01
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5),
            found,
            wanted,
        )
    for name in ("vectors", "features", "projection"):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
            getattr(state, name),
            getattr(expected, name),
        )
    for name, value in expected_metrics.items():
        assert metrics[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name


def test_a_restored_state_goes_on_bit_for_bit(made, small_batch, alone, tmp_path):
    method, first = made
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(2, method.items(alone[2][0]), {})
    saved.wait()
    like = parallel.on_one_device(jax.eval_shape(lambda: first))
    found = saved.restore(2, "train", like)
    saved.close()
    assert jax.tree.structure(found) == jax.tree.structure(first)
    whole, _ = after(method, found, small_batch, [2])
    jax.tree.map(np.testing.assert_array_equal, whole, alone[3][0])


def test_what_is_frozen_stays_byte_for_byte_and_all_else_moves(made, alone):
    first, last = alone[0][0], alone[3][0]
    for name in ("features", "projection"):
        before, now = (jax.tree.leaves(getattr(x, name)) for x in (first, last))
        assert len(before) == len(now) > 0
        assert [x.tobytes() for x in before] == [x.tobytes() for x in now]
    moments = jax.tree.structure(last.d_optimiser[0].mu)
    assert moments == jax.tree.structure(last.d)
    moving = ("g", "d", "g_average", "d_average", "vectors", "vectors_average")
    for name in moving:
        before, now = (
            jax.tree_util.tree_leaves_with_path(getattr(x, name)) for x in (first, last)
        )
        for (path, old), (_, new) in zip(before, now, strict=True):
            # While no margin is reached, a logit's bias has no slope; its vector is 1.
            if old.size > 1 or path[-2].key != "logit" and path[-1].key != "logit":
                assert not np.array_equal(old, new), (name, path)


def normalised(params):
    """Every kernel over NumPy's largest singular value."""

    def divide(path, x):
        if path[-1].key != "kernel":
            return x
        matrix = np.float64(x).reshape(-1, x.shape[-1])
        return np.float32(x / np.linalg.svd(matrix, compute_uv=False)[0])

    return jax.tree_util.tree_map_with_path(divide, params)


@pytest.fixture(scope="module")
def converged(made):
    """The first state, with vectors that power iteration has brought to their ends."""
    _, state = made
    vectors, turned = state.vectors, jax.jit(spectral_norm.turned)
    for _ in range(300):
        vectors = turned(state.d, vectors)
    return state.replace(vectors=jax.device_get(vectors))


@pytest.fixture(scope="module")
def generate(made):
    return jax.jit(made[0]._generate)


def test_losses_of_a_step_are_numpys_of_its_logits(
    made, converged, generate, small_batch
):
    """Real and generated images apart, with other keys; kernels divided by NumPy."""
    method, _ = made
    state, key, options = converged, jax.random.key(5), method._options

    @jax.jit
    def logits(d, images, keys):
        seen = augment(images, keys, options.augment_prob, options.augment_kinds)
        maps = method._project(state.features, state.projection, seen)
        return method._d.apply({"params": d}, maps)[1]

    def logits_of(d, images, keys, stream):
        found = logits(d, images, substream(keys, stream))
        return {name: np.float64(x) for name, x in found.items()}

    keys = sample_keys(jax.random.fold_in(key, 0), small_batch["index"])
    d = normalised(state.d)
    real = logits_of(d, small_batch["images"], keys, REAL)
    fake = logits_of(d, generate(state.g, keys), keys, FAKE)
    assert {*real} == {"b4", "b2"}
    expected = sum(
        np.maximum(0, 1 - real[name]).mean() + np.maximum(0, 1 + fake[name]).mean()
        for name in real
    )
    scores = sum(x.mean((1, 2)) for x in real.values())
    after_it, metrics = after(method, state, small_batch, [5])
    assert metrics["d/loss"] == pytest.approx(expected, rel=1e-4)
    assert metrics["d/real_score"] == pytest.approx(scores.mean(), rel=1e-3, abs=1e-5)
    assert metrics["d/real_sign"] == np.sign(scores).mean()
    # G's step comes after D's, and divides D's new kernels by the same vectors.
    moved = spectral_norm.normalised(after_it.d, after_it.vectors)
    keys = sample_keys(jax.random.fold_in(key, 1), small_batch["index"])
    fake = logits_of(moved, generate(state.g, keys), keys, FAKE)
    expected = -sum(x.mean() for x in fake.values())
    assert metrics["g/loss"] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_averages_keep_their_share_of_a_step(made, alone):
    method, _ = made
    rampup = method._options.average_rampup_frac  # halves within 0.05 of images seen
    for step in (1, 2):
        (before, _), (now, _) = alone[step - 1 : step + 1]
        kept = 0.5 ** (8 / (8 * step * rampup))
        for name in ("g", "d"):
            jax.tree.map(
                lambda a, b, c, kept=kept: np.testing.assert_allclose(
                    c, a * kept + b * (1 - kept), rtol=1e-5, atol=1e-6
                ),
                getattr(before, f"{name}_average"),
                getattr(now, name),
                getattr(now, f"{name}_average"),
            )


def test_features_are_of_each_image_alone_and_projected_ones_are_no_news(
    made, alone, embed, small_batch
):
    method, images = made[0], small_batch["images"]
    first, last = (method.items(alone[step][0])["encoder"] for step in (0, 3))
    sets = embed(last, images)
    # Maps of 4 and of 2 px, of 4 and 8 channels, end in one pixel of 8 channels.
    widths = {name: x.shape[-1] for name, x in sets.items()}
    assert widths == {"b4": 8, "b2": 8, "blocks": 16, "projected": 24}
    others = np.concatenate([images[:2], images[2:][::-1]])
    for name, features in embed(last, others).items():
        np.testing.assert_allclose(features[:2], sets[name][:2], atol=1e-5)
    untrained = embed(first, images)
    np.testing.assert_array_equal(untrained["projected"], sets["projected"])
    assert np.abs(untrained["blocks"] - sets["blocks"]).max() > 1e-3
    maps = jax.jit(method._project)(last["features"], last["projection"], images)
    moments = [
        f(maps[name], (1, 2)) for name in ("b4", "b2") for f in (np.mean, np.std)
    ]
    expected = np.concatenate(moments, -1)
    np.testing.assert_allclose(sets["projected"], expected, atol=1e-4)


def test_samples_are_of_each_key_alone(made, alone, generate):
    method, _ = made
    keys, state = jax.random.split(jax.random.key(1), 8), alone[3][0]
    images = generate(state.g_average, keys)
    assert images.shape == (8, 4, 4, 2)
    found = generate(state.g_average, keys[::-1])
    np.testing.assert_allclose(found, images[::-1], atol=1e-5)
    assert np.abs(images[0] - images[1]).max() > 1e-3
    np.testing.assert_allclose(method.samples(state, keys, {}), images, atol=1e-5)


def test_another_training_starts_from_its_networks(made, alone, embed, small_batch):
    method, first = made
    networks = method.trained(alone[3][0])
    begun = method.start(first, networks.for_channels((1, 0)))
    assert begun.step == 0
    images = small_batch["images"]
    before, now = (
        embed(method.items(state)["encoder"], x)
        for state, x in ((alone[3][0], images), (begun, images[..., ::-1]))
    )
    for name, features in before.items():
        np.testing.assert_allclose(now[name], features, atol=1e-4)


def test_a_start_from_other_sides_is_refused():
    states = []
    for px in (16, 8):
        config = configs.smoke(configs.default("projected_gan"))
        config.data.crop_px = px
        method = projected_gan.Method(config, SOURCE)
        shapes = jax.eval_shape(method.init, jax.random.key(0))
        states.append(jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes))
    with pytest.raises(InputError, match="see maps of other sides"):
        method.start(states[1], method.trained(states[0]))


@pytest.mark.slow
def test_it_learns_to_draw_the_brightness(make_method, small_batch):
    """Its mean, and how far images are apart in it, by a network that sees it."""
    settings = {
        "model.backbone": "morphology_cnn",  # others of our own normalise it away
        "method.augment_prob": 0.0,
        "method.learning_rate": 2e-3,
        "method.g_learning_rate": 5e-3,
        "method.average_halflife_images": 400,
    }
    method, state = make_method("projected_gan", **SETTINGS | settings)
    generate, real = jax.jit(method._generate), small_batch["images"]
    keys = jax.random.split(jax.random.key(1), 64)

    def moments(images):
        brightness = np.mean(images, (1, 2, 3))
        return np.array([brightness.mean(), brightness.std()])

    def away(state):
        return np.abs(moments(generate(state.g_average, keys)) - moments(real))

    before = away(state)
    state, metrics = after(method, state, small_batch, range(900))
    assert np.isfinite(list(metrics.values())).all()
    assert (away(state) < before / 2).all(), (before, away(state))
