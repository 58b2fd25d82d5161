"""The auxiliary classifier's losses beside NumPy's, and that G draws by class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from gandl_jax import config as configs
from gandl_jax import config_checks, parallel
from gandl_jax.errors import InputError
from gandl_jax.methods.phase import sample_keys, substream
from gandl_jax.methods.small_gan import auxiliary
from gandl_jax.methods.small_gan.method import CLASS
from gandl_jax.methods.source import Source
from gandl_jax.models.dcgan import CLASSES

SETTINGS = {
    "data.label": "Treatment",
    "method.auxiliary_weight": 0.5,
    "model.width": 4,
}
SOURCE = Source(
    ("dna",), {"State": ("a", "b", "c")}, {"State": (6, 3, 1)}, {"State": 2}, 12
)


def entropies(logits, codes):
    logits, codes = np.asarray(logits), np.asarray(codes)
    return -np.take_along_axis(log_softmax(logits, 1), codes[:, None], 1)[:, 0]


def test_losses_are_weighted_cross_entropies_without_blanks():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 8, 3))
    known, drawn = np.array([0, 1, 2, -1, 0, 1, 0, -1]), rng.integers(0, 3, 8)
    one = auxiliary.make_auxiliary(SOURCE, 0.5)
    told = one.d_metrics(
        {CLASSES: jnp.array(real)}, jnp.array(known), {CLASSES: fake}, drawn
    )
    weights = 10 / 3 / np.array([6, 3, 1])
    some = known >= 0
    of_real = (weights[known] * entropies(real, np.maximum(known, 0)))[some].sum() / 8
    of_fake = entropies(fake, drawn).mean()
    assert told["d/class_loss"] == pytest.approx(of_real + of_fake, rel=1e-5)
    right = (real.argmax(1) == known)[some].mean()
    assert told["d/class_accuracy"] == pytest.approx(right)
    assert one.g_metrics({CLASSES: fake}, drawn)["g/class_loss"] == pytest.approx(
        of_fake, rel=1e-5
    )


def test_a_step_adds_them_to_the_game(make_method, one_batch):
    method, state = make_method("small_gan", **SETTINGS)
    plain, _ = make_method("small_gan", **SETTINGS | {"method.auxiliary_weight": 0.01})
    key = jax.random.key(2)
    found = []
    for one in (method, plain):
        step = parallel.split(one.d_main, parallel.devices(1))
        found.append(jax.device_get(step(state, one_batch, key)[1]))
    assert found[0]["d/class_loss"] == pytest.approx(found[1]["d/class_loss"], rel=1e-5)
    assert found[0]["d/loss"] == pytest.approx(found[1]["d/loss"], rel=1e-5)
    assert found[0]["d/gradient_norm"] != pytest.approx(found[1]["d/gradient_norm"])
    keys = sample_keys(key, one_batch["index"])
    codes = jax.vmap(lambda k: jax.random.randint(k, (), 0, 3))(substream(keys, CLASS))
    fake, _ = jax.vmap(
        lambda: method._generate(state, state.g, keys, codes),
        axis_name=parallel.AXIS,
        axis_size=1,
    )()
    maps, _ = jax.vmap(
        lambda x: method._judge(state, state.d, x), axis_name=parallel.AXIS
    )(fake)
    real, _ = jax.vmap(
        lambda x: method._judge(state, state.d, x), axis_name=parallel.AXIS
    )(one_batch["images"][None])
    known = one_batch["labels"]["Treatment"]
    weights = np.array([6 / 3 / 3, 6 / 3 / 2, 6 / 3])
    loss = weights[known] * entropies(real[CLASSES][0], known.clip(0))
    expected = loss[known >= 0].sum() / 8
    expected += entropies(maps[CLASSES][0], codes).mean()
    assert found[0]["d/class_loss"] == pytest.approx(expected, rel=1e-4)


def test_two_devices_give_the_same(make_method, one_batch):
    method, state = make_method("small_gan", **SETTINGS)

    def after(devices):
        now = state
        for number, phase in enumerate(method.phases):
            step = parallel.split(phase.fn, parallel.devices(devices))
            now, _ = step(now, one_batch, jax.random.key(number))
        return jax.device_get(now)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), after(1), after(2)
    )


def test_samples_are_of_the_class_that_is_asked_for(make_method):
    method, state = make_method("small_gan", **SETTINGS)
    keys = jax.random.split(jax.random.key(1), 2)[jnp.array([0, 0, 1])]
    codes = jnp.array([0, 2, 2])
    images = np.asarray(method.samples(state, keys, {"Treatment": codes}))
    assert images.shape == (3, 16, 16, 2)
    assert np.abs(images[0] - images[1]).max() > 1e-5, "another class of one latent"
    alone = method.samples(state, keys[1:2], {"Treatment": codes[1:2]})
    np.testing.assert_allclose(alone, images[1:2], atol=1e-6)
    encoder = method.items(state)["encoder"]
    assert CLASSES not in method.embed(encoder, images)


def test_without_classes_or_with_two_columns_it_is_refused(make_method):
    assert auxiliary.make_auxiliary(SOURCE, 0.0).classes == 0
    with pytest.raises(InputError, match="that names no column: name one"):
        auxiliary.make_auxiliary(Source(("dna",)), 1.0)
    two = Source(("dna",), {"A": ("x", "y"), "B": ("x", "y")})
    with pytest.raises(InputError, match="that names A, B: name one"):
        auxiliary.make_auxiliary(two, 1.0)
    for settings in ({"data.label": "State"}, {"method.auxiliary_weight": 1.0}):
        config = configs.default("small_gan")
        config.data.dir = "somewhere"
        config.update_from_flattened_dict(settings)
        with pytest.raises(InputError, match="set both, as in"):
            config_checks.validate(config, ["train"])


@pytest.mark.slow
def test_it_learns_to_draw_the_brightness_of_each_class(make_method, one_batch):
    method, state = make_method(
        "small_gan",
        **SETTINGS
        | {
            "method.auxiliary_weight": 1.0,
            "method.learning_rate": 1e-3,
            "model.width": 8,
        },
    )
    steps = [parallel.split(p.fn, parallel.devices(1)) for p in method.phases]
    last = {}
    for number in range(400):
        for place, step in enumerate(steps):
            key = jax.random.fold_in(jax.random.key(number), place)
            state, metrics = step(state, one_batch, key)
            last |= metrics
    assert last["d/class_accuracy"] == 1
    keys = jax.random.split(jax.random.key(1), 32)
    means = [
        float(method.samples(state, keys, {"Treatment": jnp.full(32, k)}).mean())
        for k in range(3)
    ]
    assert means[0] + 0.3 < means[1] < means[2] - 0.3, "as the real classes are"
