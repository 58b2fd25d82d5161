"""Panels of a small GAN's training in the report; imports nothing slow."""

PANELS = {  # caption -> axis, metric -> its name in the legend
    "Losses": ("loss", {"d/loss": "discriminator", "g/loss": "generator"}),
    "Gradient penalty": ("penalty", {"d/gradient_penalty": "of wgan_gp"}),
    "Mean sign of the discriminator on real images": (
        "mean sign",
        {"d/real_sign": "real images"},
    ),
    "Discriminator's mean output": (
        "score",
        {"d/real_score": "real", "d/fake_score": "generated"},
    ),
    "Auxiliary classifier": (
        "cross-entropy",
        {"d/class_loss": "discriminator", "g/class_loss": "generator"},
    ),
    "Diversity of samples": ("over the real images'", {"g/diversity": "diversity"}),
}
PICTURES = (
    "Early pictures look like noise, and that is no fault: a generator takes thousands "
    "of steps until it draws cells, and larger images take longer. Features are often "
    "best before pictures are."
)
FACTS = {"Game": "method.loss"}  # name on the page -> key of the config
