"""An auxiliary classifier beside the game (AC-GAN, Odena et al. 2017, sec. 3).

The generator is given a class beside its latent, one-hot. The discriminator also names
the class of real and of generated images; both networks lose what it gets wrong. Each
class is drawn as often, and all real classes together count the same (ours: of rare
ones, which are drawn to mend imbalance, there would be little to learn from).
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.errors import InputError
from gandl_jax.methods import class_weights
from gandl_jax.methods.source import Source
from gandl_jax.models.dcgan import CLASSES


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """The classes of one column of labels.

    Attributes:
      column: of `config.data.label`; "" where nothing is learnt.
      weight: of the loss.
      weights: [K] float32, what a real record of each class counts.
    """

    column: str = ""
    weight: float = 0.0
    weights: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))

    @property
    def classes(self) -> int:
        """K; 0 where nothing is learnt."""
        return len(self.weights)

    def with_classes(self, latents: Array, codes: Array | None) -> Array:
        """[B, Z] latents beside one-hot classes [B] int32: [B, Z + K]."""
        if codes is None:
            return latents
        return jnp.concatenate([latents, jax.nn.one_hot(codes, self.classes)], -1)

    def in_turn(self, index: Array) -> dict[str, Array]:
        """Labels of samples [N], classes in turn; {} where nothing is learnt."""
        return {self.column: index % self.classes} if self.classes else {}

    def of_d(
        self,
        real: Mapping[str, Array],
        known: Array,
        fake: Mapping[str, Array],
        drawn: Array,
    ) -> dict[str, Array]:
        """Means of the discriminator's cross-entropies, and how often it is right.

        Args:
          real: what it makes of real images.
          known: [B] int32 classes of these, -1 where blank, which do not count.
          fake: what it makes of generated ones.
          drawn: [B] int32 classes of those.
        """
        logits = real[CLASSES]
        weights = jax.nn.one_hot(known, self.classes) @ jnp.asarray(self.weights)
        of_real = (weights * _cross_entropy(logits, known)).mean()
        right = ((logits.argmax(-1) == known) & (known >= 0)).mean()
        return {
            "d/class_loss": of_real + _cross_entropy(fake[CLASSES], drawn).mean(),
            "d/class_accuracy": right / jnp.maximum((known >= 0).mean(), 1e-9),
        }

    def of_g(self, fake: Mapping[str, Array], drawn: Array) -> dict[str, Array]:
        """The generator's mean cross-entropy."""
        return {"g/class_loss": _cross_entropy(fake[CLASSES], drawn).mean()}


def of_source(source: Source, weight: float) -> Auxiliary:
    """The auxiliary classifier of training records.

    Args:
      source: of them.
      weight: of its loss; 0 learns nothing.

    Raises:
      InputError: there are no classes to learn, or those of several columns.
    """
    if not weight:
        return Auxiliary()
    if len(source.classes) != 1:
        columns = ", ".join(source.classes) or "no column"
        raise InputError(
            f"config.method.auxiliary_weight={weight} learns the classes of one column "
            f"of config.data.label, and that names {columns}: name one"
        )
    ((column, names),) = source.classes.items()
    counts = source.class_counts.get(column, ())
    weights = class_weights.balanced(counts) if counts else np.ones(len(names))
    return Auxiliary(column, weight, weights.astype(np.float32))


def _cross_entropy(logits: Array, codes: Array) -> Array:
    """[B], 0 where a code is -1."""
    one_hot = jax.nn.one_hot(codes, logits.shape[-1])
    return -(one_hot * jax.nn.log_softmax(logits)).sum(-1)
