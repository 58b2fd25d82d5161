"""An auxiliary classifier in the game (AC-GAN, Odena et al. 2017, sec. 3).

The generator takes a one-hot class beside its latent. The discriminator also predicts
the class of real and of generated images; both networks share that loss. All classes
are drawn equally often, and all real classes weigh the same (ours: otherwise rare
classes, which are drawn to mend imbalance, would hardly be learnt).
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
      column: of `config.data.label`; "" if nothing is learnt.
      weight: of the loss.
      weights: [K] float32, of a real record of each class.
    """

    column: str = ""
    weight: float = 0.0
    weights: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))

    @property
    def classes(self) -> int:
        """K, the number of classes; 0 if nothing is learnt."""
        return len(self.weights)

    def with_classes(self, latents: Array, codes: Array | None) -> Array:
        """Joins latents [B, Z] with one-hot classes [B] int32: [B, Z + K]."""
        if codes is None:
            return latents
        return jnp.concatenate([latents, jax.nn.one_hot(codes, self.classes)], -1)

    def in_turn(self, index: Array) -> dict[str, Array]:
        """Returns labels of samples [N], classes in turn; {} if nothing is learnt."""
        return {self.column: index % self.classes} if self.classes else {}

    def d_metrics(
        self,
        real: Mapping[str, Array],
        known: Array,
        fake: Mapping[str, Array],
        drawn: Array,
    ) -> dict[str, Array]:
        """Returns the discriminator's mean cross-entropies, and its accuracy.

        Args:
          real: D's outputs for real images.
          known: [B] int32 classes of real images, -1 if blank, which do not count.
          fake: D's outputs for generated images.
          drawn: [B] int32 classes of generated images.
        """
        logits = real[CLASSES]
        weights = jax.nn.one_hot(known, self.classes) @ jnp.asarray(self.weights)
        real_loss = (weights * _cross_entropy(logits, known)).mean()
        right = ((logits.argmax(-1) == known) & (known >= 0)).mean()
        return {
            "d/class_loss": real_loss + _cross_entropy(fake[CLASSES], drawn).mean(),
            "d/class_accuracy": right / jnp.maximum((known >= 0).mean(), 1e-9),
        }

    def g_metrics(self, fake: Mapping[str, Array], drawn: Array) -> dict[str, Array]:
        """Returns the generator's mean cross-entropy."""
        return {"g/class_loss": _cross_entropy(fake[CLASSES], drawn).mean()}


def make_auxiliary(source: Source, weight: float) -> Auxiliary:
    """Makes the auxiliary classifier of training records.

    Args:
      source: of the training records.
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
    """Computes cross-entropies [B], 0 for a code of -1."""
    one_hot = jax.nn.one_hot(codes, logits.shape[-1])
    return -(one_hot * jax.nn.log_softmax(logits)).sum(-1)
