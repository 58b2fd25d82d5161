"""An optimiser step on all parts of a batch and all devices, with its norms."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax
import optax
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods import frozen
from gandl_jax.methods.phase import mean_over_parts

State = TypeVar("State")


def descend(
    state: State,
    network: str,
    loss: Callable[[dict, dict], tuple[Array, Any]],
    batch: dict,
    *,
    adam: optax.GradientTransformation,
    parts: int,
    freeze: Sequence[str] = (),
) -> tuple[State, Array, Any, dict[str, Array]]:
    """One optimiser step of a network, on the mean gradient of the batch's parts.

    Args:
      state: before; the network's parameters in a field of its name, the optimiser's
        moments in `<network>_optimiser`.
      network: the field's name.
      loss: (parameters, part of the batch) to (value, other means over samples).
      batch: of this device.
      adam: the network's optimiser.
      parts: of the batch, one after the other: `config.train.accumulate`.
      freeze: parameters that stay as they are, by `frozen`'s names.

    Returns:
      The state after, the value and the means, both over the global batch, and the
      norms of gradient and update.
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


def parameter_norms(networks: Mapping[str, Any]) -> dict[str, Array]:
    """{"<network>/parameter_norm": scalar}; not finite where any parameter is not."""
    return {f"{n}/parameter_norm": optax.tree.norm(x) for n, x in networks.items()}
