"""Padding: tiles and crops lie in what np.pad makes of the pixels that were written."""

import dataclasses
import itertools

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.reading import stream, tiles
from gandl_jax.reading.padding import Padding

OPTIONS = {"channels": (), "scaling": "dataset", "illumination": "none"}
WHOLE = 32  # a tile that holds sites of 24 x 20 px
REFLECT, CONSTANT = Padding(6, "reflect"), Padding(6, "constant")


def padded(site, padding):
    """A stretched site [H, W, C] with 6 px around it."""
    sides = ((6, 6), (6, 6), (0, 0))
    if padding == REFLECT:
        return np.pad(site, sides, "reflect")
    return np.pad(site, sides, constant_values=-1)


def every_tile(screen, **options):
    for shard in range(screen.shards):
        for batch in tiles.tile_batches(screen, shard, batch=8, **options):
            yield from zip(
                batch["record"][batch["mask"]], batch["images"], strict=False
            )


@pytest.mark.parametrize("padding", [REFLECT, CONSTANT])
@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_tiles_cover_the_padded_site(screen, padding, request, stretched):
    opened, pixels = request.getfixturevalue(screen)
    sites, corners = stretched(opened, pixels), itertools.cycle([0, 4])
    found = every_tile(opened, crop_px=WHOLE, padding=padding, **OPTIONS)
    count = 0
    for (row, tile), y in zip(found, corners, strict=False):
        wanted = padded(sites[opened.table["Metadata_Site_ID"][row]], padding)
        np.testing.assert_allclose(tile, wanted[y : y + WHOLE], atol=1e-5)
        count += 1
    assert count == 2 * opened.records  # 36 x 32 px


def some_crops(screen, padding, **options):
    read = stream.train_batches(
        screen,
        crop_px=30,
        padding=padding,
        batch=5,
        seed=1,
        first_step=0,
        flips=False,
        rotations=False,
        **options,
    )
    return np.concatenate([batch["images"] for batch in itertools.islice(read, 6)])


def place(crop, sites):
    """The one (y, x) at which a crop lies in one of the sites of 36 x 32 px."""
    (found,) = [
        (y, x)
        for site, y, x in itertools.product(sites, range(7), range(3))
        if np.abs(site[y : y + 30, x : x + 30] - crop).max() < 1e-5
    ]
    return found


@pytest.mark.parametrize("padding", [REFLECT, CONSTANT])
@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_crops_lie_in_the_padded_site(screen, padding, request, stretched):
    opened, pixels = request.getfixturevalue(screen)
    sites = [padded(site, padding) for site in stretched(opened, pixels).values()]
    found = [place(crop, sites) for crop in some_crops(opened, padding, **OPTIONS)]
    assert {y for y, _ in found} == set(range(7))  # 36 - 30 + 1
    assert {x for _, x in found} == set(range(3))


@pytest.mark.parametrize("padding", [REFLECT, CONSTANT])
def test_a_padded_pixel_has_the_illumination_of_its_own(tiny, padding, monkeypatch):
    """Sites are divided by their plate's field first, and padded then."""
    opened, _ = tiny
    plates = sorted(set(opened.table["Metadata_Plate"].astype(str)))
    rng = np.random.default_rng(0)
    fields = rng.uniform(0.5, 2, (len(plates), 2, 16, 16)).astype(np.float32)
    lit = dataclasses.replace(opened, fields=(plates, fields))
    monkeypatch.setattr(prepared.Prepared, "check_illumination", lambda *_: None)
    options = OPTIONS | {"illumination": "plate"}
    parts = {}
    for row, tile in every_tile(lit, crop_px=20, **options):  # at rows 0 and 4
        parts.setdefault(row, []).append(tile)
    sites = {
        row: padded(np.concatenate([upper[:4], lower]), padding)
        for row, (upper, lower) in parts.items()
    }
    found = every_tile(lit, crop_px=WHOLE, padding=padding, **options)
    for i, (row, tile) in enumerate(found):
        y = 4 * (i % 2)
        np.testing.assert_allclose(tile, sites[row][y : y + WHOLE], atol=1e-6)
    for crop in some_crops(lit, padding, **options):
        place(crop, list(sites.values()))


@pytest.mark.parametrize(
    ("crop_px", "padding", "told"),
    [
        (
            32,
            Padding(),
            "choose 20, the largest that fits, or set --config.data.pad_px=6$",
        ),
        (33, Padding(5), "24x20 px and 5 more on .*choose 30, .*, or set .*pad_px=7$"),
        (32, Padding(20), "pad_px is 20, .*reflect 19 at most: choose 0 to 19, or"),
        (64, Padding(), "set --config.data.pad_px=22 --config.data.padding=constant$"),
        (0, Padding(5), "choose 30, the largest that fits$"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(tiny, crop_px, padding, told):
    with pytest.raises(InputError, match=told):
        tiles.padded_size(tiny[0], padding, crop_px)


def test_what_is_advised_fits(tiny):
    fit = {
        (Padding(6), 32): (36, 32),
        (Padding(22, "constant"), 64): (68, 64),
        (Padding(19), 58): (62, 58),
    }
    for (padding, crop_px), size in fit.items():
        assert tiles.padded_size(tiny[0], padding, crop_px) == size
