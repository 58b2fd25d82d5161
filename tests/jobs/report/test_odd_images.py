"""The chapter on images that stand out, from a prepared screen."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config as configs
from gandl_jax.jobs import prepare
from gandl_jax.jobs.report import odd_images


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A screen of two sites, one of them noise, the other a slope."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "raw").mkdir()
    slope = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    noise = np.random.default_rng(0).permutation(slope.ravel()).reshape(40, 60)
    for name, pixels in (("<b>B02", noise), ("B03", slope)):
        Image.fromarray(pixels).save(folder / "raw" / f"{name}.png")
    c = configs.default()
    c.data.update(name="own", source_dir=str(folder / "raw"), dir=str(folder / "out"))
    c.screen.update(name="odd", metadata="", file="{site_id}.png", channels=("dna",))
    prepare.run(c, "")
    return c


def test_what_stands_out_is_told_with_its_measures(config):
    numbers = {}
    page = odd_images.section(odd_images.read(config), numbers)
    assert "1 of 2 images of channel &#x27;dna&#x27; is noise" in page
    assert "<td>&lt;b&gt;B02.png</td>" in page and "B03" not in page
    (table,) = numbers["odd_images"]
    assert table[["record", "what"]].to_numpy().tolist() == [["<b>B02", "noise"]]
    assert float(table["focus"].iloc[0]) == pytest.approx(1, abs=0.1)


def test_nothing_is_told_of_what_is_not_here_or_another_screen(config, tmp_path):
    other = config.copy_and_resolve_references()
    other.screen.name = "another"
    assert odd_images.read(other) is None
    other.update(config)
    other.data.dir = str(tmp_path)
    assert odd_images.read(other) is None
    assert odd_images.section(None, {}) is None
    none = odd_images.OddImages("odd", [], pd.DataFrame())
    assert odd_images.section(none, {}) is None
