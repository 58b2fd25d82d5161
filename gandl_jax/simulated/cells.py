"""Draws a site of fluorescent cells as raw 8-bit channels of a camera.

A site is drawn in three steps: cells are placed (`place_cells`), every pixel is
assigned to a cell (`assign_pixels`), and each channel is a function of a pixel's
position in its cell (`stain_*`, in `stains.py`). Then a microscope photographs the
stack (`through_optics`, `expose`). All cells of a site are drawn at once: cells are
arrays [N], pixels arrays [H, W].
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from gandl_jax.simulated import stains as stains

# Mean grey levels at a gain of 1; pixel means are then as dark as RxRx19a's.
GREY_LEVELS = {
    "nuclei": 14.5,
    "er": 24,
    "actin": 26,
    "rna": 27,
    "golgi": 26,
    "mito": 25,
}
FIVE = ("nuclei", "er", "actin", "rna", "golgi")
HAZE_FRAC = 0.25  # ours: out-of-focus light, as in real widefield sites
HAZE_PX = 15
SHOT_NOISE = 0.10  # ours: variance in grey levels per grey level
READ_NOISE = 0.6  # ours: grey levels
PULL = 0.08  # ours: share of the way to a hub that infected cells move, five times
SPREAD = 0.035  # ours: growth that covers the area that the pull uncovers
FAR = 9.0  # squared radius of pixels without a cell nearby


@dataclasses.dataclass(frozen=True)
class CellModel:
    """The look of untreated cells of one cell model.

    Attributes:
      diameter_px: mean diameter of a cell.
      spacing: distance between neighbours, in diameters.
      elongation: mean ratio of long to short axis, less 1.
      nucleus_frac: radius of the nucleus over that of the cell.
      irregularity_px: deviation of cell borders from an ellipse.
      fibre_px: length and width scales of the actin fibres.
      fibres: share of actin in fibres; the rest is cortex.
      reticulum_px: grain of the endoplasmic reticulum.
      nucleoli: mean number per nucleus.
      golgi_dots: fragments of the Golgi apparatus per cell.
      mito_px: grain of the mitochondria.
      mito_fall: decrease of the mitochondria towards the border.
    """

    diameter_px: float
    spacing: float
    elongation: float
    nucleus_frac: float
    irregularity_px: float
    fibre_px: tuple[float, float]
    fibres: float
    reticulum_px: float
    nucleoli: float
    golgi_dots: int
    mito_px: float = 1.4
    mito_fall: float = 1.2


CELL_MODELS = {
    "HRCE": CellModel(28, 0.86, 0.30, 0.40, 2.2, (12, 0.85), 0.65, 1.1, 2.4, 9),
    "VERO": CellModel(21, 0.84, 0.75, 0.44, 1.2, (5, 0.8), 0.45, 0.8, 1.6, 8),
}


@dataclasses.dataclass(frozen=True)
class Traits:
    """The latent state of one well, and the optics of its plate.

    Attributes:
      infection: 0 (Mock) to 1 (every cell in the last stage).
      toxicity: 0 to 1.
      mechanism: [6] strength of each morphological change of `stains.MECHANISMS`, 0
        to 1; [7] if mitochondria are stained.
      density: relative number of cells.
      state: [C] well-to-well variation of size, ER grain, actin, nucleoli, Golgi and,
        if stained, mitochondria, in standard deviations.
      gain: [C] relative brightness of the channels.
      offset: [C] grey levels of the empty background.
      blur_px: standard deviation of the point spread.
    """

    infection: float
    toxicity: float
    mechanism: np.ndarray
    density: float
    state: np.ndarray
    gain: np.ndarray
    offset: np.ndarray
    blur_px: float


@dataclasses.dataclass
class Cells:
    """Cells of a site; every field is [N], lengths in pixels, angles in radians."""

    y: np.ndarray
    x: np.ndarray
    angle: np.ndarray
    long: np.ndarray
    short: np.ndarray
    nucleus_y: np.ndarray
    nucleus_x: np.ndarray
    nucleus_long: np.ndarray
    nucleus_short: np.ndarray
    infection: np.ndarray
    brightness: np.ndarray  # [N, C]


@dataclasses.dataclass
class Pixels:
    """Positions of pixels in their cells; every field is [H, W]."""

    owner: np.ndarray  # index of the cell
    along: np.ndarray  # px from the cell's centre along its long axis
    across: np.ndarray
    radius: np.ndarray  # 0 at the centre, 1 at the border of a free cell
    nucleus: np.ndarray  # the same for the nucleus
    inside: np.ndarray  # 1 in the cell, 0 outside, soft
    gap: np.ndarray  # distance to the next cell less that to this one; 0 on a border


def draw_site(
    rng: np.random.Generator,
    model: CellModel,
    traits: Traits,
    size_px: int,
    channels: Sequence[str] = FIVE,
) -> np.ndarray:
    """Draws a site.

    Args:
      rng: the site's generator.
      model: the cell model.
      traits: state of the well.
      size_px: height and width H = W.
      channels: C names of stains.

    Returns:
      [C, H, W] uint8.
    """
    camera_rng, light = draw_light(rng, model, traits, size_px, channels)
    return expose(camera_rng, light, traits, channels)


def draw_light(
    rng: np.random.Generator,
    model: CellModel,
    traits: Traits,
    size_px: int,
    channels: Sequence[str],
) -> tuple[np.random.Generator, np.ndarray]:
    """Draws the light that reaches the camera of a site.

    Args:
      rng, model, traits, size_px, channels: as in `draw_site`.

    Returns:
      The camera's generator, and [C, H, W] float32, light of the dyes through the
      optics: about 1 where a stain is bright, 0 where there is none.
    """
    # Separate generators, so that a change of one stain does not change the others.
    placing_rng, mapping_rng, camera_rng, *staining_rngs = rng.spawn(3 + len(channels))
    cells = place_cells(placing_rng, model, traits, size_px)
    pixels = assign_pixels(mapping_rng, model, cells, size_px)
    light = [
        stains.STAINS[name](stain_rng, model, traits, cells, pixels)
        for stain_rng, name in zip(staining_rngs, channels, strict=True)
    ]
    stack = np.stack(light) * cells.brightness.T.astype(np.float32)[:, pixels.owner]
    return camera_rng, through_optics(stack, traits.blur_px)


def place_cells(rng, model: CellModel, traits: Traits, size_px: int) -> Cells:
    """Places and shapes the cells of a site, some of them beyond its border."""
    diameter = model.diameter_px * (1 + 0.05 * traits.state[0])
    y, x = _centres(rng, diameter, model.spacing, traits, size_px)
    n = len(y)
    radius = diameter / 2 * np.exp(0.12 * rng.standard_normal(n))
    radius *= 1 - 0.35 * traits.toxicity
    nucleus = radius * model.nucleus_frac * np.exp(0.08 * rng.standard_normal(n))
    radius *= 1 + SPREAD * traits.infection
    elongation = model.elongation * np.exp(0.4 * rng.standard_normal(n))
    elongation += 1.1 * traits.mechanism[stains.SPINDLE]
    stretch = np.sqrt(1 + elongation * (1 - 0.9 * traits.toxicity))
    # Neighbours lie roughly parallel, as in a monolayer.
    turn = rng.uniform(0, np.pi) + (y - x) / size_px * rng.uniform(-1, 1)
    angle = turn + 0.45 * rng.standard_normal(n)
    oval = np.sqrt(1.12 + 0.35 * rng.random(n) * (1 - traits.toxicity))
    shift = 0.14 * radius * rng.standard_normal((2, n))
    infection = traits.infection + 0.22 * rng.standard_normal(n)
    channels = len(traits.gain)
    stained = 0.16 * rng.standard_normal((n, channels))
    stained = stained + 0.12 * rng.standard_normal((n, 1))
    return Cells(
        y=y,
        x=x,
        angle=angle,
        long=radius * stretch,
        short=radius / stretch,
        nucleus_y=y + shift[0],
        nucleus_x=x + shift[1],
        nucleus_long=nucleus * oval,
        nucleus_short=nucleus / oval,
        infection=np.clip(infection, 0, 1),
        brightness=np.exp(stained),
    )


def _centres(rng, diameter: float, spacing: float, traits: Traits, size_px: int):
    """Draws centres that keep their distance; infected ones clump and leave gaps."""
    margin = 0.7 * diameter
    extent = size_px + 2 * margin
    apart = diameter * spacing
    wanted = traits.density * (1 - 0.5 * traits.toxicity) * extent**2 / apart**2
    n = max(2, rng.poisson(wanted))
    y, x = rng.uniform(0, extent, (2, n))
    hub_y, hub_x = rng.uniform(0, extent, (2, max(1, n // 7)))
    # On a torus, so that neither push nor pull changes the number of visible cells.
    for _ in range(5):
        dy, dx, distance = _between(y, x, y, x, extent)
        push = 0.5 * apart * np.clip(1 - distance / apart, 0, None) / distance
        y, x = y - (dy * push).sum(1), x - (dx * push).sum(1)
        dy, dx, distance = _between(y, x, hub_y, hub_x, extent)
        hub = np.arange(n), distance.argmin(1)
        y = y + PULL * traits.infection * dy[hub]
        x = x + PULL * traits.infection * dx[hub]
    return y % extent - margin, x % extent - margin


def _between(y, x, to_y, to_x, extent: float):
    """Returns shortest ways from points [N] to [M] on a torus: dy, dx, length."""
    dy = (to_y - y[:, None] + extent / 2) % extent - extent / 2
    dx = (to_x - x[:, None] + extent / 2) % extent - extent / 2
    return dy, dx, np.sqrt(dy**2 + dx**2) + 1e-3


def assign_pixels(rng, model: CellModel, cells: Cells, size_px: int) -> Pixels:
    """Assigns every pixel to the cell in whose ellipse it lies deepest."""
    grid = np.mgrid[:size_px, :size_px].astype(np.float32)
    warp = model.irregularity_px * stains.noise(rng, size_px, 4.0, 2)
    # With a warp of at most three standard deviations no cell leaves its box.
    reach = 1.1 * cells.long + 3 * model.irregularity_px
    owner, nearest, second = _owners(*(grid + warp), cells, reach, size_px)
    radius = np.sqrt(nearest)
    # Nuclei and fibres are smoother than cell borders: they get less of the warp.
    y, x = grid + warp / 3
    angle = stains.at_owner(cells.angle, owner)
    along, across = _turn(
        y - stains.at_owner(cells.y, owner), x - stains.at_owner(cells.x, owner), angle
    )
    to_nucleus = _turn(
        y - stains.at_owner(cells.nucleus_y, owner),
        x - stains.at_owner(cells.nucleus_x, owner),
        angle,
    )
    nucleus = np.hypot(
        to_nucleus[0] / stains.at_owner(cells.nucleus_long, owner),
        to_nucleus[1] / stains.at_owner(cells.nucleus_short, owner),
    )
    inside = np.clip((1.1 - radius) * 4, 0, 1)
    gap = np.sqrt(second) - radius
    return Pixels(owner, along, across, radius, nucleus, inside, gap)


def _owners(y, x, cells: Cells, reach, size_px: int):
    """Finds each pixel's nearest cell, and squared radii of the two nearest, [H, W]."""
    owner = np.zeros(y.shape, np.int32)
    nearest, second = np.full((2, *y.shape), FAR, np.float32)
    first_row, first_column = (cells.y - reach).clip(0), (cells.x - reach).clip(0)
    last_row, last_column = cells.y + reach + 1, cells.x + reach + 1
    edges = np.stack([first_row, last_row, first_column, last_column]).astype(int)
    for index, (top, bottom, left, right) in enumerate(edges.T.clip(0, size_px)):
        box = slice(top, bottom), slice(left, right)
        along, across = _turn(
            y[box] - cells.y[index], x[box] - cells.x[index], cells.angle[index]
        )
        squared = (along / cells.long[index]) ** 2 + (across / cells.short[index]) ** 2
        before = nearest[box]
        nearer = squared < before
        second[box] = np.minimum(second[box], np.where(nearer, before, squared))
        nearest[box] = np.where(nearer, squared, before)
        owner[box] = np.where(nearer, index, owner[box])
    return owner, nearest, second


