"""Sets of one screen side by side: the same records in one order, read when asked."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import aligned, scratch, store
from gandl_jax.profiles.aligned import AlignedSets

SITES = [f"{well}_{site}" for well in ("A01", "A02", "B01") for site in (1, 2)]


def written(root, encoder, ids, sets=("b8",), note=None, by_well=False):
    """Sets whose first feature is the record's place in SITES."""
    directory = root / encoder
    wells = [name[:3] for name in ids]
    metadata = pd.DataFrame(
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": "1",
            "Metadata_Well": wells,
            "Metadata_Role": "other",
            "Metadata_Record_ID": [f"E/1/{w}" for w in wells] if by_well else ids,
        }
    )
    place = [float((SITES + ["A01", "A02", "B01"]).index(name)) for name in ids]
    features = {
        name: np.column_stack([place, np.full(len(ids), number)])
        for number, name in enumerate(sets)
    }
    if note is not None:
        store.claim(directory, {"saw_images": None} | note)
    store.write_part(directory / "part-00000.parquet", metadata, features)
    store.finish(directory)
    return directory


def test_rows_are_the_same_records_and_the_headline_is_first(tmp_path):
    shuffled = [SITES[i] for i in (3, 0, 5, 1, 4, 2)]
    first = written(tmp_path, "gan@9", SITES, sets=("b16", "b8"))
    second = written(tmp_path, "intensity", shuffled, sets=("intensity",))
    sets = AlignedSets([first, second], "b8")
    assert list(sets) == ["gan@9/b8", "gan@9/b16", "intensity"] and len(sets) == 3
    for name in sets:
        assert sets[name].name == name
        assert sets[name].features[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert sets[name].metadata is sets.metadata
    assert sets["gan@9/b8"].features[0, 1] == 1
    assert sets.metadata["Metadata_Record_ID"].tolist() == SITES
    assert not sets.by_well and sets.records == 6


def test_who_saw_the_images(tmp_path):
    ours = written(tmp_path, "gan@9", SITES)
    start = written(tmp_path, "gan@0", SITES)
    transferred = written(tmp_path, "gan@7", SITES, note={"saw_images": False})
    theirs = written(tmp_path, "published", SITES, sets=("published",), note={})
    sets = AlignedSets([ours, start, transferred, theirs], "b8")
    saw = {name: sets[name].seen.any_image for name in sets}
    assert saw == {
        "gan@9/b8": True,
        "gan@0/b8": False,
        "gan@7/b8": False,
        "published": None,
    }


def test_other_records_are_refused_and_counted(tmp_path):
    one = written(tmp_path, "gan@9", SITES[:5])
    two = written(tmp_path, "intensity", SITES[1:], sets=("intensity",))
    with pytest.raises(InputError, match="1 of 5 are missing and 1 are more"):
        AlignedSets([one, two], "b8")


def test_an_import_may_leave_records_out(tmp_path):
    one = written(tmp_path, "gan@9", SITES[:5])
    note = {"unmatched": "skip"}
    two = written(tmp_path, "theirs", SITES[:0:-1], sets=("theirs",), note=note)
    sets = AlignedSets([one, two], "b8")
    assert sets.metadata["Metadata_Record_ID"].tolist() == SITES[1:5]
    assert sets.records == 6
    for name in sets:
        assert sets[name].features[:, 0].tolist() == [1, 2, 3, 4]


def test_so_may_an_embedding_that_skips_bad_records(tmp_path):
    one = written(tmp_path, "gan@0", SITES)
    note = {"skips_bad_records": True}
    two = written(tmp_path, "gan@9", SITES[:3] + SITES[4:], note=note)
    sets = AlignedSets([one, two], "b8")
    assert sets.metadata["Metadata_Record_ID"].tolist() == SITES[:3] + SITES[4:]
    assert sets.records == len(SITES)


def test_no_record_in_common(tmp_path):
    one = written(tmp_path, "gan@9", SITES[:2])
    note = {"unmatched": "skip"}
    two = written(tmp_path, "theirs", SITES[2:], sets=("theirs",), note=note)
    with pytest.raises(InputError, match="no record is in all of gan@9, theirs"):
        AlignedSets([one, two], "b8")


def test_beside_a_table_by_well_all_sets_are_of_wells(tmp_path):
    one = written(tmp_path, "gan@9", SITES)
    wells = ["B01", "A01", "A02"]
    note = {"level": "well"}
    two = written(tmp_path, "theirs", wells, sets=("theirs",), note=note, by_well=True)
    sets = AlignedSets([one, two], "b8")
    assert sets.by_well
    assert sets["gan@9/b8"].features[:, 0].tolist() == [0.5, 2.5, 4.5]
    assert sets["theirs"].features[:, 0].tolist() == [6, 7, 8]
    assert sets.metadata["Metadata_Well"].tolist() == ["A01", "A02", "B01"]


def test_few_sets_stay_in_memory(tmp_path, monkeypatch):
    one = written(tmp_path, "gan@9", SITES, sets=("b8", "b16", "b32"))
    read, asked = store.read_features, []

    def spy(directory, name):
        asked.append(name)
        return read(directory, name)

    monkeypatch.setattr(store, "read_features", spy)
    size = 6 * 2 * 4
    for kept, expected in ((4 * size, 3), (2 * size, 9)):
        monkeypatch.setattr(aligned, "KEPT_BYTES", kept)
        sets, asked[:] = AlignedSets([one], "b8"), []
        assert not asked  # names alone are read at first
        for _ in range(3):
            for name in sets:
                assert sets[name].features[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert len(asked) == expected


def test_labels_are_those_of_the_screen_as_it_is_now(tmp_path):
    ours = written(tmp_path, "gan@9", SITES)
    before = store.read_metadata(ours)
    now = before.iloc[::-1].assign(Metadata_Role="treated", Metadata_Plate="2")
    sets = AlignedSets([ours], "b8", now)
    assert sets.metadata["Metadata_Record_ID"].tolist() == SITES
    assert set(sets.metadata["Metadata_Role"]) == {"treated"}
    sets = AlignedSets([ours], "b8", before.iloc[::-1][:-1])  # it lacks a record
    pd.testing.assert_frame_equal(sets.metadata, before)
    with pytest.raises(InputError, match="Metadata_Plate, Metadata_Role are not those"):
        AlignedSets([ours], "b8", now[:-1])


def test_labels_of_wells_are_those_of_the_screen_as_it_is_now(tmp_path):
    ours = written(tmp_path, "gan@9", SITES)
    wells = ["B01", "A01", "A02"]
    theirs = written(tmp_path, "t", wells, ("t",), {"level": "well"}, by_well=True)
    now = store.read_metadata(ours).assign(Metadata_Role="treated")
    sets = AlignedSets([theirs, ours], "b8", now)
    for metadata in (sets.metadata, sets["t"].metadata):
        assert set(metadata["Metadata_Role"]) == {"treated"}
    assert sets["gan@9/b8"].features[:, 0].tolist() == [0.5, 2.5, 4.5]


def test_names_that_former_versions_wrote_are_cleaned(tmp_path):
    """Sets whose records' names differ in blanks alone are of the same records."""
    first = written(tmp_path, "gan@9", SITES)
    metadata = store.read_metadata(first).assign(
        Metadata_Record_ID=[f" {name}\u00a0" for name in SITES],
        Metadata_Cell_Type=["A549", "A549 "] * 3,
        Metadata_Concentration_uM=[0.3, 0.30000000000000004] * 3,
    )
    second = tmp_path / "intensity"
    store.write_part(
        second / "part-00000.parquet", metadata, {"intensity": np.zeros((6, 1))}
    )
    store.finish(second)
    sets = AlignedSets([second, first], "intensity")
    assert len(sets.metadata) == 6
    assert sets.metadata["Metadata_Record_ID"].tolist() == SITES
    assert sets.metadata["Metadata_Cell_Type"].unique().tolist() == ["A549"]
    assert sets.metadata["Metadata_Concentration_uM"].unique().tolist() == [0.3]


def test_a_large_set_is_read_from_its_parts_once(tmp_path, monkeypatch):
    ours = written(tmp_path, "gan@9", SITES, sets=("b8", "b16"))
    read, asked = store.read_features, []

    def spy(directory, name):
        asked.append(name)
        return read(directory, name)

    monkeypatch.setattr(store, "read_features", spy)
    monkeypatch.setattr(scratch, "LEAST_BYTES", 1)
    monkeypatch.setattr(aligned, "KEPT_BYTES", 0)
    sets = AlignedSets([ours], "b8")
    for again in (sets, sets.without_features(), sets):
        for name in again:
            assert again[name].features[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert sorted(asked) == ["b16", "b8"]


def test_sets_are_joined_where_a_network_has_all_parts(tmp_path):
    shuffled = [SITES[i] for i in (3, 0, 5, 1, 4, 2)]
    folders = [
        written(tmp_path, "gan@9", SITES, sets=("b16", "b8")),
        written(tmp_path, "gan@0", shuffled, sets=("b8",), note={"saw_images": False}),
        written(tmp_path, "classical", shuffled, sets=("classical",)),
    ]
    sets = AlignedSets(folders, "b8+classical", join="b8+classical")
    assert list(sets)[:2] == ["gan@9/b8+classical", "gan@0/b8+classical"]
    assert len(sets) == 4 + 2
    for name in list(sets)[:2]:
        columns = sets[name].features.T.tolist()
        number = 1 if name.startswith("gan@9") else 0  # of b8 among its sets
        assert columns == [[*range(6)], [number] * 6, [*range(6)], [0] * 6]
        assert sets[name].metadata is sets.metadata
        assert sets[name].short_name == "b8+classical"
    assert sets["gan@9/b8+classical"].seen.any_image
    assert not sets["gan@0/b8+classical"].seen.any_image
    assert list(sets.of_encoder("gan@0")) == ["gan@0/b8+classical", "gan@0/b8"]
    blocks = AlignedSets(folders, "", join="b8+b16")
    assert "gan@9/b8+b16" in blocks and "gan@0/b8+b16" not in blocks
    assert blocks["gan@9/b8+b16"].features.shape == (6, 4)


def test_some_records_alone_are_judged(tmp_path):
    shuffled = [SITES[i] for i in (3, 0, 5, 1, 4, 2)]
    first = written(tmp_path, "gan@9", SITES)
    second = written(tmp_path, "intensity", shuffled, sets=("intensity",))
    known = pd.DataFrame({"Metadata_Record_ID": SITES})
    known["Metadata_Part"] = ["choosing", "reporting"] * 3
    sets = AlignedSets([first, second], "b8", known, "part:choosing")
    for name in sets:
        assert sets[name].features[:, 0].tolist() == [0, 2, 4]
        assert sets[name].metadata["Metadata_Record_ID"].tolist() == SITES[::2]
    assert (sets.common, sets.records) == (6, 6)
    rest = AlignedSets([first, second], "b8", None, "well:E/1/A02+E/1/B01")
    assert rest["intensity"].features[:, 0].tolist() == [2, 3, 4, 5]
    for within, told in (
        ("part:choosin", "did you mean 'choosing'"),
        ("part", "does not say which"),
        ("donor:1", "names 'donor', which is nothing"),
        ("treatment:1", "has no column Metadata_Treatment"),
    ):
        with pytest.raises(InputError, match=f"evaluate.within.*{told}"):
            AlignedSets([first, second], "b8", known, within)
