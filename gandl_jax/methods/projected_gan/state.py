"""The state of a projected GAN's training, and the networks to start another from."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gandl_jax.errors import InputError

NETWORKS = (
    "g",
    "d",
    "g_average",
    "d_average",
    "vectors",
    "vectors_average",
    "features",
    "projection",
)  # fields of a state


@flax.struct.dataclass
class State:
    """All arrays that training changes, and the fixed ones that an encoder needs.

    Attributes:
      step: scalar int32, steps completed.
      g, d: parameters of the generator and of all discriminators.
      g_optimiser, d_optimiser: Adam's moments.
      g_average, d_average: moving averages of the parameters.
      vectors, vectors_average: of the spectral normalisation of `d`, of `d_average`.
      features: variables of the frozen network; never changed, like the next.
      projection: parameters of the random projection.
    """

    step: Array
    g: dict
    d: dict
    g_optimiser: optax.OptState
    d_optimiser: optax.OptState
    g_average: dict
    d_average: dict
    vectors: dict
    vectors_average: dict
    features: dict
    projection: dict


@dataclasses.dataclass(frozen=True)
class Networks:
    """The networks that a training starts from.

    Attributes:
      fields: of a `State`; those that are left out stay as they are.
      with_channels: function of fields and sources to those for images of other
        channels; a source is the old channel's index, or None for the mean.
    """

    fields: dict[str, Any]
    with_channels: Callable[[dict, Sequence[int | None]], dict] | None = None

    def for_channels(self, sources: Sequence[int | None]) -> "Networks":
        """Returns the same for images of other channels."""
        fields = self.with_channels(self.fields, sources)
        return dataclasses.replace(self, fields=fields)


def networks(
    state: State, with_channels: Callable[[dict, Sequence[int | None]], dict]
) -> Networks:
    """Returns the networks of a state; `with_channels` as in `Networks`."""
    fields = {name: jax.device_get(getattr(state, name)) for name in NETWORKS}
    return Networks(fields, with_channels)


def start(initial: State, given: Networks) -> State:
    """Replaces the networks of a new state.

    Layers that the given ones lack, such as the mixing before a published network, stay
    as they are.

    Raises:
      InputError: the frozen networks see other depths, or are not of one kind.
    """
    fields = {
        name: _over(getattr(initial, name), value)
        for name, value in given.fields.items()
    }
    before = {name: getattr(initial, name) for name in fields}
    if jax.tree.map(jnp.shape, fields) != jax.tree.map(jnp.shape, before):
        raise InputError(
            "the networks to start from see maps of other sides or widths than this "
            "config's: set its data.crop_px, model.input_px and model.features_px to "
            "theirs"
        )
    return initial.replace(**fields)


def _over(initial: Any, given: Any) -> Any:
    """Puts given arrays over those of the same place."""
    if isinstance(given, dict):
        return initial | {
            name: _over(initial.get(name, {}), value) for name, value in given.items()
        }
    return jnp.array(given)  # a copy: no two fields share memory
