"""Which parameters are frozen, and which names are refused."""

import jax
import jax.numpy as jnp
import pytest

from gandl_jax.errors import InputError
from gandl_jax.methods import frozen

PARAMS = {
    "g": {"mapping": {"dense0": {"weight": jnp.ones(2)}}, "synthesis": {}},
    "d": {
        "blocks_b8": {"conv0": {"weight": jnp.ones(3), "bias": jnp.ones(1)}},
        "blocks_b80": {"conv0": {"weight": jnp.ones(3)}},
    },
}


def test_a_name_freezes_all_below_it_and_nothing_beside_it():
    marked = frozen.mask(("d/blocks_b8", "g/mapping"), "d", PARAMS["d"])
    assert marked["blocks_b8"]["conv0"] == {"weight": True, "bias": True}
    assert not marked["blocks_b80"]["conv0"]["weight"]
    leaf = frozen.mask(("d/blocks_b8/conv0/bias",), "d", PARAMS["d"])
    assert sum(jax.tree.leaves(leaf)) == 1
    assert all(jax.tree.leaves(frozen.mask(("g",), "g", PARAMS["g"])))
    assert not any(jax.tree.leaves(frozen.mask((), "g", PARAMS["g"])))


def test_no_gradient_is_computed_for_what_is_frozen():
    marked = frozen.mask(("d/blocks_b8",), "d", PARAMS["d"])

    def loss(d):
        d = frozen.without_gradient(marked, d)
        return sum((x**2).sum() for x in jax.tree.leaves(d))

    slope = jax.grad(loss)(PARAMS["d"])
    assert (slope["blocks_b8"]["conv0"]["weight"] == 0).all()
    assert (slope["blocks_b80"]["conv0"]["weight"] == 2).all()


@pytest.mark.parametrize(
    "name, told",
    [
        ("d/blocks_b16", "no 'blocks_b16' in d, which holds blocks_b8, blocks_b80"),
        ("d/blocks_b8/conv", "no 'conv' in d/blocks_b8, which holds conv0"),
        ("e", "no 'e' in the networks, which holds d, g"),
        ("d/blocks_b80/conv0/weight/x", "in d/blocks_b80/conv0/weight, which holds no"),
    ],
)
def test_unknown_names_are_told_with_those_at_their_level(name, told):
    with pytest.raises(InputError, match=told):
        frozen.check(("g/mapping", name), PARAMS)
