"""Features of the images that are asked for, in spaces that take fewer of them."""

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.training.generated_quality import measured, space_names
from gandl_jax.training.generated_quality.measured import ALL, Space


def first_pixel(images):
    return {ALL: images[:, 0, 0], 0: images[:, 0, 0, :1]}


def batches():
    numbers = iter(range(1000))
    while True:
        values = [next(numbers) for _ in range(4)]
        yield np.array(values, float)[:, None, None, None].repeat(2, -1)


def test_each_space_takes_the_first_of_the_same_images():
    spaces = Space("a", 1000, first_pixel), Space("b", 5, first_pixel)
    found = measured.measure(batches(), spaces, 10)
    assert found["a"][ALL].tolist() == [[n, n] for n in range(10)]
    assert found["a"][0].ravel().tolist() == list(range(10))
    assert found["b"][0].ravel().tolist() == list(range(5))


def test_spaces_are_the_files_of_the_folder():
    assert space_names.names() == ["classical", "efficientnet_lite0", "random"]
    assert measured.usable(("random",)) == (["random"], [])


def test_one_that_is_not_installed_is_refused_only_where_it_was_asked_for(monkeypatch):
    from gandl_jax.training import classical_needs

    monkeypatch.setattr(classical_needs, "are_installed", lambda: False)
    spaces, missing = measured.usable(())
    assert "random" in spaces and "classical" not in spaces
    assert [why for why in missing if "cp-measure" in why]
    with pytest.raises(InputError, match="cp-measure"):
        measured.usable(("classical",))
