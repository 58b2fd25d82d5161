"""Adam with the methods' options."""

import optax


def adam(options) -> optax.GradientTransformation:
    """Makes Adam (Kingma and Ba 2015).

    Args:
      options: `config.method`, with learning_rate, beta1 and beta2.
    """
    return optax.adam(
        options.learning_rate, b1=options.beta1, b2=options.beta2, eps=1e-8
    )


def lazy_adam(options, every: float) -> optax.GradientTransformation:
    """Makes Adam for a network with an additional regularising step every k steps.

    With c = k / (k + 1), or 1 without such a step: learning rate times c, betas to the
    power of c (StyleGAN2, app. B).

    Args:
      options: as for `adam`.
      every: k; infinite without such a step.
    """
    c = 1 / (1 + 1 / every)
    return optax.adam(
        options.learning_rate * c, b1=options.beta1**c, b2=options.beta2**c, eps=1e-8
    )
