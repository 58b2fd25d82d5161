"""Options of methods with one network on mixed channels: see `trunk`.

The backbone is one of our own, or a published one. Imports nothing slow.
"""

from collections.abc import Sequence
from typing import Any

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError, nearest
from gandl_jax.errors import known as check_known
from gandl_jax.methods import backbone_options, plain_backbone_options
from gandl_jax.methods.option_checks import Side
from gandl_jax.methods.plain_backbone_options import SMALL

MIXING = "models/mixing"
ALL = "backbone"  # in config.method.freeze: the whole backbone
OPTIONS = {
    # Frozen stages, with their statistics: "backbone" for all of it, or some, such as
    # "stem,block1". The mixing of channels and the layers on the features still learn.
    "freeze": (),
}
CHOICES = {  # {mixing: {option: its values, the default first}}
    name: choices
    for name in modules.names(MIXING, "Mixing")
    if (choices := modules.constant(MIXING, name, "CHOICES"))
}
MIXING_MODEL = {
    # Mixing of channels before the backbone: gandl_jax/models/mixing/<name>.py.
    "channels_in": "all",
    # And a group for each mixing with options, of CHOICES in its file.
    **{
        name: {key: values[0] for key, values in choices.items()}
        for name, choices in CHOICES.items()
    },
}
MODEL = {
    **MIXING_MODEL,
    # A backbone of our own, small_cnn or morphology_cnn (docs/methods.md), or
    # gandl_jax/models/backbones/<name>.py.
    "backbone": SMALL,
    "weights": "",  # of a published backbone, as of backbone_options.MODEL
}
ARCHITECTURE = (  # full keys that arrays or features depend on
    "model.channels_in",
    "model.backbone",
    *(f"model.{name}.{key}" for name, choices in CHOICES.items() for key in choices),
)


def check(config, side: Side | None = None) -> None:
    """Refuses unknown mixings, backbones, weights and frozen stages.

    Args:
      config: of the experiment; its model has `MODEL` and the sizes of
        one_network_options.MODEL, its method `OPTIONS`.
      side: of the images that the backbone sees; None for whole images.

    Raises:
      InputError: names the first thing that is wrong.
    """
    model, freeze = config.model, config.method.freeze
    check_mixing(config)
    published = modules.names(backbone_options.FOLDER, "network")
    plain = plain_backbone_options.names(config)
    check_known("model.backbone", model.backbone, (*plain, *published))
    if model.backbone in plain:
        plain_backbone_options.check(config, (side,) if side else ())
        _check_no_weights(model)
    else:
        backbone_options.check(config, trains=ALL not in freeze, side=side)
    for name in freeze:
        _check_stage(name, model.backbone, stages(config, side.px if side else None))


def check_mixing(config) -> None:
    """Refuses unknown mixings of channels, and unknown values of their options.

    Raises:
      InputError: names the first thing that is wrong.
    """
    model = config.model
    check_known("model.channels_in", model.channels_in, modules.names(MIXING, "Mixing"))
    for name, choices in CHOICES.items():
        for key, values in choices.items():
            _check_choice(f"model.{name}.{key}", model[name][key], values)


def stages(config, side: int | None = None) -> tuple[str, ...]:
    """Returns the names of the backbone's stages, in order, such as "b64", "b32".

    Args:
      config: of the experiment.
      side: of the images that the backbone sees, in pixels; None for whole images.
    """
    model = config.model
    if known := plain_backbone_options.PLAIN.get(model.backbone):
        return known.stages(model, side or configs.network_px(config))
    return modules.constant(backbone_options.FOLDER, model.backbone, "STAGES")


def _check_choice(key: str, value: Any, values: Sequence[Any]) -> None:
    if value not in values:
        raise InputError(
            f"config.{key}={value} should be {' or '.join(map(str, values))}"
        )


def _check_no_weights(model) -> None:
    if model.weights:
        published = modules.names(backbone_options.FOLDER, "network")
        raise InputError(
            f"config.model.weights={model.weights} is of a published network, and "
            f"config.model.backbone={model.backbone} is none: set "
            f"--config.model.backbone to one of {', '.join(published)}"
        )


def _check_stage(name: str, backbone: str, known: tuple[str, ...]) -> None:
    if name not in (ALL, *known):
        raise InputError(
            f"config.method.freeze names {name!r}, which is no stage of "
            f"config.model.backbone={backbone}: {nearest(name, (ALL, *known))}"
        )
