"""Options of BYOL in a config; imports nothing slow."""

from gandl_jax.methods import (
    morpho_recipes,
    multi_crop_options,
    self_distilled_options,
)
from gandl_jax.methods.backbone_options import check_whole_batch
from gandl_jax.methods.plain_backbone_options import MORPHOLOGY

OPTIONS = {
    **self_distilled_options.OPTIONS,
    "learning_rate": 3e-4,  # ours, for Adam; Grill et al. 2020 take LARS
    # Views (ours): random crops in any orientation, with changed stains.
    "crops": ("2x.4-1",),
    "turn_prob": 1.0,
    "augment_prob": 0.5,
    "augment_kinds": ("intensity",),
}
MODEL = {
    **self_distilled_options.MODEL,
    "penultimate_dim": 256,  # of the embedding (Dmitrenko et al. 2022)
    "penultimate_slope": 0.01,  # of its LeakyReLU below 0
    "hidden_dim": 4096,  # within projection and prediction (Grill et al. 2020)
    "projection_dim": 256,  # the same
}
FEATURES = "penultimate"
LABELS = "none"
ARCHITECTURE = (
    *self_distilled_options.ARCHITECTURE,
    *(f"model.{key}" for key in MODEL if key not in self_distilled_options.MODEL),
)
FREE = self_distilled_options.FREE
LOWEST = self_distilled_options.LOWEST | {
    "model.penultimate_dim": 1,
    "model.hidden_dim": 1,
    "model.projection_dim": 1,
}
RECIPES = morpho_recipes.setups(
    "morpho",
    {
        "evaluate.features": "code",
        "model.backbone": MORPHOLOGY,
        "model.penultimate_dim": 256,
        "model.hidden_dim": 2048,
        "model.projection_dim": 64,
        "method.average_decay": 0.8,
        "method.average_decay_images": 0,
        # The spread is logged but never rolls back: with one crop that is not augmented
        # both views are the same, and nothing is learnt.
        "method.least_spread": 0.0,
    },
)
CITE = (
    "Grill et al. Bootstrap your own latent: a new approach to self-supervised "
    "learning. NeurIPS (2020).",
)

doubt = self_distilled_options.doubt


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    self_distilled_options.small(config)
    config.model.update(penultimate_dim=64, hidden_dim=256, projection_dim=64)
    config.method.update(learning_rate=1e-3, average_decay=0.99)


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    self_distilled_options.smoke(config)
    config.model.update(penultimate_dim=8, hidden_dim=16, projection_dim=8)


def check(config) -> None:
    """Refuses options that the network or its views cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    self_distilled_options.check(config)
    check_whole_batch(config)  # projections are normalised by it


def views(config) -> int:
    """Counts the views of an image: its crops, of which a single one is drawn twice."""
    return max(2, multi_crop_options.count(config))
