"""Options of a small GAN (DCGAN, CytoGAN) in a config; imports nothing slow."""

from gandl_jax.errors import InputError, known
from gandl_jax.methods.backbone_options import check_whole_batch
from gandl_jax.methods.option_checks import check_at_most_1, check_halved

OPTIONS = {
    "learning_rate": 2e-4,  # like the next two from DCGAN (Radford et al. 2016, sec. 4)
    "beta1": 0.5,
    "beta2": 0.999,
    # DCGAN's game, non-saturating; or "least_squares" (LSGAN, Mao et al. 2017), or
    # "wgan_gp" (Gulrajani et al. 2017), with its penalty in every step.
    "loss": "logistic",
    "gradient_weight": 10.0,  # of wgan_gp's penalty (its paper, algorithm 1)
    "d_steps_per_g_step": 1,  # ours; 5 in the paper of wgan_gp
    # Weight of the loss of an auxiliary classifier of config.data.label; the generator
    # then draws by its classes (AC-GAN, Odena et al. 2017: 1). 0 learns no label.
    "auxiliary_weight": 0.0,
    "average_halflife_images": 10_000,  # as GAN-DL's, with the next
    "average_rampup_frac": 0.05,  # of the images seen
    # As in gan: images between comparisons of samples with real images, and the
    # diversity below which the generator has collapsed.
    "diversity_every_images": 10_000,
    "least_diversity": 0.1,
}
MODEL = {
    "width": 128,  # channels of D's first block; each has twice as many (DCGAN, fig. 1)
    "width_max": 1024,
    "blocks": 4,  # that halve the image in D, and double it in G
    "penultimate_dim": 1024,  # of D's dense layer (ours)
    "latent_dim": 100,  # uniform in [-1, 1] (DCGAN, fig. 1)
    # Of D: "batch", separately for real and generated images, "layer" or "none"; "auto"
    # is layer with wgan_gp, whose penalty is of each image alone, else batch.
    "normalisation": "auto",
    "doubling": "transposed",  # convolutions in G; or "resize", before a plain one
}
FEATURES = "penultimate"
LABELS = "optional"  # what the auxiliary classifier learns
SIZES = ("width", "width_max", "blocks", "penultimate_dim", "latent_dim")
ARCHITECTURE = (
    *(f"model.{key}" for key in MODEL),
    "method.auxiliary_weight",
    "model.dtype",
)
FREE = ("method.diversity_every_images", "method.least_diversity")
LOWEST = {
    "method.d_steps_per_g_step": 1,
    "method.average_halflife_images": 1,
    "method.diversity_every_images": 1,
    **{f"model.{key}": 1 for key in SIZES},
}
RECIPES = {  # CytoGAN's three games; its settings are not known to us
    "dcgan": {"method.loss": "logistic"},
    "lsgan": {"method.loss": "least_squares"},
    "wgan": {  # with the penalty in place of clipped weights
        "method.loss": "wgan_gp",
        "method.learning_rate": 1e-4,  # its paper's algorithm 1, like the next
        "method.beta1": 0.0,
        "method.beta2": 0.9,
        "method.d_steps_per_g_step": 5,
    },
}
CITE = (
    "Radford, Metz, Chintala. Unsupervised representation learning with deep "
    "convolutional generative adversarial networks. ICLR (2016).",
    "Goldsborough, Pawlowski, Caicedo, Singh, Carpenter. CytoGAN: generative modeling "
    "of cell images. bioRxiv 227645 (2017).",
    "Odena, Olah, Shlens. Conditional image synthesis with auxiliary classifier GANs. "
    "ICML (2017).",
)


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    config.model.update(width=16, width_max=128, penultimate_dim=128)
    config.method.diversity_every_images = 1_000
    config.train.batch = 16


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    config.model.update(width=8, width_max=16, blocks=2)
    config.model.update(penultimate_dim=8, latent_dim=8)


def normalisation(config) -> str:
    """Returns the normalisation of D, with "auto" resolved by the game."""
    if config.model.normalisation != "auto":
        return config.model.normalisation
    return "layer" if config.method.loss == "wgan_gp" else "batch"


def check(config) -> None:
    """Refuses options that the networks or the game cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method, model = config.method, config.model
    known("method.loss", method.loss, ("logistic", "least_squares", "wgan_gp"))
    layers = ("auto", "batch", "layer", "none")
    known("model.normalisation", model.normalisation, layers)
    known("model.doubling", model.doubling, ("transposed", "resize"))
    if method.loss == "wgan_gp" and model.normalisation == "batch":
        raise InputError(
            "config.model.normalisation=batch lets images of a batch answer for one "
            "another, and the penalty of config.method.loss=wgan_gp is of each alone: "
            "set --config.model.normalisation=layer, or none"
        )
    if bool(method.auxiliary_weight) != bool(config.data.label):
        raise InputError(
            f"config.data.label={config.data.label!r} is what the auxiliary classifier "
            f"learns, and config.method.auxiliary_weight={method.auxiliary_weight}: "
            "set both, as in --config.data.label=Class "
            "--config.method.auxiliary_weight=1, or neither"
        )
    check_at_most_1(method, "average_rampup_frac")
    check_halved(config)
    check_whole_batch(config)  # the generator always normalises by it
