"""Options of methods that learn from crops of several sizes: see `multi_crop`.

Imports nothing slow.
"""

import re
from typing import NamedTuple

from gandl_jax import config as configs
from gandl_jax.errors import InputError, nearest
from gandl_jax.methods.option_checks import check_at_most_1

SETTINGS = {  # names that config.method.crops takes
    "whole": ("1x1",),
    # Dmitrenko et al. 2022 (arXiv 2203.04107): five crops, in three groups.
    "morpho_learner": ("1x1", "2x.5-.75", "2x.25-.5"),
    # Caron et al. 2021 (arXiv 2104.14294), sec. 3.1 and app.; small ones at half the
    # side (they have 96 of 224 px).
    "dino": ("2x.4-1", "6x.05-.4@.5"),
}
OPTIONS = {
    # Crops of each image, by a name of SETTINGS or in groups: "2x.4-1" is two square
    # crops of .4 to 1 of its area, drawn uniformly, anywhere within. They are scaled to
    # the side that the network takes, or to half of it with the suffix "@.5".
    "crops": ("whole",),
    "flip_prob": 0.0,  # of each crop, left to right
    "turn_prob": 0.0,  # of each crop, to one of its eight orientations
    # Of each crop: a Gaussian blur, its deviation drawn uniformly between the two, by a
    # kernel of blur_taps x blur_taps pixels of the scaled crop.
    "blur_prob": 0.0,
    "blur_least_px": 0.1,  # like the next two from Dmitrenko et al. 2022
    "blur_most_px": 2.0,
    "blur_taps": 3,
}
LOWEST = {"method.blur_least_px": 0.01, "method.blur_taps": 1}
_GROUP = re.compile(r"(\d+)x(\d*\.?\d+)(?:-(\d*\.?\d+))?(?:@(\d*\.?\d+))?")


class Group(NamedTuple):
    """Crops of one size and scale.

    Attributes:
      number: of crops.
      least, most: share of the image's area, in (0, 1].
      px: side of the scaled crops.
    """

    number: int
    least: float
    most: float
    px: int

    @property
    def is_whole(self) -> bool:
        """Whether a crop is the whole image, but for its scale."""
        return self.least == 1


def groups(config) -> tuple[Group, ...]:
    """Parses the crops of `config.method.crops`.

    Raises:
      InputError: an unknown name, a malformed group, or a crop that is larger than the
        image.
    """
    texts = config.method.crops
    if len(texts) == 1 and texts[0] in SETTINGS:
        texts = SETTINGS[texts[0]]
    side = configs.network_px(config)
    return tuple(_group(text, side, configs.network_px_key(config)) for text in texts)


def count(config) -> int:
    """Counts the crops of an image."""
    return sum(group.number for group in groups(config))


def unaugmented(config):
    """Returns a copy of a config whose method sees as many images as they are.

    Its crops are whole images of the same sides, not flipped, turned, blurred or
    augmented: the same work of the networks, for methods without crops too.
    """
    plain = config.copy_and_resolve_references()
    off = {"flip_prob": 0.0, "turn_prob": 0.0, "blur_prob": 0.0, "augment_kinds": ()}
    if "crops" in plain.method:
        side = configs.network_px(config)
        off["crops"] = tuple(
            f"{group.number}x1@{group.px / side:.9f}" for group in groups(config)
        )
    plain.method.update({key: off[key] for key in off if key in plain.method})
    return plain


def check(config) -> None:
    """Refuses impossible crops and blur.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method = config.method
    check_at_most_1(method, "flip_prob", "turn_prob", "blur_prob")
    if not groups(config):
        raise InputError(
            "config.method.crops is empty: name crops, as in --config.method.crops="
            f"{SETTINGS['dino'][0]}, or one of {', '.join(SETTINGS)}"
        )
    if method.blur_least_px > method.blur_most_px:
        raise InputError(
            f"config.method.blur_least_px={method.blur_least_px} is above "
            f"config.method.blur_most_px={method.blur_most_px}: swap them"
        )
    taps, least = method.blur_taps, min(group.px for group in groups(config))
    if taps % 2 == 0 or taps // 2 >= least:
        raise InputError(
            f"config.method.blur_taps={taps} should be odd and below {2 * least}, "
            "twice the side of the smallest crop: --config.method.blur_taps=3, say"
        )


def check_one_side(config) -> None:
    """Refuses crops that differ in side from the network, for methods of one side.

    Raises:
      InputError: names the first.
    """
    side = configs.network_px(config)
    other_sides = [group.px for group in groups(config) if group.px != side]
    if other_sides:
        raise InputError(
            f"config.method.crops names crops of {other_sides[0]} px, and the method "
            f"{config.method.name} sees images of {side} px alone: leave out what "
            "stands behind @"
        )


def _group(text: str, side: int, key: str) -> Group:
    match = _GROUP.fullmatch(text)
    if not match:
        raise InputError(
            f"config.method.crops names {text!r}, which is no crop: write its number "
            "and its share of the area, as in 2x.4-1, its side too, as in 6x.05-.4@.5, "
            f"or a name alone ({nearest(text, SETTINGS)})"
        )
    number, least, most, share = match.groups()
    px = round(float(share or 1) * side)
    group = Group(int(number), float(least), float(most or least), px)
    if not group.number or not 0 < group.least <= group.most:
        raise InputError(
            f"config.method.crops names {text!r}, and a crop's number and share should "
            "be above 0, its lowest share before its highest: 2x.4-1, say"
        )
    if group.most > 1:
        raise InputError(
            f"config.method.crops names {text!r}, a crop larger than the image, whose "
            "whole area is 1: write a share of it, as in 2x.4-1"
        )
    if not 0 < group.px <= side:
        raise InputError(
            f"config.method.crops names {text!r}, a crop of {group.px} px of images of "
            f"config.{key}={side}: write a share of that side, as in 6x.05-.4@.5"
        )
    return group
