"""Uneven illumination: fitted by `prepare`, against the shading that was drawn."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import illumination, prepared
from gandl_jax.raw import screen
from gandl_jax.reading import levels, stream, tiles, tiling

HEIGHT, WIDTH, SITES = 96, 80, 120
OPTIONS = {"channels": (), "scaling": "dataset", "crop_px": 32}


def shading(plate):
    """[H, W] a slope across and a bright middle, another one on each plate; mean 1."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    field = 1 + 0.15 * (-1) ** plate * x - 0.12 * (y**2 + x**2)
    return field / field.mean()


@pytest.fixture(scope="module")
def shaded(tmp_path_factory):
    """A prepared screen of two plates, its spec, and site_id to unshaded levels."""
    folder = tmp_path_factory.mktemp("shaded")
    rng = np.random.default_rng(0)
    spec = screen.Screen(
        name="shaded",
        channels=("dna", "empty"),
        file="images/{plate}/{site}_w{channel}.png",
        key=("site_id",),
        columns={"Metadata_Site_ID": "site_id", "Metadata_Plate": "plate"},
    )
    rows, levels = [], {}
    for plate, site in itertools.product((1, 2), range(SITES)):
        row = {"plate": str(plate), "site": str(site), "site_id": f"{plate}_{site}"}
        rows.append(row)
        clean = rng.uniform(60, 140, (HEIGHT, WIDTH))
        levels[row["site_id"]] = clean
        seen = np.rint(clean * shading(plate)).astype(np.uint8)
        for code, image in (("1", seen), ("2", np.zeros_like(seen))):
            path = folder / "raw" / spec.image_path(row, code)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    pd.DataFrame(rows).to_csv(folder / "raw" / "metadata.csv", index=False)
    c = config.default()
    c.data.update(source_dir=str(folder / "raw"), dir=str(folder / "out"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "load", lambda config: spec)
        prepare.run(c, "")
    return prepared.open_prepared(str(folder / "out")), levels


@pytest.mark.parametrize("size", [(96, 80), (50, 33), (7, 200)])
def test_block_sums_are_those_of_the_parts(size):
    pixels = np.random.default_rng(1).integers(0, 2**16, size).astype(np.uint16)
    got = illumination.block_sums(pixels)
    assert got.shape == illumination.grid(size) == tuple(min(s, 16) for s in size)
    edges = [
        [s * i // n for i in range(n + 1)] for s, n in zip(size, got.shape, strict=True)
    ]
    for y, x in np.ndindex(got.shape):
        block = pixels[edges[0][y] : edges[0][y + 1], edges[1][x] : edges[1][x + 1]]
        assert got[y, x] == block.sum(dtype=np.int64)


def test_the_field_is_the_shading(shaded):
    opened, _ = shaded
    names, fields = illumination.read(opened.directory)
    assert names == ["1", "2"] and fields.shape == (2, 2, 16, 16)
    rows, columns = illumination.between(HEIGHT), illumination.between(WIDTH)
    np.testing.assert_allclose(rows.sum(1), 1)
    for plate, field in zip((1, 2), fields, strict=True):
        found = rows @ field[0] @ columns.T
        off = np.abs(found / shading(plate) - 1)
        assert off.mean() < 0.006 and off.max() < 0.04
        np.testing.assert_array_equal(field[1], 1)  # of a dark channel


def test_tiles_and_crops_lose_their_shading(shaded):
    """Both are the drawn levels, stretched, but for what smoothing leaves."""
    opened, levels = shaded
    ends = opened.statistics["dna"]["low"], opened.statistics["dna"]["high"]
    errors = {"none": [], "plate": []}
    for kind, found in errors.items():
        (batch,) = tiles.tile_batches(
            opened, 0, batch=9 * 2 * SITES, illumination=kind, **OPTIONS
        )
        corners = tiling.offsets(HEIGHT, WIDTH, 32)
        for i in range(0, len(batch["images"]), 40):
            row, (y, x) = batch["record"][i], corners[i % len(corners)]
            clean = levels[opened.table["Metadata_Site_ID"][row]]
            wanted = np.interp(clean[y : y + 32, x : x + 32], ends, (-1, 1))
            found.append(np.abs(batch["images"][i][..., 0] - wanted).mean())
    assert np.mean(errors["plate"]) < 0.06 * np.mean(errors["none"])


def test_the_stream_corrects_as_the_tiles_do(shaded):
    """One crop as large as the site's smaller side, found again among the tiles."""
    opened, _ = shaded
    options = OPTIONS | {"illumination": "plate", "crop_px": 80}
    batches = stream.train_batches(
        opened, batch=8, seed=1, first_step=0, flips=False, rotations=False, **options
    )
    crops = next(batches)["images"]
    (every,) = tiles.tile_batches(opened, 0, batch=2 * 2 * SITES, **options)
    for crop in crops:
        # a crop at row y holds what the tiles at rows 0 and 16 hold, shifted
        upper, lower = every["images"][0::2], every["images"][1::2]
        places = [
            (site, y)
            for y in range(17)
            for site in np.flatnonzero(
                np.abs(upper[:, y : y + 8] - crop[:8]).max((1, 2, 3)) < 1e-6
            )
        ]
        ((site, y),) = places
        np.testing.assert_allclose(crop[: 80 - y], upper[site, y:], atol=1e-6)
        if y:
            np.testing.assert_allclose(
                crop[-(64 + y) :], lower[site, : 64 + y], atol=1e-6
            )


def test_plates_of_few_sites_are_refused(tiny):
    opened, _ = tiny
    with pytest.raises(InputError, match="3 of 3 plates have fewer than 50 sites"):
        opened.check_illumination("plate")


def test_where_there_is_none(shaded, tmp_path):
    moved = dataclasses.replace(shaded[0], directory=str(tmp_path))
    with pytest.raises(InputError, match="has no illumination.npz: run --job=prepare"):
        moved.check_illumination("plate")


def test_a_damaged_one_is_told(shaded, tmp_path):
    (tmp_path / "illumination.npz").write_bytes(b"PK\3\4")
    moved = dataclasses.replace(shaded[0], directory=str(tmp_path))
    with pytest.raises(InputError, match="illumination.npz is damaged .*: delete it"):
        levels.grey_levels(moved, ("dna",), "dataset", "plate")
