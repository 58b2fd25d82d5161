"""Options of backbones of our own, which any method may use.

They normalise each image by itself or not at all, and have neither batch statistics nor
published weights. See `plain_backbone`. Imports nothing slow.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from gandl_jax.errors import InputError, known
from gandl_jax.methods.option_checks import Side, check_halved, whole_side

SMALL, MORPHOLOGY, VIT = "small_cnn", "morphology_cnn", "vit"
VIT_MODEL = {  # of a method that takes `vit` too
    "patch_px": 16,
    "vit_width": 384,  # as of ViT-S (Touvron et al. 2021), with depth and heads
    "vit_depth": 12,
    "vit_heads": 6,
}


class Plain(NamedTuple):
    """Checks and names of a backbone that need no network.

    Attributes:
      check: refuses sides in px that it cannot take, and impossible sizes.
      stages: names of its layers for config.method.freeze, by config.model and side.
    """

    check: Callable[[Any, Side], None]
    stages: Callable[[Any, int], tuple[str, ...]]


def names(config) -> tuple[str, ...]:
    """Returns the backbones for a config's method: those whose sizes it has."""
    has_sizes = "vit_width" in config.model
    return (SMALL, MORPHOLOGY, *([VIT] if has_sizes else []))


def check(config, sides: tuple[Side, ...] = ()) -> None:
    """Refuses unknown backbones, and sides that they cannot take.

    Args:
      config: of the experiment; its model has `backbone` and its sizes.
      sides: of the images that it sees; () for whole images.

    Raises:
      InputError: names the first thing that is wrong.
    """
    known("model.backbone", config.model.backbone, names(config))
    for side in sides or (whole_side(config),):
        PLAIN[config.model.backbone].check(config, side)


def vit_small(config) -> None:
    """Sets a transformer that two cores train in minutes (ours)."""
    config.model.update(patch_px=8, vit_width=128, vit_depth=4, vit_heads=4)


def vit_smoke(config) -> None:
    """Sets a transformer that takes seconds."""
    config.model.update(patch_px=4, vit_width=8, vit_depth=1, vit_heads=2)


def _check_morphology(config, side: Side) -> None:
    if side.px % 4:
        near = max(4, side.px // 4 * 4)
        raise InputError(
            f"config.{side.key}={side.px} should be a multiple of 4, for "
            f"config.model.backbone={MORPHOLOGY} halves it twice: "
            f"--config.{side.set_by}={near}, say"
        )


def _check_vit(config, side: Side) -> None:
    model = config.model
    if side.px % model.patch_px:
        fits = [px for px in range(1, side.px + 1) if not side.px % px]
        near = min(fits, key=lambda px: abs(px - model.patch_px))
        raise InputError(
            f"config.model.patch_px={model.patch_px} does not divide config.{side.key}="
            f"{side.px}: set --config.model.patch_px={near}, say"
        )
    if model.vit_width % 4 or model.vit_width % model.vit_heads:
        raise InputError(
            f"config.model.vit_width={model.vit_width} should be a multiple of 4, for "
            "sines and cosines of two axes, and of config.model.vit_heads="
            f"{model.vit_heads}, which share it"
        )


PLAIN = {
    SMALL: Plain(
        check_halved,
        lambda model, side: tuple(f"b{side >> block}" for block in range(model.blocks)),
    ),
    MORPHOLOGY: Plain(
        _check_morphology, lambda model, side: ("conv1", "conv2", "conv3", "conv4")
    ),
    VIT: Plain(_check_vit, lambda model, side: ()),
}
