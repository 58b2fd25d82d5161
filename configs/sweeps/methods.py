"""Three methods on one screen, two seeds each, the same records held out for all.

python -m gandl_jax.main --config=configs/sweeps/methods.py:screen=demo --job=sweep
"""

SEEDS = (0, 1)


def get_configs(screen):
    methods = ("gan", "autoencoder", "classifier")
    return screen.hold_out(screen.grid({"method": methods, "seed": SEEDS}))
