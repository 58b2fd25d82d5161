"""Options of DEEMD in a config; imports nothing slow."""

from gandl_jax import config as configs
from gandl_jax.errors import InputError, known
from gandl_jax.methods import one_network_options, trunk_options
from gandl_jax.methods.option_checks import Side, check_patience

OPTIONS = {
    **one_network_options.OPTIONS,
    **trunk_options.OPTIONS,
    "learning_rate": 1e-4,  # ours; the paper's is unknown to us
    # Values of the columns of config.data.label that are infected, and healthy ones.
    # RxRx19a's paper counts UV-inactivated virus as healthy too: see its config.
    "infected": ("response_0",),
    "healthy": ("response_1",),
    "top_k": 10,  # tiles that decide for a bag (ours; the paper's is unknown)
    "class_weights": "balanced",  # or "equal", as in `classifier`
    "patience": 0,  # validations without a lower loss before it stops; 0 never stops
}
MODEL = {
    **one_network_options.MODEL,  # of the backbone small_cnn
    **trunk_options.MODEL,
    "backbone": "resnet50",  # Saberian et al. 2022
    # Width of a ReLU layer on a tile's pooled features; 0 is without it.
    "penultimate_dim": 0,
    # Side of a tile; tiles overlap by half. 0 is a quarter of the image: 49
    # tiles, 256 px of 1024 (Saberian et al. 2022).
    "tile_px": 0,
}
FEATURES = "penultimate"
LABELS = "needed"
ARCHITECTURE = (
    *(f"model.{key}" for key in MODEL if key not in trunk_options.MODEL),
    *trunk_options.ARCHITECTURE,
    "model.dtype",
    "method.top_k",  # of `infection`
)
FREE = ("method.patience",)
LOWEST = one_network_options.LOWEST | {
    "method.top_k": 1,
    **{f"model.{key}": 1 for key in one_network_options.MODEL},
}
RECIPES = {}
CITE = (
    "Saberian et al. DEEMD: drug efficacy estimation against SARS-CoV-2 based on cell "
    "morphology with deep multiple instance learning. IEEE Trans. Med. Imaging 41 "
    "(2022).",
)


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    one_network_options.small(config)
    config.model.update(backbone=trunk_options.SMALL, tile_px=32, penultimate_dim=64)
    config.method.update(learning_rate=1e-3, top_k=3)


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    config.model.update(backbone=trunk_options.SMALL, tile_px=8, penultimate_dim=8)
    config.method.top_k = 2


def tile_px(config) -> int:
    """Returns the side of a tile in pixels of the image that networks take."""
    return config.model.tile_px or configs.network_px(config) // 4


def tiles(config) -> int:
    """Counts the tiles of an image."""
    return (2 * configs.network_px(config) // tile_px(config) - 1) ** 2


def check(config) -> None:
    """Refuses options that bags, the network or the loss cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method = config.method
    known("method.class_weights", method.class_weights, ("balanced", "equal"))
    one_network_options.check_learning(config)
    check_patience(config)
    for key in ("infected", "healthy"):
        if not method[key]:
            raise InputError(
                f"config.method.{key} is empty: name values of the columns of "
                f"config.data.label, as in --config.method.{key}={OPTIONS[key][0]}"
            )
    if both := sorted({*method.infected} & {*method.healthy}):
        raise InputError(
            f"config.method.infected and config.method.healthy both name {both[0]!r}: "
            "leave it in one of them"
        )
    _check_tiles(config)
    key = "model.tile_px"
    trunk_options.check(config, Side(tile_px(config), key, set_by=key))


def _check_tiles(config) -> None:
    key, side = configs.network_px_key(config), configs.network_px(config)
    tile = tile_px(config)
    if not 2 <= tile <= side or tile % 2 or side % (tile // 2):
        raise InputError(
            f"config.model.tile_px={config.model.tile_px or tile} should be even and "
            f"half of it divide config.{key}={side}, for tiles lie half over one "
            f"another: --config.model.tile_px={_near(side, tile)}, say"
        )
    count, wanted = tiles(config), config.method.top_k
    if count < wanted:
        raise InputError(
            f"config.method.top_k={wanted} tiles are to answer for a bag, and tiles of "
            f"{tile} px of config.{key}={side} are {count}: set "
            f"--config.method.top_k={count} or less, or smaller config.model.tile_px"
        )


def _near(side: int, tile: int) -> int:
    """Returns the nearest side of a tile that fits."""
    fits = [
        tile_side for tile_side in range(2, side + 1, 2) if not side % (tile_side // 2)
    ] or [side]
    return min(fits, key=lambda tile_side: abs(tile_side - tile))


def check_classes(config, classes) -> None:
    """Refuses labels without infected or without healthy records.

    Args:
      config: of the experiment.
      classes: {column: names of its classes}.

    Raises:
      InputError: names the key whose values no record has.
    """
    class_names = [name for names in classes.values() for name in names]
    for key in ("infected", "healthy"):
        if not {*config.method[key]} & {*class_names}:
            raise InputError(
                f"deemd does not apply to config.data.label={config.data.label}, of "
                f"which no record is {' or '.join(config.method[key])} "
                f"(config.method.{key}): it learns from infected and healthy controls, "
                f"and the values are {', '.join(class_names[:8])}"
            )
