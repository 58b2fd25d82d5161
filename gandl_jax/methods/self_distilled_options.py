"""Options of methods in which a network learns from its own moving average.

Imports nothing slow.
"""

from gandl_jax.methods import (
    multi_crop_options,
    one_network_options,
    plain_backbone_options,
    trunk_options,
)
from gandl_jax.methods.option_checks import (
    Side,
    check_at_most_1,
    check_patience,
    whole_side,
)

OPTIONS = {
    **one_network_options.ADAM,
    **one_network_options.AUGMENT,
    **multi_crop_options.OPTIONS,
    # Share of the average that a step keeps: a cosine from the first to the last over
    # this many images, then the last. 0 images stays at the first.
    "average_decay": 0.996,
    "average_decay_last": 1.0,
    "average_decay_images": 0,
    # Images between checks of the spread of fixed records' projections; below
    # least_spread training has collapsed and goes back (ours); 0 never does.
    "spread_every_images": 10_000,
    "least_spread": 0.02,
    # Number of validations without a lower loss after which training stops; 0 never
    # stops early. It needs config.train.validation.
    "patience": 0,
}
MODEL = {
    **one_network_options.MODEL,  # of the backbone small_cnn
    **plain_backbone_options.VIT_MODEL,  # of vit
    **trunk_options.MIXING_MODEL,  # as in `classifier`
    "backbone": plain_backbone_options.SMALL,  # or vit or morphology_cnn
}
ARCHITECTURE = (  # full keys that arrays or features depend on
    *(f"model.{key}" for key in one_network_options.MODEL),
    *(f"model.{key}" for key in plain_backbone_options.VIT_MODEL),
    *trunk_options.ARCHITECTURE,
    "model.dtype",
)
FREE = ("method.spread_every_images", "method.least_spread", "method.patience")
LOWEST = multi_crop_options.LOWEST | {
    "method.spread_every_images": 1,
    **{f"model.{key}": 1 for key in one_network_options.MODEL},
    **{f"model.{key}": 1 for key in plain_backbone_options.VIT_MODEL},
}


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    one_network_options.small(config)
    plain_backbone_options.vit_small(config)
    config.method.spread_every_images = 1_000


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    plain_backbone_options.vit_smoke(config)


def check(config) -> None:
    """Refuses impossible crops, networks and shares.

    Raises:
      InputError: names the first thing that is wrong.
    """
    one_network_options.check_augment(config.method)
    check_at_most_1(config.method, "average_decay", "average_decay_last")
    check_patience(config)
    multi_crop_options.check(config)
    trunk_options.check_mixing(config)
    plain_backbone_options.check(config, sides(config))


def doubt(config) -> str:
    """Returns why nothing can be learnt, if all views of an image are the same."""
    method = config.method
    drawn = (method.flip_prob, method.turn_prob, method.blur_prob)
    is_augmented = any(drawn) or (method.augment_prob and method.augment_kinds)
    groups = multi_crop_options.groups(config)
    is_alike = all(group.is_whole for group in groups)
    if is_augmented or not is_alike or len({group.px for group in groups}) > 1:
        return ""
    return (
        "degenerate: crops are whole images and not augmented, so that all views of an "
        "image are the same and nothing can be learnt from them"
    )


def sides(config) -> tuple[Side, ...]:
    """Returns the sides of whole images and of crops of other sides."""
    whole = whole_side(config)
    other_sides = {group.px for group in multi_crop_options.groups(config)} - {whole.px}
    return (
        whole,
        *(Side(px, "method.crops", "method.crops") for px in sorted(other_sides)),
    )
