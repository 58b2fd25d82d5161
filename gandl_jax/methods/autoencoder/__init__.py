"""A convolutional autoencoder: its code, and what its blocks see."""
