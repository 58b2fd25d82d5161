"""StyleGAN2: its layers, its resampling on each kind of device, its files."""
