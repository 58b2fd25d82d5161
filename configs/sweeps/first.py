"""The first question of a screen: do three games of GAN-DL, a plain autoencoder or a
classifier give features that are worth more than their untrained networks, and than
classical ones? Two seeds, three minutes of training each.

python -m gandl_jax.main --config=configs/sweeps/first.py:screen=mitocheck_nuclei \
    --job=sweep,compare
"""

SEEDS = (0, 1)
SETTINGS = {"sweep.minutes": 3.0}
GAMES = {
    "logistic": {},
    "relativistic": {"method.r2_weight": 10.0},  # as R1's, as R3GAN has it
    "wgan_gp": {},
}


def get_configs(screen):
    made = {}
    for game, settings in GAMES.items():
        axes = {"method": ("gan",), "method.loss": (game,), "seed": SEEDS}
        made |= screen.grid(axes, SETTINGS | settings)
    axes = {"method": ("autoencoder", "classifier"), "seed": SEEDS}
    return made | screen.grid(axes, SETTINGS)