def _turn(dy, dx, angle):
    """Returns offsets along and across an axis at that angle."""
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * dx + sin * dy, cos * dy - sin * dx


def through_optics(stack: np.ndarray, blur_px: float) -> np.ndarray:
    """Blurs light [C, H, W] float32 of the dyes, and adds out-of-focus haze."""
    haze = ndimage.uniform_filter(stack, (0, HAZE_PX, HAZE_PX), mode="nearest")
    sharp = ndimage.gaussian_filter(stack, (0, blur_px, blur_px))
    return (1 - HAZE_FRAC) * sharp + HAZE_FRAC * haze


def expose(
    rng: np.random.Generator,
    light: np.ndarray,
    traits: Traits,
    channels: Sequence[str],
) -> np.ndarray:
    """Adds background and camera noise, and rounds to 8 bits.

    Args:
      rng: the camera's generator.
      light: [C, H, W] float32, as from `draw_light`.
      traits: gain and offset.
      channels: C names of stains.

    Returns:
      [C, H, W] uint8.
    """
    grey_levels = np.array([GREY_LEVELS[name] for name in channels], np.float32)
    scale = (grey_levels * traits.gain).astype(np.float32)[:, None, None]
    light = light * scale + traits.offset.astype(np.float32)[:, None, None]
    noise = rng.standard_normal(light.shape, np.float32)
    light = light + noise * np.sqrt(READ_NOISE**2 + SHOT_NOISE * light.clip(0))
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)
