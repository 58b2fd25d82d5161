"""Sites and tiles: against plain NumPy on the pixels that were written."""

import numpy as np
import pytest

from gandl_jax.reading import tiles, tiling

CROP = 8


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_sites_are_the_raw_pixels_once_in_stored_order(screen, request):
    prepared, pixels = request.getfixturevalue(screen)
    rows = []
    for shard in range(prepared.shards):
        for row, site in tiles.sites(prepared, shard, ()):
            name = prepared.table["Metadata_Site_ID"][row]
            assert site.dtype == pixels[name].dtype
            np.testing.assert_array_equal(site, pixels[name])
            rows.append(row)
    assert rows == list(range(prepared.records))


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_site_intensities_are_numpys(screen, request):
    prepared, pixels = request.getfixturevalue(screen)
    names = prepared.channels[::-1]
    for shard in range(prepared.shards):
        rows, features = tiles.site_intensities(prepared, shard, names)
        np.testing.assert_array_equal(rows, prepared.rows(shard))
        for row, values in zip(rows, features, strict=True):
            site = pixels[prepared.table["Metadata_Site_ID"][row]][..., ::-1]
            scaled = site.astype(np.float64) / np.iinfo(site.dtype).max
            wanted = [*scaled.mean((0, 1)), *scaled.std((0, 1))]
            np.testing.assert_allclose(values, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "crop", "count"),
    [(640, 640, 256, 9), (1024, 1024, 256, 16), (96, 96, 64, 4), (64, 64, 64, 1)]
    + [(24, 20, 8, 9), (7, 5, 3, 6), (10, 3, 3, 4), (11, 11, 4, 9), (5, 4, 1, 20)],
)
def test_fewest_tiles_cover_every_pixel(height, width, crop, count):
    offsets = tiling.offsets(height, width, crop)
    covered = np.zeros((height, width), int)
    for y, x in offsets:
        assert 0 <= y <= height - crop and 0 <= x <= width - crop
        covered[y : y + crop, x : x + crop] += 1
    assert covered.min() == 1
    assert len(offsets) == len(set(offsets)) == count
    gaps = np.diff(sorted({y for y, _ in offsets}))
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def tiles_of(prepared, shard, batch, **changes):
    options = {
        "channels": (),
        "scaling": "dataset",
        "illumination": "none",
        "crop_px": CROP,
    } | changes
    return tiles.tile_batches(prepared, shard, batch=batch, **options)


@pytest.mark.parametrize("size", [4, 9, 1000])
def test_tiles_of_every_site_then_padding(tiny, size, stretched):
    prepared, pixels = tiny
    sites = stretched(prepared, pixels)
    for shard in range(prepared.shards):
        every, rows = [], []
        for batch in tiles_of(prepared, shard, size):
            assert batch["images"].shape == (size, CROP, CROP, 2)
            assert batch["images"].dtype == np.float32
            assert batch["record"].dtype == np.int32 and batch["mask"].dtype == bool
            kept = int(batch["mask"].sum())
            assert kept and batch["mask"][:kept].all()
            assert not batch["images"][kept:].any() and not batch["record"][kept:].any()
            every += list(batch["images"][:kept])
            rows += list(batch["record"][:kept])
        np.testing.assert_array_equal(rows, np.repeat(prepared.rows(shard), 9))
        corners = tiling.offsets(24, 20, CROP) * (len(rows) // 9)
        for row, (y, x), tile in zip(rows, corners, every, strict=True):
            site = sites[prepared.table["Metadata_Site_ID"][row]]
            wanted = site[y : y + CROP, x : x + CROP]
            np.testing.assert_allclose(tile, wanted, atol=1e-5)


def test_whole_sites_are_stretched_from_dark_to_bright(tiny, stretched):
    prepared, pixels = tiny
    asked = {"channels": ("stain_1",), "scaling": "dataset", "illumination": "none"}
    found = dict(tiles.stretched_sites(prepared, None, **asked))
    assert sorted(found) == list(range(prepared.records))
    expected = stretched(prepared, pixels, ("stain_1",))
    for row, image in found.items():
        site = expected[prepared.table["Metadata_Site_ID"][row]].clip(-1, 1)
        np.testing.assert_allclose(image, (site + 1) / 2, atol=2e-3)
        assert image.dtype == np.float32


def test_records_of_all_shards_are_read_in_stored_order(tiny):
    prepared, _ = tiny
    wanted = np.array([1, 4, 6, 12])
    shards = range(prepared.shards)
    apart = [one for s in shards for one in tiles.sites(prepared, s, (), None, wanted)]
    together = list(tiles.sites(prepared, None, (), None, wanted))
    assert [row for row, _ in together] == [row for row, _ in apart] == [1, 4, 6, 12]
    for (_, mine), (_, theirs) in zip(together, apart, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_every_plate_is_stretched_by_its_own_percentiles(screen, request, stretched):
    prepared, pixels = request.getfixturevalue(screen)
    sites = stretched(prepared, pixels, per_plate=True)
    ids = prepared.table["Metadata_Site_ID"]
    corners = tiling.offsets(24, 20, CROP)
    for batch in tiles_of(prepared, 0, 9, scaling="plate"):
        site = sites[ids[batch["record"][0]]]
        wanted = [site[y : y + CROP, x : x + CROP] for y, x in corners]
        np.testing.assert_allclose(batch["images"], wanted, atol=1e-6)
        other = stretched(prepared, pixels)[ids[batch["record"][0]]]
        assert np.abs(site - other).max() > 1e-3
