"""Grey patches of stem-cell colonies that develop in time, and of debris.

A colony's progress is one number that never falls: from 0 it is dense (small round
cells, packed, with bright rims), from 1 spread (larger and flatter ones), from 2
differentiated (long, aligned ones). The drawing depends on the progress, not on the
name, so that stages look alike at their borders. Debris lies between the remaining
cells, at any time.
"""

import dataclasses

import numpy as np
import pandas as pd
from scipy import ndimage

STAGES = ("dense", "spread", "differentiated")
DEBRIS = "debris"
# At progress 0, 1, 2 and 3.
CELLS = (95.0, 62.0, 40.0, 26.0)  # in a patch of 64 px a side
RADIUS_PX = (3.0, 3.8, 4.6, 5.2)
LENGTH = (1.0, 1.15, 1.6, 2.4)  # over width
ALIKE = (0.0, 0.1, 0.5, 0.9)  # share of cells aligned with the colony
RIM = (1.0, 0.8, 0.65, 0.6)  # brightness of rims
AREA_PX = 64**2  # reference area of the numbers of cells and fragments
LEFT = 0.5  # share of the cells that remains between debris
FRAGMENTS = 14


@dataclasses.dataclass(frozen=True)
class Look:
    """The common look of a colony's patches, in all stages.

    Attributes:
      gain: of the light, about 1.
      background: level without cells, 0 to 1.
      blur_px: of the optics.
      noise: deviation of the camera.
      angle: of the axis of its cells, radians.
      cells: factor of their number, about 1.
      radius: factor of their radius, about 1.
    """

    gain: float
    background: float
    blur_px: float
    noise: float
    angle: float
    cells: float
    radius: float


def table(seed: int, colonies: int, times: int, first: int) -> pd.DataFrame:
    """Draws the table of patches of colonies that are imaged every hour.

    Args:
      seed: of all random numbers.
      colonies: number of colonies.
      times: number of hours, from 0.
      first: number of the first colony.

    Returns:
      A row for each patch: record, colony, hour, state, progress, and the fields of its
      colony's `Look`.
    """
    rows = []
    for number in range(colonies):
        rng = np.random.default_rng([seed, number])
        look = _look(rng)
        progress = _progress(rng, times)
        for hour, value in enumerate(progress):
            state = DEBRIS if rng.random() < 0.07 else STAGES[int(value)]
            rows.append(
                {
                    "record": f"c{first + number:03d}_h{hour:02d}",
                    "colony": f"c{first + number:03d}",
                    "hour": hour,
                    "state": state,
                    "progress": value,
                    **dataclasses.asdict(look),
                }
            )
    return pd.DataFrame(rows)


def _look(rng: np.random.Generator) -> Look:
    return Look(
        gain=rng.uniform(0.75, 1.25),
        background=rng.uniform(0.25, 0.4),
        blur_px=rng.uniform(0.5, 1.1),
        noise=rng.uniform(0.03, 0.07),
        angle=rng.uniform(0, np.pi),
        cells=rng.lognormal(0, 0.2),
        radius=rng.lognormal(0, 0.1),
    )


def _progress(rng: np.random.Generator, times: int) -> np.ndarray:
    """Draws progress [times], ascending, below 3; most colonies do not end."""
    turns = rng.uniform(0.25, 1.1) * times
    later = turns + rng.uniform(0.25, 0.9) * times
    hours = np.arange(times) + 0.5
    first = np.minimum(hours / turns, 1) * 0.999
    second = np.clip((hours - turns) / (later - turns), 0, 1) * 0.999
    third = np.clip((hours - later) / (0.4 * times), 0, 1) * 0.999
    return np.where(
        hours < turns, first, np.where(hours < later, 1 + second, 2 + third)
    )


def draw(
    rng: np.random.Generator, state: str, progress: float, look: Look, size_px: int
) -> np.ndarray:
    """Draws a patch, [N, N] uint8."""
    light = _cells(rng, progress, look, size_px, left=LEFT if state == DEBRIS else 1.0)
    if state == DEBRIS:
        light = np.maximum(light, _debris(rng, size_px))
    shade = _smooth(rng, size_px, size_px / 3) * 0.05
    blurred = ndimage.gaussian_filter(
        look.background + shade + 0.5 * light, look.blur_px
    )
    noisy = look.gain * blurred + rng.normal(0, look.noise, blurred.shape)
    return np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)


def _at(values: tuple[float, ...], progress: float) -> float:
    return float(np.interp(progress, range(len(values)), values))


def _cells(
    rng: np.random.Generator, progress: float, look: Look, size_px: int, left: float
) -> np.ndarray:
    """Draws the light of a share of the cells, dark inside, bright rims, [N, N]."""
    patch_progress = np.clip(
        progress + rng.normal(0, 0.4), 0, 3
    )  # a patch is ahead or behind
    expected = _at(CELLS, patch_progress) * look.cells * left
    count = rng.poisson(expected * size_px**2 / AREA_PX)
    light = np.zeros((size_px, size_px))
    y, x = np.mgrid[:size_px, :size_px].astype(float)
    for _ in range(max(count, 1)):
        stage = np.clip(patch_progress + rng.normal(0, 0.3), 0, 3)
        is_aligned = rng.random() < _at(ALIKE, stage)
        angle = look.angle + rng.normal(0, 0.2) if is_aligned else rng.uniform(0, np.pi)
        width = _at(RADIUS_PX, stage) * look.radius * rng.lognormal(0, 0.15)
        length = width * _at(LENGTH, stage) * rng.lognormal(0, 0.1)
        dy, dx = y - rng.uniform(0, size_px), x - rng.uniform(0, size_px)
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        distance = np.hypot(along / length, across / width)
        rim = np.exp(-(((distance - 1) / 0.25) ** 2)) * _at(RIM, stage)
        light = np.maximum(light * np.where(distance < 1, 0.6, 1), rim)
    return light


def _debris(rng: np.random.Generator, size_px: int) -> np.ndarray:
    """Draws the light of fragments, some of them hollow, [N, N]."""
    light = np.zeros((size_px, size_px))
    y, x = np.mgrid[:size_px, :size_px].astype(float)
    for _ in range(rng.poisson(FRAGMENTS * size_px**2 / AREA_PX) + 1):
        dy, dx = y - rng.uniform(0, size_px), x - rng.uniform(0, size_px)
        angle, size = rng.uniform(0, np.pi), rng.lognormal(0.6, 0.45)
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        distance = np.hypot(along / (size * rng.uniform(1, 2.5)), across / size)
        is_rim = rng.random() < 0.5
        shape = (
            np.exp(-(((distance - 1) / 0.35) ** 2))
            if is_rim
            else np.exp(-(distance**2))
        )
        light = np.maximum(light, shape * rng.uniform(0.4, 1.1))
    return light


def _smooth(rng: np.random.Generator, size_px: int, scale_px: float) -> np.ndarray:
    """Draws smooth noise of mean 0 and deviation 1, [N, N]."""
    field = ndimage.gaussian_filter(
        rng.normal(size=(size_px, size_px)), scale_px, mode="wrap"
    )
    return (field - field.mean()) / field.std()
