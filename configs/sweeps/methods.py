"""Three methods on one screen, two seeds each, the same records held out for all.

python -m gandl_jax.main --config=configs/sweeps/methods.py:screen=demo --job=sweep
"""

SEEDS = (0, 1)
HELD_OUT = "plate:0.33"  # for methods without labels too; or what the screen says


def get_configs(screen):
    made = screen.grid({"method": ("gan", "autoencoder", "classifier"), "seed": SEEDS})
    for config in made.values():
        config.train.hold_out = config.train.hold_out or HELD_OUT
    return made
