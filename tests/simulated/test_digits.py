"""MNIST's digits as channels: the file, what is dealt to whom, and the contrast."""

import io

import numpy as np
import pytest
from scipy import stats

from gandl_jax.errors import InputError
from gandl_jax.raw import image_files
from gandl_jax.simulated import digits


def arrays(count=400, seed=0):
    """What an .npz file holds: digits of noise, labels of unlike number."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10)
    labels[: count // 10] = 3
    images = rng.integers(5, 200, (count, 28, 28)).astype(np.uint8)
    return {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}


def some(count=400):
    found = arrays(count)
    return digits.Digits(found["x_train"], found["y_train"])


def test_both_spellings_of_the_file_are_read(tmp_path):
    found = arrays()
    np.savez(tmp_path / "keras.npz", **found)
    turned = {"_".join(reversed(name.split("_"))): a for name, a in found.items()}
    np.savez(tmp_path / "other.npz", **turned)
    for name in ("keras.npz", "other.npz"):
        read = digits.read(tmp_path / name)
        assert list(read) == ["train", "test"]
        np.testing.assert_array_equal(read["test"].images, found["x_test"])
        np.testing.assert_array_equal(read["train"].labels, found["y_train"])


def spoilt(kind):
    found = arrays(40)
    if kind == "no array":
        del found["y_test"]
    elif kind == "another size":
        found["x_train"] = found["x_train"][:, :20]
    elif kind == "letters":
        found["y_train"] = found["y_train"] + 1
    file = io.BytesIO()
    np.savez(file, **found)
    return b"digits" if kind == "no archive" else file.getvalue()


@pytest.mark.parametrize("kind", ["no array", "another size", "letters", "no archive"])
def test_a_file_of_something_else_is_told(kind, tmp_path):
    (tmp_path / "mnist.npz").write_bytes(spoilt(kind))
    with pytest.raises(InputError, match="does not hold MNIST's digits .*download"):
        digits.read(tmp_path / "mnist.npz")


def test_a_file_that_is_not_there_is_told_with_its_source(tmp_path):
    with pytest.raises(InputError, match="nowhere.npz does not exist: download https"):
        digits.read(tmp_path / "nowhere.npz")


def test_a_channel_shows_the_own_digit_as_often_as_it_is_to():
    """Counts lie within the binomial's range, label by label and channel by channel."""
    found, wanted = some(4000), np.array([0.1, 0.2, 0.5, 0.9, 0.0, 1.0])
    rng = np.random.default_rng(1)
    labels, shown = digits.deal(rng, found, 3000, wanted)
    assert np.bincount(labels).tolist() == [300] * 10
    right = found.labels[shown] == labels[:, None]
    for channel, p in enumerate(wanted):
        low, high = stats.binom.ppf([5e-4, 1 - 5e-4], 3000, p)
        assert low <= right[:, channel].sum() <= high
        for label in range(10):
            low, high = stats.binom.ppf([1e-4, 1 - 1e-4], 300, p)
            assert low <= right[labels == label, channel].sum() <= high
    # Channels err independently: of the four that may, none says another's mistake.
    together = np.corrcoef(right[:, :4].T) - np.eye(4)
    assert np.abs(together).max() < 4 / np.sqrt(3000)


def test_a_channel_at_chance_shows_every_label_as_often_whatever_the_record():
    found = some(4000)
    rng = np.random.default_rng(2)
    labels, shown = digits.deal(rng, found, 3500, np.array([0.1]))
    table = np.zeros((10, 10))
    np.add.at(table, (labels, found.labels[shown[:, 0]]), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3
    assert stats.chisquare(table.sum(0)).pvalue > 1e-3


def test_own_digits_are_the_records_alone_and_the_same_in_all_channels():
    found = some()
    rng = np.random.default_rng(3)
    labels, shown = digits.deal(rng, found, 300, np.array([1.0, 0.6, 1.0]))
    np.testing.assert_array_equal(shown[:, 0], shown[:, 2])
    assert len(np.unique(shown[:, 0])) == 300
    np.testing.assert_array_equal(found.labels[shown[:, 0]], labels)
    same_label = found.labels[shown[:, 1]] == labels
    np.testing.assert_array_equal(shown[same_label, 1], shown[same_label, 0])


def test_too_many_records_are_told():
    with pytest.raises(InputError, match="400 records of the digit 0.*has 3"):
        digits.deal(np.random.default_rng(0), some(), 4000, np.array([0.5]))


def test_every_digit_has_the_same_contrast():
    rng = np.random.default_rng(0)
    tops = rng.integers(40, 256, (20, 1, 1))
    images = (rng.random((20, 28, 28)) * tops).astype(np.uint8)
    made = digits.stretched(images)
    assert made.dtype == np.uint8
    assert (made.min((1, 2)) == 0).all() and (made.max((1, 2)) == digits.WHITE).all()
    for before, after in zip(images, made, strict=True):  # a straight line, rounded
        a, b = np.polyfit(before.ravel(), after.ravel(), 1)
        assert np.abs(a * before.astype(float) + b - after).max() < 1


def test_a_records_file_holds_its_channels(tmp_path):
    images = some().images[:3]
    path = str(tmp_path / "one.tif")
    digits.draw(digits.Record((path,), images))
    found, pixels = image_files.decode_tiff((tmp_path / "one.tif").read_bytes())
    assert found == image_files.ImageFormat(28, 28, 8, 3)
    low, high = images.min((1, 2)), images.max((1, 2))
    for i in range(3):
        expected = (images[i] - low[i]) / (high[i] - low[i]) * 250.0
        np.testing.assert_allclose(pixels[..., i], expected, atol=0.5 + 1e-9)
