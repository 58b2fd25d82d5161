"""Files written whole."""

import pytest

from gandl_jax import files


@pytest.mark.parametrize("data", ["µ\n", "µ\n".encode()])
def test_replace_writes_and_overwrites_and_leaves_nothing_else(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_text("a longer old text")
    files.replace(path, data)
    assert path.read_bytes() == b"\xc2\xb5\n"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with files.replacing(path) as file:
        file.write(b"ne")
        assert path.read_bytes() == b"old"
        assert (tmp_path / ".a.bin.partial").exists()
        file.write(b"w")
    assert path.read_bytes() == b"new"


def test_a_failure_keeps_the_old_file_and_no_partial_one(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_folder_is_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "gone" / "a.txt", "text")
    assert not (tmp_path / "gone").exists()
