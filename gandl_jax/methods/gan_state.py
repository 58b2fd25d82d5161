"""What the training of a GAN changes."""

import flax
import optax
from jax import Array

from gandl_jax.methods.adaptive import Adaptation


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
