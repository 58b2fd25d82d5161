"""The method that a config names; no screen is needed."""

from typing import Any

from gandl_jax import modules
from gandl_jax.errors import InputError, nearest
from gandl_jax.methods.source import Source


def make_method(config, source: Source) -> Any:
    """Makes the method that the config names.

    Args:
      config: of the experiment.
      source: of the records that it is trained on.

    Raises:
      InputError: there is no such method.
    """
    name, known = config.method.name, modules.names("methods", "Method")
    if name not in known:  # possible in another workdir's config.json
        raise InputError(f"there is no method {name!r}: {nearest(name, known)}")
    method = modules.load("methods", name).Method(config, source)
    px = config.model.input_px
    if not px:
        return method
    from gandl_jax.training import scaling  # slow

    return scaling.ScaledMethod(method, px)
