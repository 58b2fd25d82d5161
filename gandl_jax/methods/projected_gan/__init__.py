"""A projected GAN: discriminators see images through a frozen, published network."""
