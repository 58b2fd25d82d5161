"""Reduced images: `config.data.downscale` and `white_level`, from shards to workdir."""

import json
import pathlib
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config, sealed_json, workdir
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.reading import tiles
from gandl_jax.training import opening

HEIGHT, WIDTH = 34, 47


@pytest.fixture(params=[np.uint8, np.uint16], ids=["8 bits", "16 bits"])
def screen(request, tmp_path):
    """A config, and the pixels of its three records [H, W], grey PNGs."""
    (tmp_path / "raw").mkdir()
    rng, top = np.random.default_rng(0), np.iinfo(request.param).max
    images = rng.integers(0, top, (3, HEIGHT, WIDTH), request.param, endpoint=True)
    for i, pixels in enumerate(images):
        Image.fromarray(pixels).save(tmp_path / f"raw/s{i}.png")
    table = pd.DataFrame({"site_id": ["s0", "s1", "s2"]})
    table.to_csv(tmp_path / "raw/metadata.csv", index=False)
    c = config.default()
    c.data.update(name="own", source_dir=str(tmp_path / "raw"), crop_px=8)
    c.data.dir = str(tmp_path / "out")
    c.screen.update(name="tiny", file="{site_id}.png", channels=("dna",))
    return c, images


def test_images_are_block_means_at_the_same_depth(screen):
    c, images = screen
    c.data.downscale = 4
    prepare.run(c, "")
    opened, _ = opening.open_dataset(c)
    assert (opened.height_px, opened.width_px) == (8, 11)
    assert opened.bit_depth == 8 * images.itemsize
    means = images[:, :32, :44].reshape(3, 8, 4, 11, 4).mean((2, 4)).round()
    sites = dict(tiles.sites(opened, 0, ("dna",)))
    assert len(sites) == 3
    for row, site in sites.items():
        number = int(opened.table["Metadata_Site_ID"][row][1:])
        assert site.dtype == images.dtype
        np.testing.assert_array_equal(site[..., 0], means[number])
    found = opened.statistics["dna"]
    assert (found["mean"], found["max"]) == pytest.approx((means.mean(), means.max()))


def test_16_bits_become_8_on_request(screen):
    c, images = screen
    c.data.white_level = 4095
    if images.dtype == np.uint8:
        with pytest.raises(InputError, match="makes 8 bits of 16, but the images have"):
            prepare.run(c, "")
        assert not pathlib.Path(c.data.dir).exists()
        return
    prepare.run(c, "")
    opened, _ = opening.open_dataset(c)
    assert opened.bit_depth == 8
    for row, site in tiles.sites(opened, 0, ("dna",)):
        number = int(opened.table["Metadata_Site_ID"][row][1:])
        wanted = np.rint(np.minimum(images[number], 4095) * (255 / 4095))
        assert site.dtype == np.uint8
        np.testing.assert_array_equal(site[..., 0], wanted)
    c.data.white_level = 0
    with pytest.raises(InputError, match="white_level was 4095, is 0"):
        opening.open_dataset(c)


def test_what_is_odd_is_told_of_the_smaller_images(screen, capsys):
    c, images = screen
    flat = np.full_like(images[0], 3)
    Image.fromarray(flat).save(pathlib.Path(c.data.source_dir) / "s1.png")
    c.data.downscale = 3
    prepare.run(c, "")
    assert re.search(r"constant, one level.*s1\.png", capsys.readouterr().out)


def test_without_it_plans_and_folders_are_what_they_were(screen):
    c, _ = screen
    prepare.run(c, "")
    out, raw = pathlib.Path(c.data.dir), pathlib.Path(c.data.source_dir)
    assert "downscale" not in json.loads((out / "plan.json").read_text())
    shard = (out / "tiny-train.tfrecord-00000-of-00001").read_bytes()
    assert all((raw / f"s{i}.png").read_bytes() in shard for i in range(3))


@pytest.mark.parametrize(("before", "now"), [(1, 2), (2, 1), (2, 3)])
def test_a_folder_prepared_at_another_scale_is_refused(screen, before, now):
    c, _ = screen
    c.data.downscale = before
    prepare.run(c, "")
    first = prepared.open_prepared(c.data.dir).fingerprint
    c.data.downscale = now
    message = f"otherwise: downscale was {before}, is {now}; choose another data.dir"
    for job in (lambda: prepare.run(c, ""), lambda: opening.open_dataset(c)):
        with pytest.raises(InputError, match=message):
            job()
    c.data.dir += "-again"
    prepare.run(c, "")
    assert prepared.open_prepared(c.data.dir).fingerprint != first


def test_nothing_left_of_an_image_is_refused(screen):
    c, _ = screen
    c.data.downscale = 35
    with pytest.raises(InputError, match="downscale=35 leaves nothing of.*34x47 px"):
        prepare.run(c, "")
    assert not pathlib.Path(c.data.dir).exists()


def test_a_workdir_of_another_scale_is_refused_and_a_former_one_is_not(tmp_path):
    c = config.default()
    workdir.record(tmp_path, c, "")
    (tmp_path / "metrics.jsonl").touch()  # in use: else it would be nobody's
    file = tmp_path / "config.json"
    saved = sealed_json.read(file)
    del saved["config"]["data.downscale"]  # as versions before it wrote it
    sealed_json.write(file, saved)
    workdir.refuse_another(tmp_path, c)
    c.data.downscale = 2
    with pytest.raises(InputError, match="its data.downscale is 1, this config's 2"):
        workdir.refuse_another(tmp_path, c)
