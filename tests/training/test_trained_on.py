"""What is kept of the records that a network has seen."""

import types

import numpy as np
import pandas as pd
import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.training import trained_on
from gandl_jax.training.held_out import Rows


def records(name, ids, trained, validated=(), labels=(), unlearnt=()):
    """As much of the training's records as the table is made of."""
    dataset = types.SimpleNamespace(
        name=name,
        metadata_sha256=f"sha of {name}",
        table=pd.DataFrame({"Metadata_Record_ID": ids}),
    )
    rows = Rows(np.array(trained), np.array(validated, int), np.array([], int))
    source = Source(("dna",), classes={label: ("a", "b") for label in labels})
    return types.SimpleNamespace(
        dataset=dataset, rows=rows, source=source, unlearnt=np.array(unlearnt, int)
    )


def begun(folder, config=None):
    """A workdir with a config."""
    workdirs.record(epath.Path(folder), config or configs.default(), "")
    return epath.Path(folder)


def test_each_record_is_written_as_it_was_seen(tmp_path):
    folder = begun(tmp_path)
    made = records("mine", list("abcd"), [0, 2], [3], labels=("X", "Y"))
    trained_on.write(folder, made, None)
    found = trained_on.read(folder).set_index("record_id")
    assert found.seen.to_dict() == {"a": "trained", "c": "trained", "d": "validated"}
    assert set(found.labels) == {"X,Y"} and set(found.screen) == {"mine"}


def test_of_records_without_a_value_that_is_asked_for_no_label_is_learnt(tmp_path):
    folder = begun(tmp_path)
    ids = list("abcd")
    made = records("mine", ids, [0, 1, 2], [3], labels=("X", "Y"), unlearnt=(1, 3))
    trained_on.write(folder, made, None)
    found = trained_on.read(folder).set_index("record_id")
    assert found.labels.to_dict() == {"a": "X,Y", "b": "", "c": "X,Y", "d": ""}


def test_what_the_starting_networks_saw_counts_too(tmp_path):
    first, second, third = (begun(tmp_path / str(i)) for i in range(3))
    trained_on.write(first, records("mine", list("abc"), [0], [1], labels=("X",)), None)
    trained_on.write(second, records("mine", list("abc"), [1, 2], labels=("Y",)), first)
    found = trained_on.read(second).set_index("record_id")
    assert found.seen.to_dict() == {"a": "trained", "b": "trained", "c": "trained"}
    assert found.labels.to_dict() == {"a": "X", "b": "X,Y", "c": "Y"}
    trained_on.write(third, records("other", ["a"], [0]), second)
    found = trained_on.read(third)
    assert sorted(zip(found.screen, found.record_id, found.labels, strict=True)) == [
        ("mine", "a", "X"),
        ("mine", "b", "X,Y"),
        ("mine", "c", "Y"),
        ("other", "a", ""),
    ]


@pytest.mark.parametrize("same, seen", [(True, set("abc")), (False, {"c"})])
def test_starting_networks_that_kept_no_table_saw_all_of_their_screen(
    same, seen, tmp_path
):
    config = configs.default()
    config.data.label = "X"
    first, second = begun(tmp_path / "first", config), begun(tmp_path / "second")
    sha = "sha of mine" if same else "of another"
    workdirs.note(first, "metadata_sha256", sha)
    trained_on.write(second, records("mine", list("abc"), [2]), first)
    found = trained_on.read(second).set_index("record_id")
    assert set(found.index) == seen
    assert found.labels.to_dict() == dict.fromkeys(seen, "X" if same else "")


def test_a_former_versions_training_has_none_and_a_damaged_one_is_told(tmp_path):
    assert trained_on.read(epath.Path(tmp_path)) is None
    (tmp_path / trained_on.FILE).write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"trained_on\.parquet is damaged"):
        trained_on.read(epath.Path(tmp_path))


def test_a_changed_table_and_one_that_is_gone_are_refused(tmp_path):
    folder = begun(tmp_path)
    trained_on.write(folder, records("mine", list("abc"), [0, 1]), None)
    path = tmp_path / trained_on.FILE
    changed = pd.read_parquet(path).assign(record_id=["a", "c"])
    changed.to_parquet(path)
    with pytest.raises(InputError, match="is damaged .it is not as it was written"):
        trained_on.read(folder)
    path.unlink()
    with pytest.raises(InputError, match="is gone"):
        trained_on.read(folder)
