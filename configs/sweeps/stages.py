"""What mends imbalance of stages: class weights, oversampling, a GAN's images, a
hierarchy, and time.

python -m gandl_jax.main --config=configs/sweeps/stages.py:screen=simulated_colonies \
    --job=sweep

Of every seed a GAN is trained first, on the records that the classifiers learn from,
and fills their classes up; so runs go one at a time (config.sweep.processes=1). Each
run is judged frame-wise and in time by the task `staged_classification`.
"""

from gandl_jax import config as configs

SEEDS = (0, 1, 2, 3, 4)
GAN = {
    "method.auxiliary_weight": 1.0,
    "train.total_images": 96_000,
    "evaluate.tasks": "staged_classification",
    "generate.after_training": True,
}
CLASSIFIER = {
    "train.total_images": 48_000,
    "evaluate.tasks": "staged_classification",
    "method.augment_prob": 0.3,
    "method.augment_kinds": ("turns", "shifts", "intensity"),
}
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


def get_configs(screen):
    like = screen.load("method=classifier")
    label, order = like.data.label, like.evaluate.staged_classification.order
    sweep = "stages-smoke" if screen.smoke else "stages"
    made = {}
    for seed in SEEDS:
        generator = f"generator-seed{seed}"
        settings = {**GAN, "data.label": label, "seed": seed}
        made[generator] = _config(screen, "small_gan", settings)
        for arm, (own, is_filled, is_hierarchy) in ARMS.items():
            settings = {**CLASSIFIER, **own, "seed": seed}
            if is_filled:
                drawn = f"runs/{sweep}/{screen.name}/{generator}/generated/prepared"
                settings["data.extra"] = (drawn,)
            if is_hierarchy:
                settings["method.hierarchy"] = order
            made[f"{arm}-seed{seed}"] = _config(screen, "classifier", settings)
    return screen.hold_out(made)


def _config(screen, method, settings):
    config = screen.load(f"method={method}" + ",smoke" * screen.smoke)
    length = config.train.total_images
    configs.set_keys(config, settings)
    if screen.smoke:
        config.train.total_images = length
    return config
