"""Files read ahead of what is decoded, never many."""

import threading

import pytest

from gandl_jax.errors import RunError
from gandl_jax.raw import raw_files, read_ahead
from gandl_jax.raw.image_files import Unreadable

RECORDS = 40


@pytest.fixture
def source(tmp_path):
    for i in range(RECORDS):
        for channel in "ab":
            (tmp_path / f"{i}{channel}").write_text(f"{i} {channel}")
    return raw_files.open_files(str(tmp_path))


PATHS = [[f"{i}a", f"{i}b"] for i in range(RECORDS)]


def test_records_come_whole_and_in_order(source):
    found = list(read_ahead.records(source, PATHS))
    assert found == [[f"{i} a".encode(), f"{i} b".encode()] for i in range(RECORDS)]


def test_few_records_wait(source):
    asked, before = 0, threading.active_count()

    def counted():
        nonlocal asked
        for paths in PATHS:
            asked += 1
            yield paths

    reading = read_ahead.records(source, counted())
    for taken in range(1, 11):
        next(reading)
        assert asked <= taken + read_ahead.RECORDS
    reading.close()
    assert asked <= 10 + read_ahead.RECORDS
    assert threading.active_count() <= before + read_ahead.THREADS


def test_what_cannot_be_read(source, tmp_path, monkeypatch):
    original = raw_files.RawFiles.open

    def damaged(self, path, *limits):
        if path == "3b":
            raise Unreadable("damaged in x.zip")
        return original(self, path, *limits)

    monkeypatch.setattr(raw_files.RawFiles, "open", damaged)
    (tmp_path / "5a").unlink()
    reading = read_ahead.records(source, PATHS)
    found = [next(reading) for _ in range(5)]
    assert found[3][0] == b"3 a" and str(found[3][1]) == "damaged in x.zip"
    with pytest.raises(RunError, match="^5a in .* can no longer be read .No such file"):
        next(reading)


def test_a_file_that_is_too_large_is_not_read(source):
    (found, *_) = read_ahead.records(source, [["1a", "12b"]], most_bytes=3)
    assert found[0] == b"1 a" and str(found[1]) == "more than 3 bytes"
