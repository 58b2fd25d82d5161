"""Room on a disk, asked for before anything is written."""

import collections
import shutil

import pytest

from gandl_jax import free_disk
from gandl_jax.errors import InputError


@pytest.fixture(autouse=True)
def little(monkeypatch):
    """47 MB are free on every disk; gives the folders that were asked about."""
    usage, asked = collections.namedtuple("Usage", "total used free"), []

    def disk_usage(path):
        asked.append(str(path))
        return usage(100_000_000, 53_000_000, 47_000_000)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    return asked


def test_a_disk_without_room_is_refused(tmp_path, little):
    place = tmp_path / "new/er"
    with pytest.raises(InputError, match=r"has 47 MB free, and a tale needs 48 MB: "):
        free_disk.require(place, 48_000_000, "a tale")
    free_disk.require(place, 47_000_000, "a tale")
    assert little == [str(tmp_path)] * 2 and not place.exists()


def test_a_bucket_has_room(little):
    free_disk.require("gs://bucket/w", 10**15, "a tale")
    assert not little
