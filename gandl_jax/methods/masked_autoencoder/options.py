"""Options of the masked autoencoder in a config; imports nothing slow."""

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods import one_network_options
from gandl_jax.methods.option_checks import check_at_most_1, check_augmentation

OPTIONS = {
    **one_network_options.OPTIONS,
    "learning_rate": 1.5e-4,  # He et al. 2022, app. A: of a batch of 256, as beta2
    "beta2": 0.95,
    "hidden_frac": 0.75,  # of the patches (He et al. 2022, fig. 5)
    # Whether rebuilt pixels have mean 0 and deviation 1 within their patch (sec. 4).
    "normalise_patches": True,
}
MODEL = {
    "patch_px": 16,
    "width": 384,  # as of ViT-S (Touvron et al. 2021), with depth and heads
    "depth": 12,
    "heads": 6,
    "decoder_width": 192,  # ours; He et al. 2022 take 512 and 8 blocks for ViT-L
    "decoder_depth": 4,
    "decoder_heads": 3,
}
FEATURES = "tokens"
LABELS = "none"
ARCHITECTURE = (*(f"model.{key}" for key in MODEL), "model.dtype")
FREE = ()
LOWEST = one_network_options.LOWEST | {f"model.{key}": 1 for key in MODEL}
RECIPES = {}
CITE = (
    "He, Chen, Xie, Li, Dollár, Girshick. Masked autoencoders are scalable vision "
    "learners. CVPR (2022).",
    "Dosovitskiy et al. An image is worth 16x16 words: transformers for image "
    "recognition at scale. ICLR (2021).",
)


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    config.model.update(patch_px=8, width=128, depth=4, heads=4)
    config.model.update(decoder_width=64, decoder_depth=2, decoder_heads=4)
    config.method.learning_rate = 1e-3
    config.train.batch = 16


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    config.model.update(patch_px=4, width=16, depth=2, heads=2)
    config.model.update(decoder_width=8, decoder_depth=1, decoder_heads=2)


def check(config) -> None:
    """Refuses options that the network or the loss cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method, off = config.method, "--config.method.augment_prob=0"
    check_at_most_1(method, "augment_prob", "average_rampup_frac", "hidden_frac")
    check_augmentation(method, used=method.augment_prob > 0, off=off)
    _check_patches(config)
    for prefix in ("", "decoder_"):
        _check_width(config.model, prefix)


def hidden(config) -> int:
    """Counts the hidden patches of an image."""
    return round(config.method.hidden_frac * patches(config))


def patches(config) -> int:
    """Counts the patches of an image."""
    return (configs.network_px(config) // config.model.patch_px) ** 2


def _check_patches(config) -> None:
    key, side = configs.network_px_key(config), configs.network_px(config)
    patch, count = config.model.patch_px, patches(config)
    if side % patch:
        fits = [px for px in range(1, side + 1) if not side % px]
        near = min(fits, key=lambda px: abs(px - patch))
        raise InputError(
            f"config.model.patch_px={patch} does not divide config.{key}={side}: set "
            f"--config.model.patch_px={near}, say"
        )
    if not 0 < hidden(config) < count:
        raise InputError(
            f"config.method.hidden_frac={config.method.hidden_frac} hides "
            f"{hidden(config)} of the {count} patches of config.{key}={side}, and at "
            "least one is to be hidden and one to be seen: set another "
            f"--config.method.hidden_frac, or a --config.model.patch_px below {patch}"
        )


def _check_width(model, prefix: str) -> None:
    width, heads = model[f"{prefix}width"], model[f"{prefix}heads"]
    if width % 4 or width % heads:
        raise InputError(
            f"config.model.{prefix}width={width} should be a multiple of 4, for sines "
            "and cosines of two axes, and of "
            f"config.model.{prefix}heads={heads}, which share it"
        )
