"""Draws sites whose mechanisms change no level: mean and deviation stay, per channel.

Every site is drawn twice from the same seed, with its mechanisms and without: the same
cells. Then each channel with them is given the mean and standard deviation of the one
without by a tone curve, k x^g of its light x, which leaves what is dark dark.
"""

import dataclasses

import numpy as np

from gandl_jax.simulated import cells, drawing

STEEPEST = 10.0  # g; as far below 1 as above
_HALVINGS = 24  # of the range of log g: to 1e-6


def draw(site: drawing.Site) -> None:
    """Draws one site and writes its images."""
    drawing.write(site, images(site))


def images(site: drawing.Site) -> np.ndarray:
    """[C, H, W] uint8 of a site."""
    untreated = dataclasses.replace(
        site.traits, mechanism=np.zeros_like(site.traits.mechanism)
    )
    camera, light = _light(site, site.traits)
    _, wanted = _light(site, untreated)
    both = zip(light, wanted, strict=True)
    light = np.stack([with_levels_of(other, one) for one, other in both])
    return cells.expose(camera, light, site.traits, site.channels)


def _light(
    site: drawing.Site, traits: cells.Traits
) -> tuple[np.random.Generator, np.ndarray]:
    """As `cells.light_of_site`."""
    rng = drawing.generator(site)
    return cells.light_of_site(rng, site.model, traits, site.size_px, site.channels)


def with_levels_of(wanted: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Gives light the mean and the standard deviation of other light.

    Args:
      wanted: [H, W] float32, the other.
      light: [H, W] float32, 0 or more but for rounding.

    Returns:
      [H, W] float32, k light^g. Deviation over mean grows with g, which is found by
      halving; k then makes the mean.
    """
    light = light.clip(0).astype(np.float64) / light.max()
    mean = wanted.mean(dtype=np.float64)
    spread = wanted.std(dtype=np.float64) / mean
    low, high = -np.log(STEEPEST), np.log(STEEPEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        curved = light ** np.exp(middle)
        if curved.std() < spread * curved.mean():
            low = middle
        else:
            high = middle
    return (curved * (mean / curved.mean())).astype(np.float32)
