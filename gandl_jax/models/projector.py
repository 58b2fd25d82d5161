"""Small networks on features: projections, predictions and prototypes."""

import flax.linen as nn
from jax import Array

from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.unit_length import unit


class Projector(nn.Module):
    """A layer, batch normalisation, a ReLU, and a layer.

    BYOL's projection and prediction (Grill et al. 2020, sec. 3.3). Batch statistics are
    those of all devices.

    Attributes:
      hidden: width of the first layer.
      dim: K, width of the result.
      axis: of the devices that share statistics; None for this device alone.
    """

    hidden: int
    dim: int
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, D] float32 to [B, K]; `train` uses the statistics of this batch."""
        x = nn.Dense(self.hidden, name="dense0")(x)
        x = nn.BatchNorm(
            use_running_average=not train,
            momentum=TORCH.momentum,
            epsilon=TORCH.epsilon,
            axis_name=self.axis,
            name="norm",
        )(x)
        return nn.Dense(self.dim, name="dense1")(nn.relu(x))


class ByolHeads(nn.Module):
    """BYOL's layers on pooled features: an embedding, a projection, a prediction.

    Attributes:
      penultimate: width of the embedding, a layer with a LeakyReLU.
      slope: of the LeakyReLU below 0.
      hidden: width of the layers within projection and prediction.
      dim: K, width of both.
      axis: as in `Projector`.
    """

    penultimate: int
    slope: float
    hidden: int
    dim: int
    axis: str | None = None

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        self.dense = nn.Dense(self.penultimate)
        self.projection = Projector(self.hidden, self.dim, self.axis)
        self.prediction = Projector(self.hidden, self.dim, self.axis)

    def embed(self, pooled: Array) -> Array:
        """Maps [B, D] float32 to the embedding [B, penultimate]."""
        return nn.leaky_relu(self.dense(pooled), self.slope)

    def __call__(self, pooled: Array, *, train: bool) -> dict[str, Array]:
        """Returns {"projected": [B, K], "predicted": [B, K]} of [B, D] float32."""
        projected = self.projection(self.embed(pooled), train=train)
        predicted = self.prediction(projected, train=train)
        return {"projected": projected, "predicted": predicted}


class DinoHead(nn.Module):
    """DINO's layers to prototypes: three layers, unit length, cosines.

    Caron et al. 2021 (arXiv 2104.14294), app.: GELUs between the layers, no batch
    normalisation; the last layer's weights are of unit length.

    Attributes:
      hidden: width of the first two layers.
      bottleneck: D, width of the third.
      prototypes: K.
    """

    hidden: int
    bottleneck: int
    prototypes: int

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        self.dense = _narrow(self.hidden)
        self.dense1 = _narrow(self.hidden)
        self.dense2 = _narrow(self.bottleneck)
        shape = self.bottleneck, self.prototypes
        self.last = self.param("prototypes", nn.initializers.normal(0.02), shape)

    def place(self, pooled: Array) -> Array:
        """Maps [B, W] float32 to [B, D] of unit length."""
        x = nn.gelu(self.dense(pooled), approximate=False)
        x = nn.gelu(self.dense1(x), approximate=False)
        return unit(self.dense2(x))

    def __call__(self, pooled: Array) -> dict[str, Array]:
        """Returns {"placed": [B, D], "logits": [B, K] in [-1, 1]} of [B, W] float32."""
        placed = self.place(pooled)
        return {"placed": placed, "logits": placed @ unit(self.last, axis=0)}


def _narrow(features: int) -> nn.Dense:
    kernel = nn.initializers.truncated_normal(0.02)  # Caron et al. 2021, their code
    return nn.Dense(features, kernel_init=kernel)
