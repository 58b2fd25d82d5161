"""The decoder's loop: it counts whole records, and decodes what is stored."""

import itertools

import pytest

from gandl_jax.reading import reading_limit


@pytest.mark.parametrize("held", [4, 64])
def test_records_are_counted_not_pngs(tiny, monkeypatch, held):
    prepared, _ = tiny
    monkeypatch.setattr(reading_limit, "IN_MEMORY", held)
    decode, shapes = reading_limit.tf.io.decode_png, []

    def watched(*arguments):
        pixels = decode(*arguments)
        shapes.append(pixels.shape)
        return pixels

    monkeypatch.setattr(reading_limit.tf.io, "decode_png", watched)
    loop = reading_limit.decode(prepared, ("stain_0", "stain_1"))
    records = min(held, prepared.records)
    assert list(itertools.islice(loop, 2)) == [records] * 2
    assert shapes == [(24, 20, 1)] * (2 * 2 * records)
