"""The embedding's figures, of an encoder whose work is known by hand."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import embedding, matrix_product, rounds
from gandl_jax.prepared import prepared
from gandl_jax.training import embedding as training_embedding
from gandl_jax.training import opening

WIDTH, PIXELS = 32, 16 * 16 * 5
BEST = matrix_product.Rate(1e9, 5e8)


class Dense:
    """One product of the flat images with a matrix."""

    def __init__(self, config, screen, classes=()):
        pass

    def init(self, key):
        return jnp.ones((PIXELS, WIDTH))

    def items(self, state):
        return {"encoder": state, "train": state}

    def embed(self, encoder, images):
        return {"dense": images.reshape(len(images), -1) @ encoder}


@pytest.fixture
def config(monkeypatch, tmp_path):
    """Short rounds of the method above, 12 tiles of 16 px on 2 devices."""
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.005)
    monkeypatch.setattr(matrix_product, "flops_per_second", lambda *_: BEST)
    monkeypatch.setattr(opening, "make_method", Dense)
    c = configs.default()
    c.data.crop_px, c.embed.batch, c.train.devices = 16, 12, 2
    c.data.dir = str(tmp_path / "none")
    return c


@pytest.mark.parametrize("orientations", [1, 4])
def test_figures_of_a_known_encoder(config, orientations):
    config.embed.orientations = orientations
    got = embedding.figures(config)
    work = orientations * 2 * PIXELS * WIDTH
    assert got["gflop_per_tile"] == pytest.approx(work / 1e9, rel=1e-4)
    assert got["share_of_matrix_product"] == pytest.approx(
        work * got["tiles_per_second"] / 1e9, rel=1e-4
    )
    assert got["core_share_of_matrix_product"] == pytest.approx(
        work * got["tiles_per_core_second"] / 5e8, rel=1e-4
    )
    least, most = got["tiles_per_second_least"], got["tiles_per_second_most"]
    assert 0 < least <= got["tiles_per_second"] <= most
    assert got["devices"].startswith("2 x ") and got["channels"] == 5
    assert "sites_per_second" not in got  # nothing is prepared


def test_sites_of_a_prepared_screen(config, run, smoke_screen, tmp_path):
    assert run(tmp_path / "run", "--job=prepare") == 0
    config.data.dir = str(smoke_screen.prepared)
    opened = prepared.open_prepared(config.data.dir)
    once = itertools.chain(
        *(
            training_embedding.tile_batches(opened, config, None, i)
            for i in range(opened.shards)
        )
    )
    masks = [batch["mask"] for batch in once]
    per_site = (opened.height_px // 16) * (opened.width_px // 16)
    assert sum(mask.sum() for mask in masks) == opened.records * per_site
    assert embedding._sites_per_batch(opened, config) == pytest.approx(
        np.mean([mask.sum() for mask in masks]) / per_site
    )
    again = embedding._all_batches(opened, config)
    rows = [batch["record"] for batch in itertools.islice(again, 2 * len(masks))]
    assert np.array_equal(rows[: len(masks)], rows[len(masks) :])
    got = embedding.figures(config)
    assert got["tiles_per_site"] == per_site
    assert 0 < got["sites_per_second_least"] <= got["sites_per_second"]


def test_a_batch_that_does_not_divide_is_told(config):
    config.train.devices = 8
    with pytest.raises(InputError, match="a batch of 12 .* multiple of 8"):
        embedding.check(config)


def test_a_screen_that_embedding_refuses_is_told(config, run, smoke_screen, tmp_path):
    assert run(tmp_path / "run", "--job=prepare") == 0
    config.data.update(dir=str(smoke_screen.prepared), crop_px=1024)
    with pytest.raises(InputError, match="1024"):
        embedding.check(config)
