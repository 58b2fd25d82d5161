"""Preparing on Apache Beam's local runner: the same bytes as without it."""

import importlib.util
import pathlib

import pytest

from gandl_jax import config
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs import prepare

needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="apache-beam is not installed: pip install -e '.[beam]'",
)
ONE = "--runner=DirectRunner"
TWO = f"{ONE} --direct_num_workers=2 --direct_running_mode=multi_processing"


@pytest.fixture
def raw(rxrx19a_folder):
    """A raw screen in RxRx19a's form."""
    return rxrx19a_folder(12)


def settings(raw, out, beam=""):
    c = config.default()
    c.data.update(name="rxrx19a", source_dir=str(raw), dir=str(raw.parent / out))
    c.data.update(records_per_shard=3, beam=beam)
    return c


def contents(c) -> dict[str, bytes]:
    folder = pathlib.Path(c.data.dir)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@needs_beam
@pytest.mark.parametrize(
    "options",
    [ONE, pytest.param(TWO, marks=pytest.mark.slow)],
    ids=["one", "two"],
)
def test_beam_writes_the_same_bytes(raw, options, capsys, monkeypatch):
    plain, beam = settings(raw, "plain"), settings(raw, "beam", options)
    prepare.run(plain, "")
    capsys.readouterr()
    monkeypatch.chdir(raw)
    beam.data.source_dir = "."  # the workers may have been started elsewhere
    prepare.run(beam, "")
    assert "12/12 sites" in capsys.readouterr().out
    assert contents(beam) == contents(plain)


@needs_beam
def test_beam_goes_on_where_another_run_stopped(raw):
    plain, beam = settings(raw, "plain"), settings(raw, "beam")
    prepare.run(plain, "")
    prepare.run(beam, "")
    folder = pathlib.Path(beam.data.dir)
    kept = folder / "rxrx19a-train.tfrecord-00001-of-00004"
    before = kept.stat().st_mtime_ns
    (folder / "screen.json").unlink()
    (folder / "rxrx19a-train.tfrecord-00002-of-00004").unlink()
    (folder / ".work").mkdir()
    (folder / ".work/00001.json").write_text('{"an image": "of a killed run"}')
    beam.data.beam = ONE
    prepare.run(beam, "")
    assert kept.stat().st_mtime_ns == before
    assert contents(beam) == contents(plain)


@needs_beam
def test_bad_images_are_told_as_without_beam(raw):
    c = settings(raw, "beam", ONE)
    for well in ("B02", "B07"):
        (path,) = raw.glob(f"images/*/*/{well}_s1_w3.png")
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"2 of 60 images.*truncated or corrupt"):
        prepare.run(c, "")
    assert not pathlib.Path(c.data.dir).exists()


@needs_beam
def test_a_run_that_fails_is_one_line(raw, monkeypatch):
    from gandl_jax.prepared import shards

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(shards, "write", full)
    c = settings(raw, "beam", ONE)
    with pytest.raises(RunError, match=r"^Beam failed: .*No space left.*goes on$"):
        prepare.run(c, "")
    assert not (pathlib.Path(c.data.dir) / "screen.json").exists()
    monkeypatch.undo()
    prepare.run(c, "")
    prepare.run(settings(raw, "plain"), "")
    assert contents(c) == contents(settings(raw, "plain"))


@needs_beam
@pytest.mark.parametrize(
    "options", ["--runner=NoSuchRunner", '--runner="', "--direct_num_workers=many"]
)
def test_options_that_beam_does_not_know(raw, options):
    c = settings(raw, "beam", options)
    with pytest.raises(InputError, match="nothing that Beam understands"):
        prepare.run(c, "")
    assert not pathlib.Path(c.data.dir).exists()


def test_without_beam_it_is_said_what_to_install(raw, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    c = settings(raw, "beam", ONE)
    with pytest.raises(InputError, match=r"needs Apache Beam: pip install .*\[beam\]"):
        prepare.run(c, "")
    assert not pathlib.Path(c.data.dir).exists()
