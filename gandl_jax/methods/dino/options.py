"""Options of DINO in a config; imports nothing slow."""

from gandl_jax.errors import InputError
from gandl_jax.methods import multi_crop_options, self_distilled_options
from gandl_jax.methods.plain_backbone_options import VIT

OPTIONS = {
    **self_distilled_options.OPTIONS,
    "learning_rate": 5e-4,  # Caron et al. 2021: of a batch of 256, with AdamW
    # Views: two large crops and six small ones; in any orientation, with changed stains
    # and blurred by 3 x 3 pixels (ours).
    "crops": ("dino",),
    "turn_prob": 1.0,
    "blur_prob": 0.2,
    "augment_prob": 0.5,
    "augment_kinds": ("intensity",),
    "taught_crops": 2,  # number of first crops, which the teacher sees
    "student_temperature": 0.1,  # like the next two from Caron et al. 2021
    # Temperature of the teacher: linear from first to last over this many images.
    "teacher_temperature": 0.04,
    "teacher_temperature_last": 0.07,
    "teacher_temperature_images": 100_000,  # ours; 30 epochs in the paper
    "centre_decay": 0.9,  # share of the mean of the teacher's logits kept in a step
    # Prototypes are fixed for this many images (ours; an epoch in the paper).
    "freeze_prototypes_images": 10_000,
}
MODEL = {
    **self_distilled_options.MODEL,
    "backbone": VIT,
    "hidden_dim": 2048,  # within the head, like the next from Caron et al. 2021
    "bottleneck_dim": 256,
    "prototypes": 4096,  # ours; 65,536 there, of ImageNet
}
FEATURES = "pooled"
LABELS = "none"
ARCHITECTURE = (
    *self_distilled_options.ARCHITECTURE,
    *(f"model.{key}" for key in MODEL if key not in self_distilled_options.MODEL),
)
FREE = self_distilled_options.FREE
LOWEST = self_distilled_options.LOWEST | {
    "method.taught_crops": 1,
    "method.student_temperature": 1e-3,
    "method.teacher_temperature": 1e-3,
    "method.teacher_temperature_last": 1e-3,
    "model.hidden_dim": 1,
    "model.bottleneck_dim": 1,
    "model.prototypes": 2,
}
RECIPES = {}
CITE = (
    "Caron, Touvron, Misra, Jégou, Mairal, Bojanowski, Joulin. Emerging properties in "
    "self-supervised vision transformers. ICCV (2021).",
    "Dosovitskiy et al. An image is worth 16x16 words: transformers for image "
    "recognition at scale. ICLR (2021).",
)

doubt = self_distilled_options.doubt


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    self_distilled_options.small(config)
    config.model.update(hidden_dim=256, bottleneck_dim=64, prototypes=512)
    config.method.update(crops=("2x.4-1", "4x.05-.4@.5"), average_decay=0.99)
    config.method.update(freeze_prototypes_images=1_000)
    config.method.update(teacher_temperature_images=4_000)


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    self_distilled_options.smoke(config)
    config.model.update(hidden_dim=8, bottleneck_dim=8, prototypes=16)
    config.method.crops = ("2x.4-1", "1x.2-.4@.5")


def check(config) -> None:
    """Refuses options that the network, its views or the teacher cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    self_distilled_options.check(config)
    if config.method.centre_decay > 1:
        raise InputError(
            f"config.method.centre_decay={config.method.centre_decay} should be at "
            "most 1"
        )
    if config.method.taught_crops > views(config):
        raise InputError(
            f"config.method.taught_crops={config.method.taught_crops} is above the "
            f"number of config.method.crops, {views(config)}: the teacher sees some "
            "of them, 2 say"
        )


def views(config) -> int:
    """Counts the views of an image: its crops, of which a single one is drawn twice."""
    return max(2, multi_crop_options.count(config))
