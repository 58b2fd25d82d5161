"""What a config may hold of the classifier. Imports nothing slow."""

from gandl_jax.errors import known
from gandl_jax.methods import one_network_options

OPTIONS = {
    **one_network_options.OPTIONS,
    # What a record of each class counts: "balanced", N / (classes * its records), so
    # that all classes together count the same, or "equal".
    "class_weights": "balanced",
    # Looks at the validation records without a lower loss, after which training
    # stops; 0 goes on to the end. It needs config.train.validation.
    "patience": 0,
}
MODEL = {**one_network_options.MODEL, "penultimate_dim": 128}
FEATURES = "penultimate"
LABELS = "needed"
ARCHITECTURE = (*(f"model.{key}" for key in MODEL), "model.dtype")
FREE = ("method.patience",)
LOWEST = one_network_options.LOWEST | {f"model.{key}": 1 for key in MODEL}
RECIPES = {}
CITE = (
    "LeCun, Bottou, Bengio, Haffner. Gradient-based learning applied to document "
    "recognition. Proc. IEEE 86 (1998).",
)

small = one_network_options.small


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    config.model.penultimate_dim = 8


def check(config) -> None:
    """Refuses what the network or the loss cannot do.

    Raises:
      InputError: with the first thing that is wrong.
    """
    weights = config.method.class_weights
    known("method.class_weights", weights, ("balanced", "equal"))
    one_network_options.check(config)
