"""What mends imbalance of stages: class weights, oversampling, a GAN's images, a
hierarchy, and time.

python -m gandl_jax.main --config=configs/sweeps/stages.py:screen=simulated_colonies \
    --job=sweep,compare

Of every seed a GAN is trained first, on the records that the classifiers learn from,
and fills their classes up; so runs go one at a time (config.sweep.processes=1). Each
run is judged frame-wise and, where groups are followed, in time, by the task
`staged_classification`. The comparison tells what each part adds, and what each arm
does over the plain network frame-wise. Classes without an order have no hierarchy.
"""

from gandl_jax import config as configs

# Lengths are those that two cores end in 150 minutes, by the time of a step alone: no
# score was looked at.
SEEDS = {"simulated_colonies": (0, 1, 2, 3, 4)}
FEWER_SEEDS = (0, 1, 2)  # of the other screens
GAN = {
    "method.auxiliary_weight": 1.0,
    "train.total_images": 48_000,
    "evaluate.tasks": "staged_classification",
    "generate.after_training": True,
    # Of 4, a GAN of 10,000 images on another draw (simulate.seed=11) had a margin of
    # 1.4 to what its selection let through.
    "generate.candidates": 8.0,
}
CLASSIFIER = {
    "train.total_images": 16_000,
    "evaluate.tasks": "staged_classification",
    "method.augment_prob": 0.3,
    "method.augment_kinds": ("turns", "shifts", "intensity"),
}
AGAINST = "plain (frame-wise)"  # the arm and way that all are held against
EQUAL, BALANCED = {"method.class_weights": "equal"}, {}
OVERSAMPLED = EQUAL | {"data.oversample": True}
ARMS = {  # to settings; whether a GAN fills classes up; whether a hierarchy decides
    "plain": (EQUAL, False, False),
    "weights": (BALANCED, False, False),
    "oversampling": (OVERSAMPLED, False, False),
    "gan_balancing": (EQUAL, True, False),
    "hierarchy": (EQUAL, False, True),
    "hierarchy_weights": (BALANCED, False, True),
    "hierarchy_gan": (EQUAL, True, True),
}
# What a screen's own config leaves open. The locations of a protein have no order in
# time, and generated images have the side of a crop: that of a cell.
OF_SCREEN = {
    "hpa_cells": {
        "data.crop_px": 128,
        "model.input_px": 64,
        "train.hold_out": "collage:0.33",
        "evaluate.staged_classification.label": "Location",
        "evaluate.staged_classification.order": (
            "Cytosol | Nucleoplasm | Plasma membrane | Nucleoli | Mitochondria"
        ),
        "evaluate.staged_classification.group": "collage",
    }
}


def get_configs(screen):
    like = _config(screen, "classifier", {})
    label, order = like.data.label, like.evaluate.staged_classification.order
    sweep = "stages-smoke" if screen.smoke else "stages"
    made = {}
    for seed in SEEDS.get(screen.name, FEWER_SEEDS):
        generator = f"generator-seed{seed}"
        settings = {**GAN, "data.label": label, "seed": seed}
        settings["compare.arm"] = "generator"
        made[generator] = _config(screen, "small_gan", settings)
        for arm, (own, is_filled, is_hierarchy) in ARMS.items():
            settings = {**CLASSIFIER, **own, "seed": seed, "compare.arm": arm}
            if is_filled:
                drawn = f"runs/{sweep}/{screen.name}/{generator}/generated/prepared"
                settings["data.extra"] = (drawn,)
            if is_hierarchy and ">" not in order:
                continue
            if is_hierarchy:
                settings["method.hierarchy"] = order
            made[f"{arm}-seed{seed}"] = _config(screen, "classifier", settings)
    return screen.hold_out(made)


def _config(screen, method, settings):
    config = screen.load(f"method={method}" + ",smoke" * screen.smoke)
    length, px = config.train.total_images, config.model.input_px
    configs.set_keys(config, {**OF_SCREEN.get(screen.name, {}), **settings})
    config.compare.against = AGAINST
    if screen.smoke:
        config.train.total_images, config.model.input_px = length, px or 16
        config.generate.select = "none"  # nothing that was learnt so shortly passes
    return config
