"""An optimiser step on all micro-batches and devices, with its norms."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax
import optax
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods import frozen
from gandl_jax.methods.phase import mean_over_parts, sample_keys

State = TypeVar("State")


def descend(
    state: State,
    network: str,
    loss: Callable[[dict, dict], tuple[Array, dict[str, Any]]],
    batch: dict,
    key: Array,
    *,
    adam: optax.GradientTransformation,
    parts: int,
    group: str = "",
    freeze: Sequence[str] = (),
    rate: Array | None = None,
) -> tuple[State, Array, dict[str, Any]]:
    """Makes an optimiser step of a network, on the mean gradient of micro-batches.

    Args:
      state: before; the network's parameters in a field of its name, the optimiser's
        moments in `<network>_optimiser`.
      network: the field's name.
      loss: (parameters, micro-batch) to (value, other means over samples); a
        micro-batch has "keys", one of each sample, too.
      batch: of this device.
      key: of the step and phase.
      adam: the network's optimiser.
      parts: number of micro-batches: `config.train.accumulate`.
      group: of the norms' names; "" is the network's.
      freeze: frozen parameters, by `frozen`'s names.
      rate: scalar that the learning rate is multiplied by; None leaves it.

    Returns:
      The state after; the value; the means, both over the global batch, and the norms
      of gradient and update, as "<group>/<name>".
    """
    before, optimiser = getattr(state, network), f"{network}_optimiser"
    is_frozen = frozen.mask(freeze, network, before)

    def value_and_gradient(micro_batch):
        def value(params):
            return loss(frozen.without_gradient(is_frozen, params), micro_batch)

        return jax.value_and_grad(value, has_aux=True)(before)

    batch = batch | {"keys": sample_keys(key, batch["index"])}
    sums = mean_over_parts(value_and_gradient, batch, parts)
    (value, means), gradient = lax.pmean(sums, parallel.AXIS)
    update, moments = adam.update(gradient, getattr(state, optimiser))
    if rate is not None:
        update = jax.tree.map(lambda array: rate * array, update)
    after = frozen.keep_frozen(is_frozen, before, optax.apply_updates(before, update))
    state = state.replace(**{network: after, optimiser: moments})
    norms = {
        f"{group or network}/gradient_norm": optax.tree.norm(gradient),
        f"{group or network}/update_norm": optax.tree.norm(update),
    }
    return state, value, means | norms


def parameter_norms(networks: Mapping[str, Any]) -> dict[str, Array]:
    """Returns {"<network>/parameter_norm": scalar}, not finite if one is not."""
    return {
        f"{name}/parameter_norm": optax.tree.norm(params)
        for name, params in networks.items()
    }
