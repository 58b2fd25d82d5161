"""A small GAN, as CytoGAN had three: its discriminator's dense layer is the feature."""
