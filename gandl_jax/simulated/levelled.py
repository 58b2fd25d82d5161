"""Draws sites whose mechanisms change neither mean nor deviation of a channel.

Every site is drawn twice from the same seed, with its mechanisms and without, so with
the same cells. Then each channel with them gets the mean and standard deviation of the
one without by a tone curve, k x^g of its light x, which leaves dark pixels dark.
"""

import dataclasses

import numpy as np

from gandl_jax.simulated import cells, drawing

STEEPEST = 10.0  # highest g; the lowest is its inverse
_HALVINGS = 24  # of the range of log g, to 1e-6


def draw(site: drawing.Site) -> None:
    """Draws one site and writes its images."""
    drawing.write(site, images(site))


def images(site: drawing.Site) -> np.ndarray:
    """Draws the images of a site, [C, H, W] uint8."""
    untreated = dataclasses.replace(
        site.traits, mechanism=np.zeros_like(site.traits.mechanism)
    )
    camera_rng, light = _light(site, site.traits)
    _, untreated_light = _light(site, untreated)
    planes = zip(light, untreated_light, strict=True)
    light = np.stack(
        [match_levels(untreated_plane, plane) for plane, untreated_plane in planes]
    )
    return cells.expose(camera_rng, light, site.traits, site.channels)


def _light(
    site: drawing.Site, traits: cells.Traits
) -> tuple[np.random.Generator, np.ndarray]:
    """Draws a site's light as `cells.draw_light` does."""
    rng = drawing.generator(site)
    return cells.draw_light(rng, site.model, traits, site.size_px, site.channels)


def match_levels(target: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Gives light the mean and the standard deviation of other light.

    Args:
      target: [H, W] float32, the other light.
      light: [H, W] float32, 0 or more but for rounding.

    Returns:
      [H, W] float32, k light^g. Deviation over mean grows with g, which is found by
      halving intervals; k then gives the mean.
    """
    light = light.clip(0).astype(np.float64) / light.max()
    mean = target.mean(dtype=np.float64)
    spread = target.std(dtype=np.float64) / mean
    low, high = -np.log(STEEPEST), np.log(STEEPEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        curved = light ** np.exp(middle)
        if curved.std() < spread * curved.mean():
            low = middle
        else:
            high = middle
    return (curved * (mean / curved.mean())).astype(np.float32)
