"""Stains of a simulated site: light [H, W] of a dye, about 1 where it is bright.

Every stain takes (rng, model, traits, cells, pixels), see `cells.py`. Infection and
mechanisms move light within a cell; they are meant to add none.
"""

import numpy as np
from scipy import ndimage

# One axis of change per mechanism of action; the constants index `Traits.mechanism`.
MECHANISMS = (
    "chromatin_speckles",
    "spindle_cells",
    "er_collapse",
    "actin_cortex",
    "rna_granules",
    "endosome_swelling",
)
CHROMATIN, SPINDLE, ER_COLLAPSE, CORTEX, GRANULES, ENDOSOMES = range(6)
FRAGMENTS = 6  # of mitochondria, if a screen stains them


def noise(rng, size_px: int, grain_px, count: int) -> np.ndarray:
    """Draws smooth noise of mean 0 and deviation 1, [count, H, W] float32."""
    grain = (0, *np.broadcast_to(grain_px, 2))
    white = rng.standard_normal((count, size_px, size_px), np.float32)
    smooth = ndimage.gaussian_filter(white, grain, mode="wrap", truncate=3)
    return smooth / smooth.std((1, 2), keepdims=True)


def spots(y, x, sigma_px, light, size_px: int) -> np.ndarray:
    """Draws the sum of Gaussian spots.

    Args:
      y, x: [...] px, centres.
      sigma_px: [...] width of each spot.
      light: [...] total light of each spot, in pixels of light 1.
      size_px: H = W.

    Returns:
      [H, W] float32.
    """
    y, x, sigma, light = (
        np.ravel(array)[:, None, None]
        for array in np.broadcast_arrays(y, x, sigma_px, light)
    )
    reach = int(np.ceil(2.5 * sigma.max()))
    window = np.arange(-reach, reach + 1)
    rows = np.rint(y).astype(int) + window[:, None]
    columns = np.rint(x).astype(int) + window
    bell_y = np.exp(-((rows - y) ** 2) / (2 * sigma**2))
    bell_x = np.exp(-((columns - x) ** 2) / (2 * sigma**2))
    value = light / (2 * np.pi * sigma**2) * bell_y * bell_x
    is_inside = (rows >= 0) & (rows < size_px) & (columns >= 0) & (columns < size_px)
    index = (rows * size_px + columns)[is_inside]
    flat = np.bincount(index, value[is_inside], size_px**2)
    return flat.reshape(size_px, size_px).astype(np.float32)


