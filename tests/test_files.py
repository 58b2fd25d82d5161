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
    with files.partial(path) as beside:
        beside.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_in_pieces_may_go_back(tmp_path):
    with files.replacing(tmp_path / "a.bin") as file:
        file.write(b"ned")
        file.seek(1)
        file.write(b"ew")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_a_failure_keeps_the_old_file_and_no_partial_one(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["gs://b/c/d.txt", "gs://b"])
def test_a_path_in_a_bucket_holds_everywhere(path):
    assert str(files.absolute(path)) == path
    assert str(files.bucket(path)) == "gs://b"


def test_a_path_on_a_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(files.absolute("a/../b")) == f"{tmp_path}/b"
    assert files.bucket("a") is None


def test_no_folder_is_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "gone" / "a.txt", "text")
    assert not (tmp_path / "gone").exists()
