"""Recipes of a study of sixteen ways to learn a cell's morphology.

Dmitrenko et al. 2022 (arXiv 2203.04107): four methods, each on one crop or on several,
augmented or not. Imports nothing slow.
"""

from collections.abc import Mapping
from typing import Any

SHARED = {
    "model.input_px": 64,
    "method.learning_rate": 1e-4,
    "method.augment_prob": 0.0,
    "method.crops": ("whole",),
    "method.flip_prob": 0.0,
    "method.turn_prob": 0.0,
    "method.blur_prob": 0.0,
    "data.flips": False,
    "data.rotations": False,
    "train.batch": 256,
}
AUGMENTED = {"method.flip_prob": 0.5, "method.blur_prob": 0.2}
SEVERAL = {"method.crops": ("morpho_learner",)}
SETUPS = {
    "one": {},
    "one_augmented": AUGMENTED,
    "several": SEVERAL,
    "several_augmented": SEVERAL | AUGMENTED,
}


def setups(name: str, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the four recipes of a method, "<name>_one", "<name>_several" ....

    Args:
      name: prefix of their names.
      settings: {full key: value} of this method in all of them.
    """
    return {
        f"{name}_{setup}": {**SHARED, **settings, **setup_settings}
        for setup, setup_settings in SETUPS.items()
    }
