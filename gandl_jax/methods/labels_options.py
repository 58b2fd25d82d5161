"""Options of methods that learn labels by `labelled`. Imports nothing slow."""

from gandl_jax.errors import known

OPTIONS = {
    # What a record of each class counts: "balanced", N / (classes * its records), so
    # that all classes together count the same, or "equal".
    "class_weights": "balanced",
    # Or "as_published": as the code of Dmitrenko et al. 2022 has it, unlike its text
    # (docs/methods.md): the loss takes probabilities for logits, and an autoencoder's
    # encoder learns nothing of it.
    "variant": "corrected",
}


def check(method) -> None:
    """Refuses weights of classes and variants that there are not.

    Args:
      method: `config.method`, with `OPTIONS`.

    Raises:
      InputError: names the first thing that is wrong.
    """
    known("method.class_weights", method.class_weights, ("balanced", "equal"))
    known("method.variant", method.variant, ("corrected", "as_published"))
