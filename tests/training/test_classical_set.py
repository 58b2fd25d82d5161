"""The set "classical": the same rows however it was made, and what is left out."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from etils import epath

pytest.importorskip("cp_measure", reason="pip install -r launch/classical.txt")

from gandl_jax import config as configs  # noqa: E402
from gandl_jax import sealed_json  # noqa: E402
from gandl_jax.classical import measurements  # noqa: E402
from gandl_jax.profiles import store  # noqa: E402
from gandl_jax.reading import tiles  # noqa: E402
from gandl_jax.training import classical_pieces, classical_set  # noqa: E402


def asked(**evaluate):
    config = configs.default("autoencoder")
    config.embed.workers = 1  # of which no time is taken
    config.evaluate.update(**evaluate)
    return config


@pytest.fixture
def textures_alone(monkeypatch):
    """Granularity takes a hundred times as long as textures."""
    measurements.columns.cache_clear()
    monkeypatch.setattr(measurements, "OF_CHANNEL", ("texture",))
    monkeypatch.setattr(measurements, "OF_PAIR", ("pearson",))
    yield
    measurements.columns.cache_clear()


@pytest.fixture
def write(tiny, tmp_path):
    """Writes the set of `tiny`; gives its folder, and how many records it measured."""
    dataset, _ = tiny

    def write(name, workers=1, **evaluate):
        config = asked(**evaluate)
        config.embed.workers = workers
        folder = epath.Path(tmp_path) / name / "classical"
        store.claim(folder, {"saw_images": False})
        count = classical_set.write(config, folder, dataset, dataset.channels, None)
        return folder, count

    return write


def values(folder):
    return store.read(folder)["classical"].features


@pytest.mark.usefixtures("textures_alone")
def test_rows_are_what_is_measured_of_the_records(write, tiny):
    dataset, _ = tiny
    folder, count = write("w")
    assert count == dataset.records
    assert not (folder / classical_pieces.FOLDER).exists()
    one = store.read(folder)["classical"]
    tables = sealed_json.read(folder / store.SUMMARY)
    names = list(measurements.columns(dataset.channels, ""))
    assert len(tables["columns"]) + len(tables["left out"]) == len(names)
    assert one.features.shape == (dataset.records, len(tables["columns"]))
    images = tiles.stretched_sites(
        dataset, None, channels=(), scaling="dataset", illumination="none"
    )
    for row, image in images:
        measured = measurements.measure(image, dataset.channels, "")
        site = dataset.table["Metadata_Site_ID"][row]
        got = one.features[list(one.metadata["Metadata_Site_ID"]).index(site)]
        for told in tables["columns"]:
            expected = np.float32(measured[names.index(told["measurement"])])
            if np.isfinite(expected):
                assert got[told["column"]] == expected, told


@pytest.mark.slow  # starts processes
def test_two_processes_write_what_one_does(write):
    (one, _), (two, _) = write("one"), write("two", workers=2)
    parts = sorted(p.name for p in one.iterdir() if p.suffix == ".parquet")
    assert len(parts) == 3
    for name in parts:
        assert (one / name).read_bytes() == (two / name).read_bytes()


@pytest.mark.usefixtures("textures_alone")
def test_what_was_measured_before_a_failure_is_kept(write, monkeypatch):
    whole, total = write("whole")
    monkeypatch.setattr(classical_pieces, "RECORDS", 2)
    measure, calls = measurements.measure, []

    def fails_at(limit):
        def fail(*arguments):
            calls.append(1)
            if len(calls) > limit:
                raise OSError("no more")
            return measure(*arguments)

        return fail

    monkeypatch.setattr(measurements, "measure", fails_at(9))
    with pytest.raises(OSError, match="no more"):
        write("killed")
    monkeypatch.setattr(measurements, "measure", measure)
    folder, count = write("killed")
    assert count < total and count <= total - 9 + 2
    np.testing.assert_array_equal(values(folder), values(whole))


@pytest.mark.usefixtures("textures_alone")
@pytest.mark.parametrize("damage", ["part", "summary"])
def test_what_is_damaged_is_made_again(write, damage):
    folder, _ = write("w")
    before = values(folder)
    path = folder / {"part": "part-00001.parquet", "summary": store.SUMMARY}[damage]
    path.write_text("{}")
    assert store.find_damage(folder)
    write("w")
    np.testing.assert_array_equal(values(folder), before)


@pytest.mark.usefixtures("textures_alone")
def test_what_is_undefined_is_filled_and_named(write, tiny, monkeypatch, capsys):
    dataset, _ = tiny
    measure, names = measurements.measure, measurements.columns(dataset.channels, "")
    holes = names.index("Image__Texture_Contrast_3_00_256__stain_0")
    nowhere = names.index("Image__Texture_Entropy_3_00_256__stain_0")

    def with_holes(image, channels, nuclei):
        found = measure(image, channels, nuclei)
        found[nowhere] = np.inf
        if round(float(image.sum()) * 1e3) % 2:
            found[holes] = np.nan
        return found

    expected = values(write("sound")[0])
    monkeypatch.setattr(measurements, "measure", with_holes)
    folder, _ = write("holes")
    tables = sealed_json.read(folder / store.SUMMARY)
    at = {row["measurement"]: row for row in tables["columns"]}
    assert names[nowhere] not in at
    hole = at[names[holes]]
    got = values(folder)[:, hole["column"]]
    same = got == expected[:, hole["column"]]
    assert 0 < hole["filled"] < dataset.records
    assert (~same).sum() in (hole["filled"], hole["filled"] - 1)
    (filled,) = set(got[~same])
    assert filled == pytest.approx(np.median(expected[same, hole["column"]]), rel=1e-6)
    told = capsys.readouterr().out
    assert names[nowhere] in told and "filled with the median" in told


def plan(tiny, folder, **evaluate):
    dataset, _ = tiny
    facts = dataset, dataset.channels, {"prepared": "p"}
    return classical_set.plan(asked(**evaluate), epath.Path(folder), *facts)


def test_auto_leaves_out_what_takes_long_unless_it_was_begun(
    tiny, tmp_path, monkeypatch, capsys
):
    note = plan(tiny, tmp_path / "classical", classical="auto")
    assert note["classical"]["nuclei"] == "" and note["saw_images"] is False
    assert plan(tiny, tmp_path / "classical", classical="off") is None
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(classical_set, "_seconds", lambda *_: 3600.0 * 13)
    assert plan(tiny, tmp_path / "classical", classical="auto") is None
    told = capsys.readouterr().out
    assert "13 records would take about 13:00:00" in told and "classical=on" in told
    assert plan(tiny, tmp_path / "classical", classical="on") == note
    store.claim(tmp_path / "classical", note)
    assert plan(tiny, tmp_path / "classical", classical="auto") == note


def test_auto_leaves_out_what_is_not_installed(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(classical_set.classical_needs, "are_installed", lambda: False)
    assert plan(tiny, tmp_path / "classical", classical="auto") is None
    assert "pip install --no-deps -r launch/classical.txt" in capsys.readouterr().out


PROGRAM = """
    import sys
    from etils import epath
    from gandl_jax import config as configs
    from gandl_jax.prepared import prepared
    from gandl_jax.profiles import store
    from gandl_jax.training import classical_pieces, classical_set

    if __name__ == "__main__":
        classical_pieces.RECORDS = 1
        dataset, folder = prepared.open_prepared(sys.argv[1]), epath.Path(sys.argv[2])
        config = configs.default("autoencoder")
        config.embed.workers = 2
        store.claim(folder, {"saw_images": False})
        classical_set.write(config, folder, dataset, dataset.channels, None)
"""


@pytest.mark.slow  # starts processes that are killed, and others after them
def test_rows_are_the_same_after_kill_9(write, tiny, tmp_path):
    dataset, _ = tiny
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    folder = tmp_path / "killed/classical"
    words = [sys.executable, str(program), str(dataset.directory), str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pieces = folder / classical_pieces.FOLDER
    for least in (1, 5):
        process = subprocess.Popen(words, env=environment)
        until = time.monotonic() + 600
        while not pieces.is_dir() or len(list(pieces.glob("*.parquet"))) < least:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = len(list(pieces.glob("*.parquet")))
    assert least <= left
    subprocess.run(words, env=environment, check=True)
    np.testing.assert_array_equal(values(folder), values(write("whole")[0]))
    shutil.rmtree(folder)
