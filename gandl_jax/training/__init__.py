"""The training loop, its parts, and the encoders that it produces."""
