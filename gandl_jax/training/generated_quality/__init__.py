"""Quality of generated images: distances to real images in feature spaces."""
