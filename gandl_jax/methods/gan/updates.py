"""Updates of a GAN's state besides optimiser steps: averages, adaptation."""

from jax import Array

from gandl_jax.methods import ema, frozen
from gandl_jax.methods.gan import adaptive, balance
from gandl_jax.methods.gan.state import (
    AdaptiveBalancedState,
    AdaptiveState,
    BalancedState,
    State,
)

STYLE_AVERAGE_DECAY = 0.998  # of the running mean of w (StyleGAN2, code)


def average(state: State, options, batch: int) -> State:
    """Counts the step and moves the averages towards the new parameters.

    Args:
      state: after both networks' steps.
      options: `config.method`.
      batch: images per step, over all devices.
    """
    kept = ema.decay(
        state.step,
        batch,
        halflife_images=options.average_halflife_images,
        rampup_frac=options.average_rampup_frac,
    )

    def move(network, average, value):
        is_frozen = frozen.mask(options.freeze, network, value)
        moved = ema.move_towards(average, value, kept)
        return frozen.keep_frozen(is_frozen, average, moved)

    return state.replace(
        step=state.step + 1,
        g_average=move("g", state.g_average, state.g),
        d_average=move("d", state.d_average, state.d),
    )


def average_style(state: State, mean: Array) -> State:
    """Moves the mean style towards a step's mean style, [Z]."""
    decay = STYLE_AVERAGE_DECAY
    return state.replace(w_average=decay * state.w_average + (1 - decay) * mean)


def adapt(state: AdaptiveState, sign: Array, options, batch: int) -> AdaptiveState:
    """Adapts the augmentation to D's signs on real images.

    Args:
      state: before.
      sign: scalar, the step's mean sign of D on real images.
      options: `config.method`.
      batch: images per step, over all devices.
    """
    every = options.augment_every_steps
    after = adaptive.follow(
        state.augment,
        sign,
        state.step,
        target=options.augment_target,
        every=every,
        move=batch * every / options.augment_speed_images,
    )
    return state.replace(augment=after)


def hold_back(
    state: BalancedState | AdaptiveBalancedState, sign: Array, options, batch: int
) -> BalancedState | AdaptiveBalancedState:
    """Moves how strongly D is held back.

    Args:
      state, sign, options, batch: as of `adapt`.
    """
    after = balance.follow(state.balance, sign, state.step, options, batch)
    return state.replace(balance=after)
