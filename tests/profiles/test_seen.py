"""What an encoder saw of records: united over wells, and kept beside its profiles."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import held_out, seen_table, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.profiles.seen import Seen

KINDS = [(False, ""), (True, ""), (True, "A"), (True, "B"), (True, "A,B"), (None, None)]
NOTE = {"prepared": "abc", "saw_images": True}


def random_seen(rng, count):
    return Seen.from_pairs([KINDS[i] for i in rng.integers(len(KINDS), size=count)])


def any_by_pandas(values):
    """True, else not known, else False: the largest of 2, 1 and 0."""
    return {2: True, 1: None, 0: False}[values.map({True: 2, None: 1, False: 0}).max()]


def test_wells_are_what_was_seen_of_any_of_their_records():
    rng = np.random.default_rng(0)
    for count in (1, 7, 60):
        seen = random_seen(rng, count)
        wells = rng.integers(10, size=count).astype(str).astype(object)
        found = seen.of_groups(wells)
        table = pd.DataFrame({"images": seen.images, "labels": seen.labels})
        for i, (_, own) in enumerate(table.groupby(wells)):
            names = own["labels"].dropna().str.split(",").explode().replace("", None)
            known = ",".join(sorted(names.dropna().unique()))
            unknown = None if own["labels"].isna().any() else ""
            assert found.images[i] is any_by_pandas(own["images"])
            assert found.labels[i] == (known or unknown)
        assert len(found) == len(set(wells))
        learnt = seen.take(np.arange(count) < 3)
        told = [None if x is None else bool(x) for x in learnt.labels]
        assert learnt.any_label is any_by_pandas(pd.Series(told, dtype=object))


@pytest.fixture
def metadata():
    return pd.DataFrame(
        {
            "Metadata_Record_ID": [f"s{i}" for i in range(8)],
            "Metadata_Plate": ["1"] * 4 + ["2"] * 4,
            "Metadata_Well": ["A01", "A01", "A02", "A02"] * 2,
        }
    )


def write(directory, metadata, note, table=None):
    assert store.claim(directory, note, table)
    features = {"b8": np.ones((len(metadata), 2))}
    store.write_part(directory / "part-00000.parquet", metadata, features)
    store.finish(directory)


def test_it_is_read_as_it_was_written_in_any_order(tmp_path, metadata):
    seen = random_seen(np.random.default_rng(1), 8)
    shuffled = metadata.iloc[::-1].reset_index(drop=True)
    table = seen_table.make(shuffled, seen)
    write(tmp_path / "gan@9", metadata, NOTE, table)
    found = store.read(tmp_path / "gan@9")["b8"].seen
    assert found.pairs() == seen.pairs()[::-1]
    assert store.is_complete(tmp_path / "gan@9")
    assert not store.claim(tmp_path / "gan@9", NOTE, table)


def test_without_a_table_all_records_are_as_the_note_says(tmp_path, metadata):
    for note, kind in (
        ({"saw_images": True}, (True, "")),
        ({"saw_images": True, "learnt_label": "A"}, (True, "A")),
        ({"saw_images": False, "learnt_label": "A"}, (False, "")),
        ({"saw_images": None}, (None, None)),
        ({}, (True, "")),  # older than the question: after step 0 it was trained
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir()))) / "gan@9"
        write(folder, metadata, {"prepared": "abc"} | note)
        assert store.read_seen(folder, metadata).pairs() == [kind] * 8


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_table_is_found_and_made_again(tmp_path, metadata, damage):
    folder = tmp_path / "gan@9"
    seen = random_seen(np.random.default_rng(2), 8)
    table = seen_table.make(metadata, seen)
    write(folder, metadata, NOTE, table)
    path = folder / seen_table.FILE
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[:99])
    else:
        table.assign(seen_images=False).to_parquet(path)
    assert seen_table.FILE in store.find_damage(folder)
    with pytest.raises(InputError, match=r"_trained_on\.parquet .*--job=embed again"):
        store.read_seen(folder, metadata)
    assert not store.claim(folder, NOTE, table)
    assert store.find_damage(folder) is None
    assert store.read_seen(folder, metadata).pairs() == seen.pairs()


def test_another_table_is_another_set_and_a_former_set_without_one_stays(
    tmp_path, metadata
):
    rng = np.random.default_rng(3)
    one, other = (seen_table.make(metadata, random_seen(rng, 8)) for _ in range(2))
    write(tmp_path / "gan@9", metadata, NOTE, one)
    with pytest.raises(InputError, match="made from other trained_on_sha256"):
        store.claim(tmp_path / "gan@9", NOTE, other)
    write(tmp_path / "gan@5", metadata, NOTE)
    assert not store.claim(tmp_path / "gan@5", NOTE, one)
    assert store.read_seen(tmp_path / "gan@5", metadata).pairs() == [(True, "")] * 8


def test_what_was_held_out_stands_beside_every_sets_records(tmp_path, metadata):
    images = [False, True, True, None, True, True, False, False]
    seen = Seen.from_pairs([(x, None if x is None else "") for x in images])
    write(tmp_path / "gan@9", metadata, NOTE, seen_table.make(metadata, seen))
    write(tmp_path / "intensity", metadata, {"saw_images": False})
    write(tmp_path / "theirs", metadata, {"level": "well", "saw_images": None})
    both = [tmp_path / name for name in ("gan@9", "intensity")]
    sets = AlignedSets(both, "b8")
    sides = ["test", "train", "train", "", "train", "train", "test", "test"]
    assert sets.metadata[held_out.COLUMN].tolist() == sides
    assert sets["intensity/b8"].metadata[held_out.COLUMN].tolist() == sides
    assert sets["gan@9/b8"].seen.images.tolist() == images
    assert held_out.COLUMN not in AlignedSets(both[1:], "b8").metadata
