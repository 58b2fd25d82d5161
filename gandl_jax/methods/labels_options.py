"""Options of methods that learn labels by `labelled`. Imports nothing slow."""

from gandl_jax.errors import known

OPTIONS = {
    # Weight of a record: "balanced", N / (classes * records of its class), so that all
    # classes count the same, or "equal".
    "class_weights": "balanced",
    # Or "as_published", like the code of Dmitrenko et al. 2022 and unlike its text
    # (docs/methods.md): the loss uses probabilities as logits, and does not train an
    # autoencoder's encoder.
    "variant": "corrected",
}


def check(method) -> None:
    """Refuses unknown class weights and variants.

    Args:
      method: `config.method`, with `OPTIONS`.

    Raises:
      InputError: names the first thing that is wrong.
    """
    known("method.class_weights", method.class_weights, ("balanced", "equal"))
    known("method.variant", method.variant, ("corrected", "as_published"))