def at_owner(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Spreads values [N] of cells to their pixels, [H, W] float32."""
    return values.astype(np.float32)[owner]


def _border(pixels, gap: float, width: float):
    """Marks borders of cells with 1, with widths in units of `pixels`."""
    meets = np.exp(-((pixels.gap.clip(0, 3) / gap) ** 2))
    ends = np.exp(-(((pixels.radius - 0.97) / width) ** 2))
    return (meets + ends).clip(0, 1)


def _in_nucleus(pixels):
    return np.clip((1.08 - pixels.nucleus) * 5, 0, 1) * (pixels.inside > 0)


def _body(pixels, fall: float):
    """Draws cytoplasm: 1 at the nuclear envelope, thinner towards the border."""
    return pixels.inside * np.exp(-fall * np.clip(pixels.radius - 0.35, 0, None))


def stain_nuclei(rng, model, traits, cells, pixels):
    """Draws Hoechst: even nuclei with a little chromatin, speckled by a mechanism."""
    size = len(pixels.owner)
    even, coarse = noise(rng, size, 1.5, 1)[0], noise(rng, size, 0.9, 1)[0]
    speckle = 0.45 * traits.mechanism[CHROMATIN]
    texture = 1 + 0.10 * even + speckle * coarse
    condensed = 1 + 0.5 * traits.toxicity
    return _in_nucleus(pixels) * texture.clip(0.1) * condensed


def stain_er(rng, model, traits, cells, pixels):
    """Draws ConA: a reticulum around the nucleus, clumped in infected cells."""
    size = len(pixels.owner)
    grain = model.reticulum_px * (1 + 0.08 * traits.state[1])
    fine, clumps = noise(rng, size, grain, 1)[0], noise(rng, size, 2.8 * grain, 1)[0]
    infection = at_owner(cells.infection, pixels.owner)
    mix = np.sqrt(1 - 0.9 * infection) * fine + np.sqrt(0.9 * infection) * clumps
    # The holes add contrast, so the clumps have less, and the total stays.
    contrast = 0.33 * (1 + 0.2 * traits.state[1]) * (1 - 0.6 * infection)
    texture = 1 + contrast * mix
    collapse = traits.mechanism[ER_COLLAPSE]
    body = _body(pixels, 1.3 + 1.6 * collapse) * (1 + 0.4 * collapse)
    nuclear = 1 - 0.55 * _in_nucleus(pixels)
    holes, lost = _vacuoles(rng, cells, size)
    return (
        body
        * nuclear
        * texture.clip(0.05)
        * (1 - holes)
        / (1 - at_owner(lost, pixels.owner))
    )


def _vacuoles(rng, cells, size_px: int):
    """Draws holes in infected cytoplasm.

    Returns:
      [H, W], the share of light that each pixel loses, and [N], the share that each
      cell loses, which the rest of the cell gets.
    """
    cell_count = len(cells.y)
    count = 5
    angle = rng.uniform(0, 2 * np.pi, (cell_count, count))
    reach = rng.uniform(0.55, 0.85, (cell_count, count)) * cells.short[:, None]
    y = cells.y[:, None] + reach * np.sin(angle)
    x = cells.x[:, None] + reach * np.cos(angle)
    sigma = rng.uniform(0.9, 1.4, (cell_count, count))
    depth = 0.7 * cells.infection[:, None] * 2 * np.pi * sigma**2
    lost = 1.3 * depth.sum(1) / (np.pi * cells.long * cells.short)
    return spots(y, x, sigma, depth, size_px).clip(0, 0.8), lost.clip(0, 0.5)


def stain_actin(rng, model, traits, cells, pixels):
    """Draws phalloidin: fibres, fragmented in infected cells, and a cortex."""
    size = len(pixels.owner)
    long, wide = model.fibre_px
    fibres = _fibres(rng, cells, pixels, (wide, long))
    dots = noise(rng, size, 0.95, 1)[0]
    infection = 0.85 * at_owner(cells.infection, pixels.owner)
    mix = np.sqrt(1 - infection) * fibres + 0.85 * np.sqrt(infection) * dots
    bundles = np.clip(0.7 + 0.62 * (1 + 0.2 * traits.state[2]) * mix, 0.05, None)
    cortex = _border(pixels, 0.16, 0.07)
    share = model.fibres * (1 - 0.4 * traits.mechanism[CORTEX])
    rim = 1.5 * (1 - share)
    return pixels.inside * (share * bundles + rim * cortex + 0.1)


def _fibres(rng, cells, pixels, grain_px):
    """Draws noise stretched along each cell's long axis, from parts of one tile."""
    tile = noise(rng, 128, grain_px, 1)[0]
    start = rng.uniform(0, 128, (2, len(cells.y)))
    rows = pixels.across + at_owner(start[0], pixels.owner)
    columns = pixels.along + at_owner(start[1], pixels.owner)
    return ndimage.map_coordinates(tile, [rows, columns], order=1, mode="grid-wrap")


def stain_rna(rng, model, traits, cells, pixels):
    """Draws Syto14: cytoplasm and nucleoli, more and smaller in infected cells."""
    size = len(pixels.owner)
    smooth = noise(rng, size, 1.6, 1)[0]
    cytoplasm = 0.75 * _body(pixels, 1.1) * (1 + 0.13 * smooth)
    cytoplasm *= 1 - 0.25 * _in_nucleus(pixels)
    granules = traits.mechanism[GRANULES]
    dots = _scattered(rng, cells, 7, (0.5, 0.9), 0.8, 2.4 * granules, size)
    return cytoplasm + _nucleoli(rng, model, traits, cells, size) + dots * pixels.inside


def _nucleoli(rng, model, traits, cells, size_px: int):
    """Draws nucleoli, more and smaller ones in infected cells.

    Small spots add contrast and so get less light: intensities shall reveal nothing.
    """
    cell_count, most_nucleoli = len(cells.y), 6
    wanted = model.nucleoli + 3.0 * cells.infection + 0.4 * traits.state[3]
    count = np.clip(
        np.rint(wanted + 0.6 * rng.standard_normal(cell_count)), 1, most_nucleoli
    )
    is_present = np.arange(most_nucleoli) < count[:, None]
    angle = (
        2
        * np.pi
        * (np.arange(most_nucleoli) / count[:, None] + rng.random((cell_count, 1)))
    )
    reach = (
        0.55
        * np.sqrt(rng.random((cell_count, most_nucleoli)))
        * cells.nucleus_short[:, None]
    )
    y = cells.nucleus_y[:, None] + reach * np.sin(angle)
    x = cells.nucleus_x[:, None] + reach * np.cos(angle)
    share = is_present / count[:, None]
    sigma = cells.nucleus_short[:, None] * 0.27 * (2 / count[:, None]) ** 0.3
    bright = 0.22 * (1 + 0.2 * traits.state[3]) * (1 - 0.25 * cells.infection)
    total = (bright * np.pi * cells.nucleus_long * cells.nucleus_short)[:, None]
    return spots(y, x, sigma.clip(0.6, 2.2), total * share, size_px)


def stain_golgi(rng, model, traits, cells, pixels):
    """Draws WGA: membrane and a Golgi cap, dispersed in infected cells."""
    size = len(pixels.owner)
    smooth = noise(rng, size, 1.2, 1)[0]
    membrane = _border(pixels, 0.12, 0.06)
    envelope = np.exp(-(((pixels.nucleus - 1.05) / 0.12) ** 2))
    body = 0.42 * _body(pixels, 1.0) * (1 + 0.15 * smooth)
    light = body + pixels.inside * (0.4 * membrane + 0.3 * envelope)
    swelling = traits.mechanism[ENDOSOMES]
    endosomes = _scattered(rng, cells, 4, (0.55, 0.95), 1.5, 7.0 * swelling, size)
    cap = _golgi(rng, model, traits, cells, size)
    return light + (cap + endosomes) * pixels.inside


def _golgi(rng, model, traits, cells, size_px: int):
    """Draws dots on one side of the nucleus, spread by infection."""
    cell_count, dots = len(cells.y), model.golgi_dots
    free = cells.infection[:, None]
    side = rng.uniform(0, 2 * np.pi, (cell_count, 1))
    angle = side + (0.6 + 1.4 * free) * rng.standard_normal((cell_count, dots))
    near = 1.15 * np.sqrt(cells.nucleus_long * cells.nucleus_short)[:, None]
    reach = (
        near
        + rng.random((cell_count, dots)) * (0.15 + 0.4 * free) * cells.short[:, None]
    )
    y = cells.nucleus_y[:, None] + reach * np.sin(angle)
    x = cells.nucleus_x[:, None] + reach * np.cos(angle)
    light = 0.10 * (cells.long * cells.short)[:, None] * np.pi / dots
    light = light * (1 + 0.2 * traits.state[4])
    return spots(y, x, 1.2 - 0.5 * free, light, size_px)


def _scattered(rng, cells, count: int, reach_frac, sigma_px, light, size_px: int):
    """Draws spots all over the cytoplasm, `count` per cell."""
    if not light:
        return np.zeros((size_px, size_px), np.float32)
    cell_count = len(cells.y)
    angle = rng.uniform(0, 2 * np.pi, (cell_count, count))
    reach = rng.uniform(*reach_frac, (cell_count, count))
    along = reach * cells.long[:, None] * np.cos(angle)
    across = reach * cells.short[:, None] * np.sin(angle)
    cos, sin = np.cos(cells.angle)[:, None], np.sin(cells.angle)[:, None]
    y = cells.y[:, None] + sin * along + cos * across
    x = cells.x[:, None] + cos * along - sin * across
    return spots(y, x, sigma_px, light, size_px)


def stain_mito(rng, model, traits, cells, pixels):
    """Draws MitoTracker: threads in the cytoplasm, grains by their mechanism."""
    size = len(pixels.owner)
    grain = model.mito_px * (1 + 0.08 * traits.state[5])
    field, coarse = noise(rng, size, grain, 1)[0], noise(rng, size, 0.8 * grain, 1)[0]
    # A thread is where smooth noise crosses 0; both textures have mean 1.
    threads = np.exp(-((field / 0.4) ** 2)) * np.sqrt(1 + 2 / 0.4**2)
    grains = np.clip(coarse - 0.9, 0, None) / 0.1004
    broken = traits.mechanism[FRAGMENTS]
    texture = 0.25 + 0.75 * ((1 - broken) * threads + broken * grains)
    body = _body(pixels, model.mito_fall) * (1 - 0.85 * _in_nucleus(pixels))
    return body * texture


STAINS = {
    "nuclei": stain_nuclei,
    "er": stain_er,
    "actin": stain_actin,
    "rna": stain_rna,
    "golgi": stain_golgi,
    "mito": stain_mito,
}
