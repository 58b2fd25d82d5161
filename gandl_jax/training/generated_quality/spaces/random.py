"""Space of random convolutions with a fixed seed: fast, without any weights."""

from gandl_jax import parallel
from gandl_jax.methods import fixed_features

SEES = "random convolutions, which were never trained"
MOST = 1_000_000


def missing() -> str:
    """Returns "": nothing must be installed."""
    return ""


def version() -> str:
    """Names widths and seed."""
    return f"widths {fixed_features.WIDTHS}, seed {fixed_features.SEED}"


def open_space(channels: tuple[str, ...], px: int):
    """Opens the space; see `spaces`."""
    features = fixed_features.random_convolutions(len(channels), px)
    return parallel.on_one(features)
