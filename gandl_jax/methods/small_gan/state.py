"""What the training of a small GAN changes, and what another one may start from."""

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
    """Everything that training changes.

    Attributes:
      step: scalar int32, steps completed.
      g, d: parameters of generator and discriminator.
      g_optimiser, d_optimiser: Adam's moments.
      g_average, d_average: moving averages of the parameters.
      g_statistics, d_statistics: what stands for a batch's own in samples and in
        embedding; the discriminator's are of real images, {} where it has none.
      g_statistics_average, d_statistics_average: moving averages of them.
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


OF_G = ("g", "g_average")
OF_D = ("d", "d_average")
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
    """A state at step 0 of given networks, which are their own averages."""
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
    """What a training starts from.

    Attributes:
      fields: of a `State`: parameters, statistics, and averages of both.
    """

    fields: dict[str, dict]

    def for_channels(self, sources: Sequence[int | None]) -> "Networks":
        """The same for images of other channels; None is the mean of the old ones."""
        made = {
            name: dcgan.generator_with_channels(self.fields[name], sources)
            for name in OF_G
        } | {
            name: dcgan.discriminator_with_channels(self.fields[name], sources)
            for name in OF_D
        }
        return Networks(self.fields | made)


def networks(state: State) -> Networks:
    """Returns the networks that another training may start from."""
    names = (*OF_G, *OF_D, *STATISTICS)
    return Networks({name: jax.device_get(getattr(state, name)) for name in names})


def start(initial: State, given: Networks) -> State:
    """Puts networks in the place of those of a new state.

    Raises:
      InputError: the discriminators do not normalise alike.
    """
    ours = {name: getattr(initial, name) for name in given.fields}
    if jax.tree.structure(ours) != jax.tree.structure(given.fields):
        raise InputError(
            "the discriminator to start from normalises otherwise than this config's: "
            "set --config.model.normalisation to its batch, layer or none"
        )
    return initial.replace(**jax.tree.map(jnp.array, given.fields))
