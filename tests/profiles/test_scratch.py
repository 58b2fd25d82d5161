"""Arrays in a file without a name."""

import collections
import shutil
import tempfile

import numpy as np
import pytest

from gandl_jax.profiles import scratch
from gandl_jax.profiles.scratch import Scratch


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(scratch, "LEAST_BYTES", 1)


def test_arrays_come_back_bit_for_bit():
    rng, kept = np.random.default_rng(0), Scratch()
    arrays = {
        "a": rng.normal(size=(3, 5)).astype(np.float32),
        "b": rng.normal(size=(2000, 7))[::-1],  # neither contiguous nor of whole pages
        "c": np.arange(4),
    }
    assert all(kept.keep(name, array) for name, array in arrays.items())
    for name in ("c", "a", "b"):
        assert np.array_equal(kept[name], arrays[name])
        assert kept[name].dtype == arrays[name].dtype


def test_a_reader_who_writes_changes_no_other():
    kept = Scratch()
    kept.keep("a", np.zeros(3))
    kept["a"][:] = 1
    assert not kept["a"].any()


def test_nothing_is_kept_where_there_is_no_room(monkeypatch):
    usage = collections.namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 53, 47))
    kept = Scratch()
    assert not kept.keep("a", np.zeros(3)) and "a" not in kept
    assert kept.keep("b", np.zeros(2)) and kept["b"].tolist() == [0, 0]


def test_a_full_disk_keeps_nothing(monkeypatch):
    class Full:
        close = seek = lambda *a: None

        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: Full())
    kept = Scratch()
    assert not kept.keep("a", np.zeros(3)) and "a" not in kept


def test_small_arrays_are_not_kept(monkeypatch):
    monkeypatch.setattr(scratch, "LEAST_BYTES", 25)
    kept = Scratch()
    assert not kept.keep("a", np.zeros(3)) and kept.keep("b", np.zeros(4))
