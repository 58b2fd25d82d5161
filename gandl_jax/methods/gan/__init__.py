"""GAN-DL: a StyleGAN2 whose discriminator is the encoder."""
