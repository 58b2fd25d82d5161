"""How good generated images are: distances to real images in feature spaces."""
