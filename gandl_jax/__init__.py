"""Learns representations of fluorescence screens on JAX, and judges them.

GAN-DL is the first of the methods (`methods/`). From Python (docs/python.md):

    import gandl_jax as gj
    features = gj.embed(images, "runs/demo")

Letters used for array axes in every docstring:

    B batch   H height   W width   C image channels   Z latent (z)   L style layers
    D features   N records   K classes
"""

import importlib
import sys
import types
from typing import Any

from gandl_jax import literal_paths

__version__ = "0.1.0"

literal_paths.mend()

_OFFERED = {  # {name: its module in gandl_jax/api}, imported at first use
    "embed": "embedding",
    "open_encoder": "embedding",
    "feature_sets": "workdirs",
    "profiles": "workdirs",
    "normalize": "judging",
    "judge": "judging",
    "control_scores": "judging",
    "dose_response": "judging",
    "wells": "judging",
    "compare": "comparing",
    "plot": "plot",
}


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.api.{_OFFERED[name]}")
    return module if name == _OFFERED[name] else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_OFFERED})


class _Package(types.ModuleType):
    """The package, whose `profiles` is the function, not the folder of that name.

    Importing the folder would otherwise set that attribute to it.
    """

    @property
    def profiles(self) -> Any:
        return __getattr__("profiles")

    @profiles.setter
    def profiles(self, folder: types.ModuleType) -> None:
        del folder


sys.modules[__name__].__class__ = _Package
