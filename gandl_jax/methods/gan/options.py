"""Options of GAN-DL in a config: a StyleGAN2 whose discriminator is the encoder.

Imports nothing slow.
"""

from gandl_jax.errors import InputError, known
from gandl_jax.methods import style_generator_options
from gandl_jax.methods.option_checks import check_at_most_1, check_augmentation

BALANCES = ("none", "r1_weight", "d_learning_rate")

OPTIONS = {
    "learning_rate": 0.002,
    "beta1": 0.0,
    "beta2": 0.99,
    # ADA's rule 0.0002 * size^2 / batch is far weaker; with few images D then wins, and
    # its features are worse than untrained ones.
    "r1_weight": 10.0,
    "r1_every_steps": 16,
    "path_weight": 2.0,  # 0 leaves the phase out
    "path_every_steps": 4,
    "path_decay": 0.01,
    "style_mixing_prob": 0.9,
    "truncation_psi": 1.0,  # of styles in pictures; 0 would draw the mean style
    # Frozen parameters, such as "d/blocks_b64" (Freeze-D, 2020).
    "freeze": (),
    "average_halflife_images": 10_000,
    "average_rampup_frac": 0.05,  # of the images seen (ADA, 2020)
    # Or "relativistic" (R3GAN, 2024), which needs r2_weight, "least_squares" (LSGAN,
    # 2017), or "wgan_gp", which has a gradient penalty and a drift in every step and
    # no R1 (Karras et al. 2018, A.1).
    "loss": "logistic",
    "gradient_weight": 10.0,  # of wgan_gp
    "drift_weight": 1e-3,  # of wgan_gp
    "r2_weight": 0.0,  # R1's penalty on generated images, as often
    # Weight of a second loss of D: to tell two views of an image, augmented by the same
    # kinds, from all others of the batch (SimCLR, 2020); 0 is without.
    "views_weight": 0.0,
    "views_temperature": 0.2,
    "views_prob": 0.8,  # of each kind of augmentation
    "augment": "none",  # of all that D sees; or "fixed", or "adaptive" (ADA, 2020)
    "augment_kinds": ("turns", "shifts", "zoom", "rotation", "intensity"),
    "augment_prob": 0.5,  # of each kind if "fixed"; "adaptive" starts at 0
    "augment_target": 0.6,  # of the mean sign of D(real) (ADA, like the next two)
    "augment_speed_images": 500_000,  # to move the probability from 0 to 1
    "augment_every_steps": 4,
    # Balance of D and G: "none", or what follows the mean sign of D(real) to a target:
    # the "r1_weight" (R2's too), or inversely the "d_learning_rate".
    "balance": "none",
    "balance_target": 0.5,  # ours, like the next three
    "balance_speed_images": 10_000,  # to double or halve it
    "balance_every_steps": 4,
    "balance_most": 64.0,  # times the config's value, and 1/64 of it at least
    # Images between comparisons of samples with real images, by the distance of each to
    # the nearest other (ours). Below least_diversity G has collapsed.
    "diversity_every_images": 10_000,
    "least_diversity": 0.1,
}
MODEL = {
    **style_generator_options.MODEL,  # and the discriminator's, but for its last two
    "label_layers": 0,  # of D's mapping of labels; 0 is as many as mapping_layers
    "mbstd_group": 4,
}
MORE_SETS = ("covariances", "linear")  # of each block: see `Method.embed`
FEATURES = "b8"  # mean and deviation of the deepest block (ours)
LABELS = "optional"  # both networks are conditioned on the class
ARCHITECTURE = (
    *style_generator_options.ARCHITECTURE,
    "model.label_layers",
    "model.mbstd_group",
    "model.dtype",
)
CITE = (
    "GAN-DL: Mascolini and others, Exploiting generative self-supervised learning for "
    "the assessment of biological images with lack of annotations, BMC Bioinformatics "
    "2022",
    "StyleGAN2: Karras and others, Analyzing and improving the image quality of "
    "StyleGAN, CVPR 2020",
)
FREE = (
    *style_generator_options.FREE,
    "method.truncation_psi",
    "method.diversity_every_images",
    "method.least_diversity",
)
LOWEST = {
    "method.r1_every_steps": 1,
    "method.path_every_steps": 1,
    "method.views_temperature": 1e-3,
    "method.augment_speed_images": 1,
    "method.augment_every_steps": 1,
    "method.balance_speed_images": 1,
    "method.balance_every_steps": 1,
    "method.balance_most": 1,
    "method.diversity_every_images": 1,
    **style_generator_options.LOWEST,
    "model.mbstd_group": 1,
}
MOVED = {  # former key to present key
    "train.diversity_every_images": "method.diversity_every_images",
    "train.least_diversity": "method.least_diversity",
}
RECIPES = {
    # Keeps D from winning on few images (ours; docs/trials.md). Path lengths, which
    # shape G only, are left out to save time.
    "few_images": {
        "method.path_weight": 0.0,
        "method.augment": "fixed",
        "method.augment_prob": 0.3,
    },
}


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours).

    A batch of 4 is one deviation group, on one device.
    """
    style_generator_options.small(config.model)
    config.method.diversity_every_images = 1_000


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    config.model.update(channel_base=256, channel_max=32, latent_dim=32)


def check(config) -> None:
    """Refuses options that the networks, the game or the augmentation cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method = config.method
    games = ("logistic", "relativistic", "least_squares", "wgan_gp")
    known("method.loss", method.loss, games)
    known("method.augment", method.augment, ("none", "fixed", "adaptive"))
    for name in method.freeze:
        known("method.freeze network", name.partition("/")[0], ("d", "g"))
    used = method.augment != "none" or method.views_weight > 0
    off = "--config.method.augment=none --config.method.views_weight=0"
    check_augmentation(method, used=used, off=off)
    check_at_most_1(
        method, "augment_prob", "augment_target", "balance_target", "views_prob"
    )
    _check_balance(method)
    if method.loss == "wgan_gp" and method.r2_weight:
        raise InputError(
            f"config.method.r2_weight={method.r2_weight} has no part in wgan_gp, whose "
            "own penalty lies between real and generated images: set "
            "--config.method.r2_weight=0, or another --config.method.loss"
        )
    _check_batch(config)
    style_generator_options.check(config)


def _check_balance(method) -> None:
    known("method.balance", method.balance, BALANCES)
    if method.balance != "r1_weight":
        return
    has_r1 = method.loss != "wgan_gp"
    if not has_r1 or not (method.r1_weight or method.r2_weight):
        missing = "R1's weight is 0" if has_r1 else "wgan_gp has no R1"
        raise InputError(
            f"config.method.balance=r1_weight changes nothing, for {missing}: set "
            "--config.method.balance=d_learning_rate, or none"
        )


def _check_batch(config) -> None:
    """Refuses batches whose micro-batches divide deviation groups or compared views."""
    train, group = config.train, config.model.mbstd_group
    if config.method.views_weight and train.accumulate > 1:
        raise InputError(
            f"config.train.accumulate={train.accumulate} leaves the views of "
            "config.method.views_weight nothing to be told from but those of their "
            "part: set --config.train.accumulate=1"
        )
    if train.batch % (group * train.accumulate):
        times = f" times config.train.accumulate={train.accumulate}"
        raise InputError(
            f"config.train.batch={train.batch} should be a multiple of "
            f"config.model.mbstd_group={group}" + times * (train.accumulate > 1)
        )
