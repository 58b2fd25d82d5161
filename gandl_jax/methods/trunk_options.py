"""Options of methods that learn with one network on mixed channels: see `trunk`.

The network is our small one, or a published one. Imports nothing slow.
"""

from collections.abc import Sequence
from typing import Any

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError, nearest
from gandl_jax.errors import known as check_known
from gandl_jax.methods import backbone_options
from gandl_jax.methods.option_checks import Side, check_halved

MIXING = "models/mixing"
SMALL = "small_cnn"  # our own, of model.width and so on; no file has its weights
ALL = "backbone"  # of config.method.freeze
OPTIONS = {
    # Stages that stay as they are, statistics too: "backbone", all of it, or some, such
    # as "stem,block1". What mixes channels, and what stands on the features, learns.
    "freeze": (),
}
CHOICES = {  # of a mixing with options: key to its values, the default first
    name: choices
    for name in modules.names(MIXING, "Mixing")
    if (choices := modules.constant(MIXING, name, "CHOICES"))
}
MODEL = {
    # How channels become what the backbone sees: gandl_jax/models/mixing/<name>.py.
    "channels_in": "all",
    # And a group for each that has options, of CHOICES in its file.
    **{
        name: {key: values[0] for key, values in choices.items()}
        for name, choices in CHOICES.items()
    },
    "backbone": SMALL,  # or gandl_jax/models/backbones/<name>.py
    "weights": "",  # of a published backbone, as of backbone_options.MODEL
}
ARCHITECTURE = (  # full keys that arrays, or what is made of them, depend on
    "model.channels_in",
    "model.backbone",
    *(f"model.{name}.{key}" for name, choices in CHOICES.items() for key in choices),
)


def check(config, side: Side | None = None) -> None:
    """Refuses mixings, backbones, weights and frozen stages that there are not.

    Args:
      config: of the experiment; its model has `MODEL` and the sizes of
        one_network_options.MODEL, its method `OPTIONS`.
      side: of what the backbone sees; None is whole images.

    Raises:
      InputError: with the first thing that is wrong.
    """
    model, freeze = config.model, config.method.freeze
    check_known("model.channels_in", model.channels_in, modules.names(MIXING, "Mixing"))
    for name, choices in CHOICES.items():
        for key, values in choices.items():
            _check_choice(f"model.{name}.{key}", model[name][key], values)
    published = modules.names(backbone_options.FOLDER, "network")
    check_known("model.backbone", model.backbone, (SMALL, *published))
    if model.backbone == SMALL:
        check_halved(config, side)
        _check_no_weights(model.weights)
    else:
        backbone_options.check(config, trains=ALL not in freeze, side=side)
    for name in freeze:
        _check_stage(name, model.backbone, stages(config, side.px if side else None))


def stages(config, side: int | None = None) -> tuple[str, ...]:
    """Names of the backbone's stages, in order; of `small_cnn` "b64", "b32" ...

    Args:
      config: of the experiment.
      side: of what the backbone sees, in pixels; None is that of whole images.
    """
    model = config.model
    if model.backbone == SMALL:
        side = side or configs.network_px(config)
        return tuple(f"b{side >> block}" for block in range(model.blocks))
    return modules.constant(backbone_options.FOLDER, model.backbone, "STAGES")


def _check_choice(key: str, value: Any, values: Sequence[Any]) -> None:
    if value not in values:
        raise InputError(
            f"config.{key}={value} should be {' or '.join(map(str, values))}"
        )


def _check_no_weights(weights: str) -> None:
    if weights:
        published = modules.names(backbone_options.FOLDER, "network")
        raise InputError(
            f"config.model.weights={weights} is of a published network, and "
            f"config.model.backbone={SMALL} is none: set --config.model.backbone to "
            f"one of {', '.join(published)}"
        )


def _check_stage(name: str, backbone: str, known: tuple[str, ...]) -> None:
    if name not in (ALL, *known):
        raise InputError(
            f"config.method.freeze names {name!r}, which is no stage of "
            f"config.model.backbone={backbone}: {nearest(name, (ALL, *known))}"
        )
