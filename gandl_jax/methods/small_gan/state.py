"""The state of a small GAN's training, and the networks to start another from."""

import dataclasses
from collections.abc import Sequence

import flax
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gandl_jax.errors import InputError
from gandl_jax.models import dcgan


@flax.struct.dataclass
class State:
    """All arrays that training changes.

    Attributes:
      step: scalar int32, steps completed.
      g, d: parameters of generator and discriminator.
      g_optimiser, d_optimiser: Adam's moments.
      g_average, d_average: moving averages of the parameters.
      g_statistics, d_statistics: batch statistics for samples and embedding; the
        discriminator's are of real images, {} if it has none.
      g_statistics_average, d_statistics_average: their moving averages.
    """

    step: Array
    g: dict
    d: dict
    g_optimiser: optax.OptState
    d_optimiser: optax.OptState
    g_average: dict
    d_average: dict
    g_statistics: dict
    d_statistics: dict
    g_statistics_average: dict
    d_statistics_average: dict


G_FIELDS = ("g", "g_average")
D_FIELDS = ("d", "d_average")
STATISTICS = (
    "g_statistics",
    "d_statistics",
    "g_statistics_average",
    "d_statistics_average",
)


def new(
    g: dict,
    d: dict,
    g_statistics: dict,
    d_statistics: dict,
    adam: optax.GradientTransformation,
) -> State:
    """Makes a state at step 0 of given networks, which are their own averages."""
    networks = {"g": g, "d": d}
    networks |= {"g_statistics": g_statistics, "d_statistics": d_statistics}
    averages = {f"{name}_average": _copy(value) for name, value in networks.items()}
    return State(
        step=jnp.zeros((), jnp.int32),
        g_optimiser=adam.init(g),
        d_optimiser=adam.init(d),
        **networks,
        **averages,
    )


def _copy(tree: dict) -> dict:
    return jax.tree.map(jnp.copy, tree)


@dataclasses.dataclass(frozen=True)
class Networks:
    """The networks that a training starts from.

    Attributes:
      fields: of a `State`: parameters, statistics, and averages of both.
    """

    fields: dict[str, dict]

    def for_channels(self, sources: Sequence[int | None]) -> "Networks":
        """Returns the same for other channels; None is the mean of the old ones."""
        params = {
            name: dcgan.generator_with_channels(self.fields[name], sources)
            for name in G_FIELDS
        } | {
            name: dcgan.discriminator_with_channels(self.fields[name], sources)
            for name in D_FIELDS
        }
        return Networks(self.fields | params)


def networks(state: State) -> Networks:
    """Returns the networks that another training may start from."""
    names = (*G_FIELDS, *D_FIELDS, *STATISTICS)
    return Networks({name: jax.device_get(getattr(state, name)) for name in names})


def start(initial: State, given: Networks) -> State:
    """Replaces the networks of a new state.

    Raises:
      InputError: the discriminators normalise differently.
    """
    fields = {name: getattr(initial, name) for name in given.fields}
    if jax.tree.structure(fields) != jax.tree.structure(given.fields):
        raise InputError(
            "the discriminator to start from normalises otherwise than this config's: "
            "set --config.model.normalisation to its batch, layer or none"
        )
    return initial.replace(**jax.tree.map(jnp.array, given.fields))
