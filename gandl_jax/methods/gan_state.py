"""What the training of a GAN changes."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gandl_jax.methods.adaptive import Adaptation
from gandl_jax.methods.gan_weights import Networks

NETWORKS = ("g", "d", "g_average", "d_average", "w_average")  # fields of a state


@flax.struct.dataclass
class State:
    """Everything that training changes.

    Attributes:
      step: scalar int32, steps completed.
      g, d: parameters of generator and discriminator.
      g_optimiser, d_optimiser: Adam's moments.
      g_average, d_average: moving averages of the parameters.
      w_average: [Z] running mean of the styles, for truncation.
      path_mean: scalar, running mean of the path lengths.
    """

    step: Array
    g: dict
    d: dict
    g_optimiser: optax.OptState
    d_optimiser: optax.OptState
    g_average: dict
    d_average: dict
    w_average: Array
    path_mean: Array


@flax.struct.dataclass
class AdaptiveState(State):
    """The state where augmentation adapts.

    A class of its own, for a checkpoint is read by the names of its fields: the
    others keep theirs.

    Attributes:
      augment: the probability, and what it is moved by.
    """

    augment: Adaptation


def networks(state: State) -> Networks:
    """What another training may start from: parameters, averages and all."""
    return Networks(**{name: jax.device_get(getattr(state, name)) for name in NETWORKS})


def start(initial: State, given: Networks) -> State:
    """Puts networks in the place of those of a new state.

    What the networks lack, as the head of the views' loss may be, stays as it is; the
    optimisers begin anew.

    Args:
      initial: a state at step 0.
      given: of the same sizes.

    Returns:
      The state that a training starts from.
    """
    return initial.replace(
        **{
            name: _over(getattr(initial, name), getattr(given, name))
            for name in NETWORKS
        }
    )


def _over(initial: Any, given: Any) -> Any:
    if isinstance(initial, dict):
        return {
            name: _over(own, given[name]) if name in given else own
            for name, own in initial.items()
        }
    assert initial.shape == given.shape, (initial.shape, given.shape)
    return jnp.array(given, initial.dtype)  # a copy: no two fields share memory
