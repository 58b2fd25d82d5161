"""Panels of a projected GAN's training in the report; imports nothing slow."""

PANELS = {  # caption -> axis, metric -> its name in the legend
    "Losses": ("hinge loss", {"d/loss": "discriminators", "g/loss": "generator"}),
    "Mean sign of the discriminators' sum on real images (0: they guess; 1: they have "
    "won)": ("mean sign", {"d/real_sign": "real images"}),
    "Discriminators' sum": (
        "score",
        {"d/real_score": "real", "d/fake_score": "generated"},
    ),
    "Diversity of samples": ("over the real images'", {"g/diversity": "diversity"}),
}
PICTURES = (
    "Early pictures look like noise, and that is no fault: a generator takes hundreds "
    "or thousands of steps until it draws cells, and larger images take longer."
)
FACTS = {  # name on the page -> key of the config
    "Frozen network": "model.backbone",
    "Its weights": "model.weights",
    "Augmentation": "method.augment_prob",
}
