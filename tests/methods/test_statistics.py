"""Networks with statistics: moved, averaged, kept; without any nothing has changed."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gandl_jax import checkpoint, parallel
from gandl_jax import config as configs
from gandl_jax.methods import one_network


@pytest.fixture
def config():
    config = configs.default("autoencoder")
    config.train.batch = 8
    # In every step the average keeps half of itself.
    config.method.update(average_rampup_frac=1.0, average_halflife_images=8)
    return config


def params():
    return {"layer": {"kernel": jnp.arange(6.0).reshape(2, 3)}}


def statistics():
    return {"norm": {"mean": jnp.zeros(3)}}


def step(config, state, batch):
    """The mean of x @ kernel, whose running mean keeps nine tenths of itself."""

    def loss(net, part):
        x = part["images"] @ net["layer"]["kernel"]
        mean = jax.lax.pmean(x.mean(0), parallel.AXIS)
        moved = jax.tree.map(lambda old: 0.9 * old + 0.1 * mean, state.statistics)
        return x.mean(), {one_network.STATISTICS: moved, "own": x.mean()}

    def fn(state, batch, key):
        return one_network.advance(config, state, "net", loss, batch, key)

    return parallel.split(fn, parallel.devices(2))(state, batch, jax.random.key(0))


def test_statistics_are_moved_averaged_and_kept(config):
    images = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    batch = {"images": images, "index": np.arange(8)}
    state = one_network.new(config, params(), statistics())
    means, averages, mean, average = [], [], np.zeros(3), np.zeros(3)
    for _ in range(2):
        kernel = np.asarray(state.net["layer"]["kernel"])
        state, metrics = step(config, state, batch)
        mean = 0.9 * mean + 0.1 * (images @ kernel).mean(0)
        average = (average + mean) / 2
        means.append(mean), averages.append(average)
    assert one_network.STATISTICS not in metrics and metrics["own"] is not None
    np.testing.assert_allclose(state.statistics["norm"]["mean"], means[-1], atol=1e-6)
    encoder = one_network.items(state)["encoder"]
    kept = encoder["statistics"]
    np.testing.assert_allclose(kept["raw"]["norm"]["mean"], means[-1], atol=1e-6)
    np.testing.assert_allclose(kept["average"]["norm"]["mean"], averages[-1], atol=1e-6)


def test_statistics_come_back_from_a_checkpoint_and_go_to_another_training(
    config, tmp_path
):
    state = one_network.new(config, params(), statistics()).replace(
        statistics={"norm": {"mean": jnp.ones(3)}}
    )
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(0, one_network.items(state), {})
    saved.wait()
    found = saved.restore(0, "train", jax.eval_shape(lambda: state))
    saved.close()
    jax.tree.map(np.testing.assert_array_equal, found, state)
    networks = one_network.Networks(
        found.net,
        found.net_average,
        lambda net, sources: net,
        found.statistics,
        found.statistics_average,
    )
    begun = one_network.start(config, networks.for_channels((0,)))
    np.testing.assert_array_equal(begun.statistics["norm"]["mean"], np.ones(3))
    np.testing.assert_array_equal(begun.statistics_average["norm"]["mean"], np.zeros(3))


@flax.struct.dataclass
class FormerState:
    """The state as versions before statistics saved it."""

    step: jax.Array
    net: dict
    net_optimiser: optax.OptState
    net_average: dict


def test_a_former_checkpoint_without_statistics_is_restored(config, tmp_path):
    state = one_network.new(config, params())
    former = FormerState(
        state.step,
        state.net,
        state.net_optimiser,
        jax.tree.map(jnp.ones_like, params()),
    )
    saved = checkpoint.Checkpoints(tmp_path)
    saved.save(0, {"train": former}, {})
    saved.wait()
    found = saved.restore(0, "train", jax.eval_shape(lambda: state))
    saved.close()
    jax.tree.map(np.testing.assert_array_equal, found.net, former.net)
    jax.tree.map(np.testing.assert_array_equal, found.net_average, former.net_average)
    assert set(one_network.items(found)["encoder"]) == {"average", "raw"}
