"""A planted copy is found, however it is turned; an image beside others is none."""

import numpy as np

from gandl_jax.jobs.generate import copies, thumbnails


def images(count, seed):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 32, 32, 2))


def test_copies_are_found_in_every_orientation_that_training_showed():
    real = thumbnails.make(images(200, 0))
    generated = thumbnails.make(images(5, 1))
    generated[1] = real[7]
    generated[3] = np.rot90(real[150][:, ::-1], 3)
    found = copies.find(generated, real, np.arange(200), flips=True, rotations=True)
    assert found.is_near.tolist() == [False, True, False, True, False]
    assert found.image[[1, 3]].tolist() == [7, 150]
    assert found.distance[1] < 1e-3
    apart = [np.sqrt(((generated[0] - x) ** 2).mean()) for x in _turned(real)]
    np.testing.assert_allclose(found.distance[0], min(apart), rtol=1e-4)
    upright = copies.find(generated, real, np.arange(200), flips=False, rotations=False)
    assert upright.is_near.tolist() == [False, True, False, False, False]


def _turned(real):
    for image in real:
        for one in (image, image[:, ::-1]):
            yield from (np.rot90(one, k) for k in range(4))


def test_tiles_of_one_record_are_no_copies_of_one_another():
    one = thumbnails.make(images(100, 0))
    twice = np.repeat(one, 2, 0)  # two tiles of each record, the same
    other = thumbnails.make(images(3, 1))
    settings = {"flips": False, "rotations": False}
    found = copies.find(other, twice, np.arange(200) // 2, **settings)
    assert found.near > 0.1 and not found.is_near.any()


def test_thumbnails_are_means_of_blocks():
    image = images(2, 0)
    found = thumbnails.make(image)
    assert found.shape == (2, 16, 16, 2)
    np.testing.assert_allclose(found[1, 3, 5], image[1, 6:8, 10:12].mean((0, 1)), 1e-6)
    assert thumbnails.make(image[:, :40, :40]).shape == (2, 16, 16, 2)
    assert thumbnails.make(image[:, :9, :9]).shape == (2, 9, 9, 2)
