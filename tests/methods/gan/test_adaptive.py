"""The adaptive probability, in exact steps."""

import jax.numpy as jnp

from gandl_jax.methods.gan import adaptive


def followed(signs, prob=0.0, step=0):
    """The probability after each step; targets .6, every 4 steps by 1/8."""
    state = adaptive.start().replace(prob=jnp.float32(prob))
    probs = []
    for number, sign in enumerate(signs, step):
        state = adaptive.follow(
            state, jnp.float32(sign), jnp.int32(number), target=0.6, every=4, move=1 / 8
        )
        probs.append(float(state.prob))
    return probs


def test_it_rises_every_4_steps_while_all_reals_are_known():
    assert followed([1.0] * 8) == [0, 0, 0, 1 / 8, 1 / 8, 1 / 8, 1 / 8, 2 / 8]


def test_it_falls_while_reals_are_taken_for_generated():
    assert followed([-1.0] * 8, prob=0.5)[3::4] == [3 / 8, 2 / 8]


def test_it_stays_between_0_and_1():
    assert followed([1.0] * 8, prob=15 / 16)[3::4] == [1, 1]
    assert followed([-1.0] * 8, prob=1 / 16)[3::4] == [0, 0]


def test_it_weighs_the_mean_over_the_steps_since_it_last_moved():
    above, below = [1.0, 1.0, 1.0, -0.5], [1.0, 1.0, 1.0, -0.75]  # means .625, .5625
    assert followed(above + below + above, prob=0.5)[3::4] == [5 / 8, 4 / 8, 5 / 8]
