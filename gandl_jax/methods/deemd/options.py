"""What a config may hold of DEEMD. Imports nothing slow."""

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError, known
from gandl_jax.methods import backbone_options, one_network_options
from gandl_jax.methods.option_checks import check_at_most_1, check_augmentation

SMALL_CNN = "small_cnn"  # beside the published backbones
OPTIONS = {
    **one_network_options.OPTIONS,
    "learning_rate": 1e-4,  # ours; the paper's is unknown to us
    # Values of the columns of config.data.label: what is infected, and what is not.
    # RxRx19a's paper takes UV-inactivated virus for healthy too: see its config.
    "infected": ("response_0",),
    "healthy": ("response_1",),
    "top_k": 10,  # tiles of a bag that answer for it (ours; the paper's is unknown)
    "class_weights": "balanced",  # or "equal", as of `classifier`
    "patience": 0,  # looks without a lower validation loss, then stop; 0 goes on
}
MODEL = {
    # Saberian et al. 2022; or "small_cnn", sized by width, width_max, blocks and
    # penultimate_dim.
    "backbone": "resnet50",
    "weights": "",  # of a published backbone: docs/pretrained.md
    # Side of a tile; tiles lie half over one another. 0 is a quarter of the image: 49
    # tiles, 256 px of 1024 (Saberian et al. 2022).
    "tile_px": 0,
    **one_network_options.MODEL,
    "penultimate_dim": 128,
}
FEATURES = "penultimate"
LABELS = "needed"
ARCHITECTURE = (
    *(f"model.{key}" for key in MODEL if key != "weights"),
    "model.dtype",
    "method.top_k",  # of `infection`
)
FREE = ("method.patience",)
LOWEST = one_network_options.LOWEST | {
    "method.top_k": 1,
    **{f"model.{key}": 1 for key in (*one_network_options.MODEL, "penultimate_dim")},
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
    config.model.update(backbone=SMALL_CNN, tile_px=32, penultimate_dim=64)
    config.method.update(learning_rate=1e-3, top_k=3)


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    config.model.update(backbone=SMALL_CNN, tile_px=8, penultimate_dim=8)
    config.method.top_k = 2


def tile_px(config) -> int:
    """Side of a tile in pixels of the image that networks take."""
    return config.model.tile_px or configs.network_px(config) // 4


def check(config) -> None:
    """Refuses what bags, the network or the loss cannot do.

    Raises:
      InputError: with the first thing that is wrong.
    """
    method, off = config.method, "--config.method.augment_prob=0"
    known("method.class_weights", method.class_weights, ("balanced", "equal"))
    check_at_most_1(method, "augment_prob", "average_rampup_frac")
    check_augmentation(method, used=method.augment_prob > 0, off=off)
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
    _check_network(config)


def _check_tiles(config) -> None:
    key, side = configs.network_px_key(config), configs.network_px(config)
    tile = tile_px(config)
    if not 2 <= tile <= side or tile % 2 or side % (tile // 2):
        raise InputError(
            f"config.model.tile_px={config.model.tile_px or tile} should be even and "
            f"half of it divide config.{key}={side}, for tiles lie half over one "
            f"another: --config.model.tile_px={_near(side, tile)}, say"
        )
    count, wanted = (2 * side // tile - 1) ** 2, config.method.top_k
    if count < wanted:
        raise InputError(
            f"config.method.top_k={wanted} tiles are to answer for a bag, and tiles of "
            f"{tile} px of config.{key}={side} are {count}: set "
            f"--config.method.top_k={count} or less, or smaller config.model.tile_px"
        )


def _near(side: int, tile: int) -> int:
    """The side of a tile that fits and is nearest."""
    fits = [t for t in range(2, side + 1, 2) if not side % (t // 2)] or [side]
    return min(fits, key=lambda t: abs(t - tile))


def _check_network(config) -> None:
    model, tile = config.model, tile_px(config)
    if model.backbone == SMALL_CNN:
        if model.weights:
            raise InputError(
                f"config.model.weights={model.weights} is of a published backbone, and "
                f"config.model.backbone is {SMALL_CNN}: name that backbone, or leave "
                "the weights out"
            )
        if tile % 2**model.blocks:
            raise InputError(
                f"tiles of {tile} px (config.model.tile_px={model.tile_px}) should be "
                f"a multiple of {2**model.blocks}, for each of "
                f"config.model.blocks={model.blocks} halves them: set fewer blocks, or "
                "other tiles"
            )
        return
    choices = [*modules.names(backbone_options.FOLDER, "network"), SMALL_CNN]
    known("model.backbone", model.backbone, choices)
    least = backbone_options.least_px(model.backbone)
    if tile < least:
        raise InputError(
            f"tiles of {tile} px (config.model.tile_px={model.tile_px}) leave nothing "
            f"of the deepest maps of config.model.backbone={model.backbone}, which "
            f"takes {least} px at least: set larger tiles or images, or "
            f"--config.model.backbone={SMALL_CNN}"
        )
    backbone_options.check(config)


def check_classes(config, classes) -> None:
    """Refuses labels without infected or without healthy records.

    Args:
      config: of the experiment.
      classes: column to the names of its classes.

    Raises:
      InputError: naming the key whose values no record has.
    """
    found = [name for names in classes.values() for name in names]
    for key in ("infected", "healthy"):
        if not {*config.method[key]} & {*found}:
            raise InputError(
                f"deemd does not apply to config.data.label={config.data.label}, of "
                f"which no record is {' or '.join(config.method[key])} "
                f"(config.method.{key}): it learns from infected and healthy controls, "
                f"and the values are {', '.join(found[:8])}"
            )
