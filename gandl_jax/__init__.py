"""Learns representations of fluorescence screens on JAX, and judges them.

GAN-DL is the first of the methods (`methods/`).

Letters used for array axes in every docstring:

    B batch   H height   W width   C image channels   Z latent (z)   L style layers
    D features   N records   K classes
"""

from gandl_jax import literal_paths

__version__ = "0.1.0"

literal_paths.mend()
