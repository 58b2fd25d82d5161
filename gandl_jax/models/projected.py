"""Random projections of a network's maps, and a small discriminator for each of them.

Projected GANs (Sauer et al. 2021, arXiv 2111.01007, sec. 3.2): maps of several sides
are mixed by random convolutions that are never trained, and a discriminator judges the
result at each side. What the paper leaves open is ours, and said where it is.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

KAIMING = nn.initializers.he_normal()  # the paper, sec. 3.2, like no activation
SIDE = 4  # of kernels that halve, pixels (ours)
SLOPE = 0.2  # of LeakyReLU below 0 (ours)
ACROSS_CHANNELS, ACROSS_SCALES = "_channels", "_scales"  # ends of layers' names
Maps = dict[str, Array]  # each of half the side of another one, but the largest


class Projection(nn.Module):
    """Mixing across channels by 1 x 1, then across scales by 3 x 3; linear.

    The deepest map is taken first. Each next one gets that before it, doubled
    bilinearly and convolved, added (ours; the paper calls it like a U-Net).

    Attributes:
      width: channels of the shallowest result; each deeper one has twice as many.
      widest: most channels of a result.
      dtype: of the computation.
    """

    width: int
    widest: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, maps: Maps) -> Maps:
        """Projects {name: [B, S, S, D]} to [B, S, S, width] each, shallowest first."""
        names = sorted(maps, key=lambda name: -maps[name].shape[1])
        projected, deeper = {}, None
        for depth, name in reversed([*enumerate(names)]):
            width = min(self.width << depth, self.widest)
            x = self._convolution(width, 1, name + ACROSS_CHANNELS)(maps[name])
            if deeper is not None:
                across = self._convolution(width, 3, name + ACROSS_SCALES)
                x = x + across(_doubled(deeper))
            projected[name] = deeper = x
        return {name: projected[name] for name in names}

    def _convolution(self, width: int, side: int, name: str) -> nn.Conv:
        return nn.Conv(
            width,
            (side, side),
            use_bias=False,
            kernel_init=KAIMING,
            dtype=self.dtype,
            name=name,
        )


def _doubled(x: Array) -> Array:
    """Doubles [B, S, S, D] bilinearly."""
    count, side, _, width = x.shape
    return jax.image.resize(x, (count, 2 * side, 2 * side, width), "bilinear")


class Discriminators(nn.Module):
    """A discriminator for each map: all give logits at half the deepest map's side.

    Attributes:
      widest: most channels of a layer.
      dtype: of the convolutions.
    """

    widest: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, maps: Maps) -> tuple[Maps, Maps]:
        """Judges maps {name: [B, S, S, D]}.

        Returns:
          {name: [B, s, s, W] float32}, the last layer before the logits; {name: [B, s,
          s] float32}, logits, above 0 for real.
        """
        least = min(x.shape[1] for x in maps.values()) // 2
        features, logits = {}, {}
        for name, x in maps.items():
            discriminator = Discriminator(least, self.widest, self.dtype, name=name)
            features[name], logits[name] = discriminator(x)
        return features, logits


class Discriminator(nn.Module):
    """Convolutions that halve a map, with LeakyReLU, and one of 1 x 1 to a logit.

    Nothing is normalised but the kernels (`spectral_norm`), outside of it, so that each
    image is judged alone.

    Attributes:
      least: side of the logits.
      widest: most channels; each layer has twice as many as the one before (ours).
      dtype: of the convolutions.
    """

    least: int
    widest: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Maps [B, S, S, D] to ([B, s, s, W], logits [B, s, s]), both float32."""
        x = x.astype(self.dtype)
        while x.shape[1] > self.least:
            halve = nn.Conv(
                min(2 * x.shape[-1], self.widest),
                (SIDE, SIDE),
                (2, 2),
                kernel_init=KAIMING,
                dtype=self.dtype,
                name=f"b{x.shape[1]}",
            )
            x = nn.leaky_relu(halve(x), SLOPE)
        x = x.astype(jnp.float32)
        logits = nn.Conv(1, (1, 1), dtype=jnp.float32, name="logit")(x)
        return x, logits[..., 0]
