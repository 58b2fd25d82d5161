"""Prepared screens: opening, choosing, stretching."""

import dataclasses
import shutil
import subprocess
import sys

import numpy as np
import pytest

from gandl_jax.datasets import prepared
from gandl_jax.errors import InputError


def test_what_is_described(deep):
    screen, pixels = deep
    site = next(iter(pixels.values()))
    assert (screen.height_px, screen.width_px) == site.shape[:2]
    assert screen.bit_depth == 16 and len(screen.channels) == 6
    assert screen.records == len(pixels) == 5
    assert sorted(screen.table["Metadata_Site_ID"]) == sorted(pixels)
    assert all(name.startswith("Metadata_") for name in screen.table)


def test_rows_of_the_shards_are_all_rows(tiny):
    screen, _ = tiny
    rows = np.concatenate([screen.rows(i) for i in range(screen.shards)])
    np.testing.assert_array_equal(rows, np.arange(screen.records))


def test_importing_it_is_cheap():
    code = (
        "import sys; from gandl_jax import modules;"
        "from gandl_jax.datasets import prepared, screen, raw_images;"
        "[screen.load(name) for name in modules.names('datasets', 'SCREEN')];"
        "import gandl_jax.jobs.prepare;"
        "assert not {'tensorflow', 'jax', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_not_prepared_gives_the_command(tmp_path):
    for directory in (str(tmp_path), str(tmp_path / "nowhere"), ""):
        with pytest.raises(InputError, match="--job=prepare"):
            prepared.open_prepared(directory)


def test_lost_shards_are_counted(tiny, tmp_path):
    screen, _ = tiny
    copy = shutil.copytree(screen.directory, tmp_path / "copy")
    (copy / screen.files[1]).unlink()
    with pytest.raises(InputError, match="1 of 3 shards are gone"):
        prepared.open_prepared(str(copy))


def test_the_fingerprint_is_of_the_plan_and_not_of_its_place(tiny):
    screen, _ = tiny

    def fingerprint(**changes):
        plan = screen.description["plan"] | changes
        shuffled = dict(reversed(plan.items()))
        return dataclasses.replace(screen, description={"plan": shuffled}).fingerprint

    assert len(screen.fingerprint) == 64
    assert fingerprint() == fingerprint(source_dir="elsewhere") == screen.fingerprint
    changed = [fingerprint(records=12), fingerprint(metadata_sha256="00")]
    assert len({screen.fingerprint, *changed}) == 3


def test_channels(tiny):
    screen, _ = tiny
    assert prepared.choose_channels(screen, ()) == ("stain_0", "stain_1")
    assert prepared.choose_channels(screen, ["stain_1"]) == ("stain_1",)
    with pytest.raises(InputError, match="'stain_2'"):
        prepared.choose_channels(screen, ["stain_2"])
    with pytest.raises(InputError, match="twice"):
        prepared.choose_channels(screen, ["stain_1", "stain_1"])


@pytest.mark.parametrize("crop_px", [0, 21])
def test_crop_must_fit(tiny, crop_px):
    with pytest.raises(InputError, match=f"crop_px is {crop_px}.*24x20"):
        prepared.check_crop(tiny[0], crop_px)


def test_intensities_stretch_between_the_percentiles(deep):
    screen, _ = deep
    names = (screen.channels[4], screen.channels[1])
    table = screen.intensities(names)
    assert table.dtype == np.float32 and table.shape == (2, 65536)
    for levels, name in zip(table, names, strict=True):
        low, high = screen.statistics[name]["low"], screen.statistics[name]["high"]
        wanted = np.interp(np.arange(65536), [low, high], [-1, 1])  # clips as well
        np.testing.assert_allclose(levels, wanted, atol=1e-6)


def test_a_constant_channel_stays_finite(tiny):
    statistics = {name: {"low": 7.0, "high": 7.0} for name in tiny[0].channels}
    screen = dataclasses.replace(tiny[0], statistics=statistics)
    levels = screen.intensities(["stain_0"])[0]
    assert levels[7] == -1 and np.isfinite(levels).all()
    assert levels.min() == -1 and levels.max() == 1
