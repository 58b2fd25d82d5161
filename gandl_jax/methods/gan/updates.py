"""How a GAN's state moves: optimiser steps, moving averages, what adapts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods.gan import adaptive, frozen
from gandl_jax.methods.gan.state import AdaptiveState, State
from gandl_jax.methods.phase import mean_over_parts

STYLE_AVERAGE_DECAY = 0.998  # of the running mean of w (StyleGAN2, code)


def descend(
    state: State,
    network: str,
    loss: Callable[[dict, dict], tuple[Array, Any]],
    batch: dict,
    *,
    adam: optax.GradientTransformation,
    parts: int,
    freeze: tuple[str, ...],
) -> tuple[State, Array, Any, dict[str, Array]]:
    """One optimiser step of a network, on what the batch's parts say together.

    Args:
      state: before.
      network: "g" or "d".
      loss: (its parameters, part of the batch) to (value, other means over samples).
      batch: of this device.
      adam: its optimiser.
      parts: of the batch, one after the other.
      freeze: `config.method.freeze`.

    Returns:
      The state after, the value and the means, both over the global batch, and the
      norms of its gradient and update.
    """
    before, optimiser = getattr(state, network), f"{network}_optimiser"
    is_frozen = frozen.mask(freeze, network, before)

    def slope(part):
        def value(params):
            return loss(frozen.without_gradient(is_frozen, params), part)

        return jax.value_and_grad(value, has_aux=True)(before)

    found = mean_over_parts(slope, batch, parts)
    (value, means), gradient = lax.pmean(found, parallel.AXIS)
    update, moments = adam.update(gradient, getattr(state, optimiser))
    after = frozen.kept(is_frozen, before, optax.apply_updates(before, update))
    norms = {"gradient_norm": optax.tree.norm(gradient)}
    norms["update_norm"] = optax.tree.norm(update)
    return state.replace(**{network: after, optimiser: moments}), value, means, norms


def parameter_norms(state: State) -> dict[str, Array]:
    """Of both networks as they are; not finite where any parameter is not."""
    networks = {"d": state.d, "g": state.g}
    return {f"{n}/parameter_norm": optax.tree.norm(x) for n, x in networks.items()}


def average(state: State, options, batch: int) -> State:
    """Counts the step and moves the averages towards the parameters after it.

    Their half-life is ramped up with the images seen.

    Args:
      state: with both networks moved.
      options: `config.method`.
      batch: images per step, over all devices.
    """
    seen = (state.step + 1) * batch
    half_life = jnp.minimum(
        options.average_halflife_images, seen * options.average_rampup_frac
    )
    decay = 0.5 ** (batch / half_life)

    def move(network, average, value):
        moved = jax.tree.map(lambda a, b: b + (a - b) * decay, average, value)
        is_frozen = frozen.mask(options.freeze, network, value)
        return frozen.kept(is_frozen, average, moved)

    return state.replace(
        step=state.step + 1,
        g_average=move("g", state.g_average, state.g),
        d_average=move("d", state.d_average, state.d),
    )


def average_style(state: State, mean: Array) -> State:
    """Moves the mean style towards that of a step's styles, [Z]."""
    decay = STYLE_AVERAGE_DECAY
    return state.replace(w_average=decay * state.w_average + (1 - decay) * mean)


def adapt(state: AdaptiveState, sign: Array, options, batch: int) -> AdaptiveState:
    """Takes in how well D knew the real images, and adapts how much is augmented.

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
