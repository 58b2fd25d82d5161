"""Which channel matters? A blend's weights, and trainings without each channel.

python -m gandl_jax.main --config=configs/sweeps/channels.py:screen=demo \
    --job=sweep,channel_importance

What is learnt is the config's label, or --config.data.label=COLUMN.
"""

SEEDS = (0, 1, 2)


def get_configs(screen):
    settings = {"model.channels_in": "blend"}
    made = screen.grid({"method": ("classifier",), "seed": SEEDS}, settings)
    return screen.hold_out(screen.without_each_channel(made))
