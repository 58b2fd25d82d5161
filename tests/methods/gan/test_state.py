"""What a training takes over from other networks."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.methods.gan import state as gan_state
from gandl_jax.methods.gan.weights import Networks


def state(d):
    fields = dict.fromkeys((f.name for f in dataclasses.fields(gan_state.State)), ())
    g, w = {"a": jnp.zeros(3)}, jnp.zeros(4)
    return gan_state.State(
        **fields | {"g": g, "d": d, "g_average": g, "d_average": d, "w_average": w}
    )


def test_what_is_not_given_stays_and_what_is_too_much_is_left():
    given = Networks(
        g={"a": np.ones(3)},
        d={"b": {"w": np.full(2, 2.0)}, "head": np.ones(9)},
        g_average={"a": np.full(3, 3.0)},
        d_average={"b": {"w": np.full(2, 4.0)}},
        w_average=np.full(4, 5.0),
    )
    own = {"b": {"w": jnp.zeros(2)}, "views": jnp.full(7, 6.0)}
    started = gan_state.start(state(own), given)
    assert (started.g["a"] == 1).all() and (started.g_average["a"] == 3).all()
    assert (started.d["b"]["w"] == 2).all() and (started.d_average["b"]["w"] == 4).all()
    assert (started.d["views"] == 6).all() and set(started.d) == {"b", "views"}
    assert (started.w_average == 5).all()
    other = state({"b": {"w": jnp.zeros(3)}})
    with pytest.raises(InputError, match=r"d/b/w is of shape \[2\] .* of \[3\]"):
        gan_state.start(other, given)
