"""How long should GAN-DL train? Scores of many checkpoints, two seeds, by the part for
choosing alone.

python -m gandl_jax.main --config=configs/sweeps/lengths.py:screen=mitocheck_nuclei \
    --job=sweep,compare_seeds,report

The report draws each feature set's score over the steps beside the untrained networks',
and every training's own has D's mean sign and the distance of its images to real ones.
Another length is --config.train.total_images=N; what was trained goes on from there.
"""

SEEDS = (0, 1)
EVERY = 16_000  # images between two checkpoints that are scored
LENGTH = {
    "train.batch": 16,
    "train.total_images": 10 * EVERY,
    "train.milestone_every_images": EVERY,
    "train.log_every_images": 800,
    "generated_quality.every_images": EVERY,
}
SMOKE = {
    "train.milestone_every_images": 64,
    "generated_quality.every_images": 64,
    "generated_quality.images": 16,
}
SCORES = {
    "embed.steps": ("all",),
    "embed.orientations": 1,  # 8 would take as many times as long to embed
    "compare.steps": ("all",),
    "compare.part": "selection",
    "compare.aside_frac": 0.33,
    "compare.nested": False,
}
CHOOSING = {  # of screens of labelled cells, which have such parts
    "evaluate.within": "part:choosing",
    "evaluate.tasks": "label_classification",
}


def get_configs(screen):
    has_parts = screen.load("method=gan").train.hold_out == "part:reporting"
    settings = SCORES | (CHOOSING if has_parts else {})
    settings |= SMOKE if screen.smoke else LENGTH
    axes = {"method": ("gan",), "seed": SEEDS}
    return screen.hold_out(screen.grid(axes, settings))
