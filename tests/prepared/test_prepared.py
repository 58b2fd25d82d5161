"""Prepared screens: opening, choosing, stretching."""

import dataclasses
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared


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
        "import importlib, sys; from gandl_jax import modules;"
        "from gandl_jax.prepared import prepared;from gandl_jax.raw import raw_images;"
        "[importlib.import_module(f'gandl_jax.screens.{name}')"
        " for name in modules.names('screens', 'SCREEN')];"
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
        prepared.check_crop("tiny", (24, 20), crop_px)


def percentiles(screen, pixels, *, plate=None):
    """[2, C], NumPy's 2nd and 97th percentile of the pixels, of one plate or all."""
    of = screen.table.set_index("Metadata_Site_ID")["Metadata_Plate"]
    kept = [site for name, site in pixels.items() if plate in (None, of[name])]
    return np.percentile(np.stack(kept), [2, 97], axis=(0, 1, 2))


def test_the_datasets_ranges_are_numpys_percentiles(deep):
    screen, pixels = deep
    got = screen.ranges(screen.channels[::-1], "dataset")
    assert got.shape == (screen.records, 2, 6) and got.dtype == np.float64
    wanted = percentiles(screen, pixels)[:, ::-1]
    np.testing.assert_allclose(got, np.broadcast_to(wanted, got.shape), rtol=1e-12)


@pytest.mark.parametrize("name", ["tiny", "deep"])
def test_the_plates_ranges_are_numpys_percentiles(name, request):
    screen, pixels = request.getfixturevalue(name)
    got = screen.ranges(screen.channels, "plate")
    plates = screen.table["Metadata_Plate"]
    assert plates.nunique() == 3
    for row, plate in zip(got, plates, strict=True):
        wanted = percentiles(screen, pixels, plate=plate)
        np.testing.assert_allclose(row, wanted, rtol=1e-12)
    assert len(np.unique(got[:, 1], axis=0)) == 3


def test_a_plate_is_named_with_its_experiment():
    table = pd.DataFrame({"Metadata_Plate": [1, 1], "Metadata_Experiment": ["A", "B"]})
    assert prepared.plates(table).tolist() == ["A/1", "B/1"]
    assert prepared.plates(table[["Metadata_Plate"]]).tolist() == ["1", "1"]
    assert prepared.plates(table[["Metadata_Experiment"]]) is None


def test_scaling_by_plate_needs_plates(tiny):
    screen, _ = tiny
    bare = screen.table.drop(columns="Metadata_Plate")
    with pytest.raises(InputError, match="'tiny' has no plates: set --config.data.sca"):
        dataclasses.replace(screen, table=bare).ranges(("stain_0",), "plate")
    old = {k: v for k, v in screen.description.items() if k != "plate_statistics"}
    with pytest.raises(InputError, match="former version.*prepare it again"):
        dataclasses.replace(screen, description=old).check_scaling("plate")


def test_a_constant_channel_is_stretched_over_one_level(tiny):
    statistics = {name: {"low": 7.0, "high": 7.0} for name in tiny[0].channels}
    screen = dataclasses.replace(tiny[0], statistics=statistics)
    assert screen.ranges(["stain_0"], "dataset")[4].tolist() == [[7.0], [8.0]]
