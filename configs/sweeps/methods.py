"""Every method on one screen, two seeds each, the same records held out for all.

python -m gandl_jax.main --config=configs/sweeps/methods.py:screen=demo --job=sweep
"""

SEEDS = (0, 1)
HELD_OUT = {"train.hold_out": "plate:0.33"}  # for methods without labels too


def get_configs(screen):
    return screen.grid(
        {"method": ("gan", "autoencoder", "classifier"), "seed": SEEDS}, HELD_OUT
    )
