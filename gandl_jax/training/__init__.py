"""The training loop and what it needs; the encoders that come of it."""
