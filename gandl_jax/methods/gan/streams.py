"""Streams of random numbers of a step, after those of the generator."""

from gandl_jax.methods.style_generator import STREAMS

PATH, REAL, FAKE, VIEWS, BETWEEN, MIXED = range(STREAMS, STREAMS + 6)
