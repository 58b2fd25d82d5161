"""Grey levels of the plates that are not held out, beside NumPy's percentiles."""

import dataclasses
import shutil

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.prepared import labelled, prepared
from gandl_jax.prepared.description import COUNTED
from gandl_jax.raw import screen

PERCENTILES = 2, 97  # those that tiny_screens.py prepares with
SPEC = screen.Screen(
    name="tiny",
    channels=(),
    file="{site_id}.png",
    key=("site_id",),
    columns={"Metadata_Site_ID": "site_id", "Metadata_Plate": "plate"},
)


def on_plates(opened, *plates):
    return np.flatnonzero(opened.table["Metadata_Plate"].isin(plates))


@pytest.mark.parametrize("name", ["tiny", "deep"])
def test_levels_are_of_the_plates_that_are_kept(name, request):
    opened, pixels = request.getfixturevalue(name)
    rows = on_plates(opened, "1", "3")
    kept = labelled.with_levels_of(opened, SPEC, rows)
    sites = opened.table["Metadata_Site_ID"].iloc[rows]
    every = np.stack([pixels[site] for site in sites])
    for i, channel in enumerate(opened.channels):
        low, high = np.percentile(every[..., i], PERCENTILES)
        found = kept.statistics[channel]
        np.testing.assert_allclose([found["low"], found["high"]], [low, high])
        np.testing.assert_allclose(found["mean"], every[..., i].mean())
    assert kept.fingerprint == opened.fingerprint
    assert kept.statistics != opened.statistics


def test_a_record_of_each_plate_is_the_whole_screen(tiny):
    opened, _ = tiny
    first = [on_plates(opened, plate)[0] for plate in "123"]
    assert labelled.with_levels_of(opened, SPEC, np.array(first)) is opened


def test_plates_of_an_experiment_that_names_them_otherwise(tiny):
    """The pixels of a counted plate go where any of its records goes."""
    opened, _ = tiny
    rows = on_plates(opened, "1")
    wells = dataclasses.replace(SPEC, columns={"Metadata_Plate": "well"})
    table = opened.table.assign(Metadata_Plate=[f"P{i}" for i in range(13)])
    plan = opened.description["plan"] | {COUNTED: ["plate", ""]}
    description = {**opened.description, "plan": plan}
    renamed = dataclasses.replace(opened, table=table, description=description)
    ours, theirs = (
        labelled.with_levels_of(one, spec, rows).statistics
        for one, spec in ((opened, SPEC), (renamed, wells))
    )
    assert ours == theirs


def test_a_copy_without_its_counts_is_refused(tiny, tmp_path):
    opened, _ = tiny
    copy = tmp_path / "copy"
    shutil.copytree(opened.directory, copy, ignore=shutil.ignore_patterns("facts"))
    copied = prepared.open_prepared(str(copy))
    with pytest.raises(InputError, match="copy the folder facts too"):
        labelled.with_levels_of(copied, SPEC, on_plates(copied, "1"))
