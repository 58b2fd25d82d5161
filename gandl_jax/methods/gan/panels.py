"""Panels of a GAN's training in the report; imports nothing slow."""

PANELS = {  # caption -> axis, metric -> its name in the legend
    "Losses": ("loss", {"d/loss": "discriminator", "g/loss": "generator"}),
    "R1 penalty": ("R1", {"d/r1": "R1"}),
    "Path length": ("path length", {"g/path_length": "path length"}),
    "Discriminator's mean sign on real images (0: it guesses; from 0.8 on it has won, "
    "and features were worse than untrained ones)": (
        "mean sign",
        {"d/real_sign": "real images"},
    ),
    "How strongly the discriminator is held back": (
        "times the config's",
        {"d/held_back": "by R1's weight or its learning rate"},
    ),
    "Discriminator's mean output": (
        "logit",
        {"d/real_score": "real", "d/fake_score": "generated"},
    ),
}
# Measured: docs/trials.md, "Steps teach, not images".
PICTURES = (
    "Early pictures look like noise, and that is no fault. Steps teach, not images: "
    "small networks at 64 px drew blobs after 500 steps (8,000 images, 16 a batch) and "
    "cells with nuclei after 3,000 (12,000 images, 4 a batch); larger networks and "
    "images take longer."
)
FACTS = {"R1 weight": "method.r1_weight"}  # name on the page -> key of the config
