"""What a checkpoint's encoder saw of the records of the screen that it embeds."""

import types

import pandas as pd
import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.training import seen_records, trained_on

IDS = list("abcd")


def screen(name="simulated", sites="sites", ids=IDS):
    return types.SimpleNamespace(
        name=name,
        fingerprint=f"plan of {sites}",
        metadata_sha256=sites,
        records=len(ids),
        table=pd.DataFrame({"Metadata_Record_ID": ids}),
    )


@pytest.fixture
def workdir(tmp_path):
    """A training on the simulated screen; gives its config and folder."""

    def make(label="", seen=None, start=None):
        config = configs.default()
        config.data.name, config.data.label = "simulated", label
        workdirs.record(tmp_path, config, "")
        workdirs.note(tmp_path, "prepared", "plan of sites")
        workdirs.note(tmp_path, "metadata_sha256", "sites")
        if start:
            workdirs.note(tmp_path, "start", start)
        if seen is not None:
            rows = [("simulated", "sites", *row) for row in seen]
            table = pd.DataFrame(rows, columns=trained_on.COLUMNS)
            table.to_parquet(tmp_path / trained_on.FILE)
        return epath.Path(tmp_path), config

    return make


SEEN = [("a", "trained", "X"), ("c", "validated", "X"), ("e", "trained", "X")]
FILE = {"from": "x.npz", "sha256": "1", "trained_on": None}
OTHER = {"dataset": "rxrx19a", "prepared": "p", "metadata_sha256": "q"}
HERE = {"dataset": "simulated", "prepared": "plan of sites", "metadata_sha256": "sites"}


def test_records_are_as_the_table_says(workdir):
    folder, config = workdir("X", SEEN)
    expected = [(True, "X"), (False, ""), (True, "X"), (False, "")]
    assert seen_records.find(folder, config, 9, screen()).pairs() == expected
    # Of the same screen with some other sites too, by their names.
    more = screen(sites="more", ids=["e", "a", "f"])
    expected = [(True, "X"), (True, "X"), (False, "")]
    assert seen_records.find(folder, config, 9, more).pairs() == expected


def test_neither_step_0_nor_another_screen_was_seen(workdir):
    folder, config = workdir("X", SEEN)
    for step, of in ((0, screen()), (9, screen("rxrx19a", "others"))):
        assert seen_records.find(folder, config, step, of).pairs() == [(False, "")] * 4


@pytest.mark.parametrize("label", ["", "X"])
def test_a_former_version_trained_on_all_records(workdir, label):
    folder, config = workdir(label)
    found = seen_records.find(folder, config, 9, screen())
    assert found.pairs() == [(True, label)] * 4
    unlike = seen_records.find(folder, config, 9, screen(sites="others"))
    assert unlike.pairs() == [(None, None)] * 4


def test_of_networks_of_a_file_nobody_knows_what_they_saw(workdir):
    rows = [("a", "trained", ""), ("b", "trained", "X")]
    folder, config = workdir("", rows, FILE)
    expected = [(True, None), (True, "X"), (None, None), (None, None)]
    assert seen_records.find(folder, config, 9, screen()).pairs() == expected
    start = seen_records.find(folder, config, 0, screen())
    assert start.pairs() == [(None, None)] * 4


def test_given_networks_saw_no_more_than_is_told(workdir):
    start = {"from": "w", "sha256": "1", "trained_on": [HERE]}
    folder, config = workdir("X", SEEN, start)
    expected = [(True, "X"), (False, ""), (True, "X"), (False, "")]
    assert seen_records.find(folder, config, 0, screen()).pairs() == expected
    start = {"from": "w", "sha256": "2", "trained_on": [OTHER]}
    folder, config = workdir("X", SEEN, start)
    assert seen_records.find(folder, config, 0, screen()).pairs() == [(False, "")] * 4
