"""A masked autoencoder: a transformer that rebuilds what it is not shown."""
