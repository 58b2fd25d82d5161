"""A linear layer, whose softmax is the prediction."""

from collections.abc import Sequence

import flax.linen as nn
from jax import Array

from gandl_jax.models.side_by_side_features import takes_rows


class Head(nn.Module):
    """Logits x W + b.

    Attributes:
      width: of the embedding.
      classes: K.
      scale: not used.
    """

    width: int
    classes: int
    scale: float = 1.0

    def setup(self):
        """Makes the parameters with the names and initialisers of `nn.Dense`."""
        shape = self.width, self.classes
        self.kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        self.bias = self.param("bias", nn.initializers.zeros, (self.classes,))

    def __call__(self, x: Array) -> Array:
        """Maps [B, width] to [B, K]."""
        return x @ self.kernel + self.bias.reshape(1, -1)

    def taught(self, x: Array, codes: Array, margin: Array) -> tuple[Array, ...]:
        """Returns the same logits."""
        del codes, margin
        return (self(x),)


def with_channels(params: dict, sources: Sequence[int | None], width: int) -> dict:
    """Returns parameters for other channels, as in `takes_rows`."""
    return params | {"kernel": takes_rows(params["kernel"], sources, width)}
