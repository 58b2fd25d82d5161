"""What is computed again for gradients changes nothing but memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.methods import losses
from gandl_jax.models.stylegan2 import stylegan2

SIZES = {"size": 8, "base": 32, "widest": 4}
# The program's own, not that of other tests: terms that cancel must sum in one order.
AS_THE_PROGRAM = {"xla_cpu_use_fusion_emitters": True}


def second_derivatives(network, remat):
    """The gradient of the network's regulariser, by parameter."""
    if network == "d":
        module = stylegan2.Discriminator(group=2, remat=remat, **SIZES)
        x = jax.random.normal(jax.random.key(0), (2, 8, 8, 2))
        inputs = (x,)
    else:
        module = stylegan2.Synthesis(channels=2, remat=remat, **SIZES)
        x = jax.random.normal(jax.random.key(0), (2, 4, 3))
        inputs = x, stylegan2.draw_noise(jax.random.split(jax.random.key(1), 2), 8)
    shapes = jax.eval_shape(module.init, jax.random.key(2), *inputs)["params"]
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: np.float32(rng.normal(size=x.shape)), shapes)

    def penalty(params):
        if network == "d":
            return losses.r1(lambda x: module.apply({"params": params}, x), x).mean()
        pull = jnp.ones((2, 8, 8, 2)) / 8
        return losses.path_lengths(
            lambda w: module.apply({"params": params}, w, inputs[1]), x, pull
        ).mean()

    return jax.jit(jax.grad(penalty), compiler_options=AS_THE_PROGRAM)(params)


@pytest.mark.parametrize("network", ["d", pytest.param("g", marks=pytest.mark.slow)])
def test_blocks_computed_again_give_the_same_network_and_gradients(network):
    kept, again = (second_derivatives(network, remat) for remat in (False, True))
    assert jax.tree.structure(kept) == jax.tree.structure(again)
    for a, b in zip(jax.tree.leaves(kept), jax.tree.leaves(again), strict=True):
        error = np.linalg.norm(np.subtract(a, b))
        assert error <= 1e-6 * np.linalg.norm(a)


def test_blocks_are_computed_again():
    module = stylegan2.Discriminator(group=2, remat=True, **SIZES)
    x = jnp.zeros((2, 8, 8, 2))
    variables = jax.eval_shape(module.init, jax.random.key(0), x)
    program = jax.make_jaxpr(lambda v: module.apply(v, x))(variables)
    assert sum("remat" in str(e.primitive) for e in program.eqns) == 1
