"""The state of a GAN's training."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gandl_jax.errors import InputError
from gandl_jax.methods.gan.adaptive import Adaptation
from gandl_jax.methods.gan.balance import Balance
from gandl_jax.methods.gan.weights import Networks

NETWORKS = ("g", "d", "g_average", "d_average", "w_average")  # fields of a state


@flax.struct.dataclass
class State:
    """All arrays that training changes.

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
    """The state with adaptive augmentation.

    It is a separate class because checkpoints are read by the names of fields: those
    without adaptive augmentation stay readable.

    Attributes:
      augment: the probability, and the signs that move it.
    """

    augment: Adaptation


@flax.struct.dataclass
class BalancedState(State):
    """The state with a balance of D and G, a class of its own like `AdaptiveState`.

    Attributes:
      balance: how strongly D is held back, and the signs that move it.
    """

    balance: Balance


@flax.struct.dataclass
class AdaptiveBalancedState(AdaptiveState):
    """The state with both.

    Attributes:
      balance: as of `BalancedState`.
    """

    balance: Balance


_WITH_CONTROLLERS = {
    (): State,
    ("augment",): AdaptiveState,
    ("balance",): BalancedState,
    ("augment", "balance"): AdaptiveBalancedState,
}


def with_controllers(state: State, **controllers: Adaptation | Balance) -> State:
    """Returns a state with what follows D's signs: augment, balance, both or none."""
    kind = _WITH_CONTROLLERS[tuple(sorted(controllers))]
    return kind(**vars(state), **controllers)


def networks(state: State) -> Networks:
    """Returns the networks that another training may start from, with averages."""
    return Networks(**{name: jax.device_get(getattr(state, name)) for name in NETWORKS})


def start(initial: State, given: Networks) -> State:
    """Replaces the networks of a new state.

    Layers that the given networks lack, such as the head of the views' loss, stay as
    they are; the optimisers start again.

    Args:
      initial: a state at step 0.
      given: networks for the same images.

    Returns:
      The state that a training starts from.

    Raises:
      InputError: names a parameter of another shape.
    """
    return initial.replace(
        **{
            name: _over(getattr(initial, name), getattr(given, name), name)
            for name in NETWORKS
        }
    )


def _over(initial: Any, given: Any, name: str) -> Any:
    if isinstance(initial, dict):
        return {
            key: _over(value, given[key], f"{name}/{key}") if key in given else value
            for key, value in initial.items()
        }
    if initial.shape != given.shape:
        raise InputError(
            f"{name} is of shape {list(given.shape)} in the networks to start from, of "
            f"{list(initial.shape)} in the config's: start from networks of one kind"
        )
    return jnp.array(given, initial.dtype)  # a copy: no two fields share memory
