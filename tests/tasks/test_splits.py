"""What lies on which side of a fold, on tables made by hand."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import table
from gandl_jax.tasks import splits
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {"max_folds": 10, "repeats": 3, "seed": 0}
KEY = "config.evaluate.splits"
CLASSES = ("no", "yes")


@pytest.fixture
def screen():
    """3 plates of 2 experiments, 4 wells each, 2 sites a well; classes by column."""
    rows = [
        (f"E{plate % 2}", str(plate // 2), f"{row}{column:02d}", str(site), column - 1)
        for plate in range(3)
        for row in "AB"
        for column in (1, 2)
        for site in (1, 2)
    ]
    names = ["Experiment", "Plate", "Well", "Site", "code"]
    table = pd.DataFrame(rows, columns=names).rename(
        columns={n: f"Metadata_{n}" for n in names[:4]}
    )
    table["Metadata_Record_ID"] = [f"r{i}" for i in range(len(table))]
    table["Metadata_Donor"] = np.resize(["ann", "bob", "ann", "cy"], len(table))
    return table


def build(table, *wanted, codes=None, classes=CLASSES, **options):
    return splits.build(
        table,
        table["code"].to_numpy() if codes is None else np.asarray(codes),
        wanted,
        key=KEY,
        group="M",
        label="control",
        classes=classes,
        options={**OPTIONS, **options},
    )


def only(table, wanted, **options):
    (split,), said = build(table, wanted, **options)
    assert not said
    return split


@pytest.mark.parametrize(
    ("unit", "columns", "folds", "leaky"),
    [
        ("site", ["Experiment", "Plate", "Well", "Site"], 24, True),
        ("well", ["Experiment", "Plate", "Well"], 12, False),
        ("plate", ["Experiment", "Plate"], 3, False),
        ("experiment", ["Experiment"], 2, False),
        ("donor", ["Donor"], 3, True),
    ],
)
def test_each_group_is_left_out_in_turn(screen, unit, columns, folds, leaky):
    split = only(screen, unit, max_folds=24)
    assert (split.name, split.group, split.label) == (unit, "M", "control")
    assert split.leaky == leaky  # donors share wells here
    groups = screen[[f"Metadata_{c}" for c in columns]].agg("/".join, axis=1)
    held = []
    for train, test in split.folds:
        assert sorted([*train, *test]) == list(range(24))
        assert groups[test].nunique() == 1 and not set(groups[test]) & set(
            groups[train]
        )
        held.append(groups[test].iloc[0])
    assert sorted(held) == sorted(groups.unique()) and len(held) == folds


def test_rows_are_those_of_a_plate(screen):
    split = only(screen, "row")
    assert len(split.folds) == 6
    for _, test in split.folds:
        assert screen["Metadata_Well"].str[0][test].nunique() == 1 and len(test) == 4


def test_many_groups_are_dealt_evenly():
    """100 wells of a rare and a frequent class, and of unlike size."""
    rng = np.random.default_rng(0)
    wells = np.repeat(np.arange(100), rng.integers(1, 5, 100))
    codes = (wells % 5 == 0).astype(int)
    table = pd.DataFrame({"Metadata_Well": [f"A{w:02d}" for w in wells]})
    split = only(table, "well", codes=codes, max_folds=8)
    assert len(split.folds) == 8 and not split.leaky
    for train, test in split.folds:
        assert not set(wells[train]) & set(wells[test])
        assert abs(len(test) - len(wells) / 8) <= 4
        assert abs(codes[test].sum() - codes.sum() / 8) <= 4
    tests = np.concatenate([test for _, test in split.folds])
    assert sorted(tests) == list(range(len(wells)))
    again = only(table, "well", codes=codes, max_folds=8)
    assert all(map(np.array_equal, tests, np.concatenate([t for _, t in again.folds])))
    other = only(table, "well", codes=codes, max_folds=8, seed=1)
    assert not np.array_equal(split.folds[0][1], other.folds[0][1])


def test_more_folds_than_records_of_any_class():
    """24 compounds of 12 mechanisms, two each: as many folds as a mechanism has."""
    table = pd.DataFrame({"Metadata_Treatment": [f"c{i}" for i in range(24)]})
    table["Metadata_Record_ID"] = table["Metadata_Treatment"]
    names = [str(i) for i in range(12)]
    (split,), said = build(
        table, "treatment", codes=np.arange(24) // 2, classes=names, max_folds=10
    )
    assert len(split.folds) == 2 and not said
    made, said = build(
        table, "treatment", codes=np.arange(24), classes=[*map(str, range(24))]
    )
    assert not made and "has one treatment, and at least two are needed" in said[0]


def test_no_group_like_another(screen):
    kinds = {"E0/0": [0, 1], "E0/1": [0, 0], "E1/0": [1, 1]}
    plates = screen["Metadata_Experiment"] + "/" + screen["Metadata_Plate"]
    codes = [kinds[plate][i % 2] for i, plate in enumerate(plates)]
    made, said = build(screen, "plate:0.5", codes=codes)
    assert not made and "no plate can be held apart" in said[0]


def test_the_papers_split_is_a_quarter_of_each_class():
    codes = np.repeat([0, 1], [40, 20])
    table = pd.DataFrame({"Metadata_Record_ID": [str(i) for i in range(60)]})
    split = only(table, "record", codes=codes)
    assert split.leaky and split.name == "record" and len(split.folds) == 3
    for train, test in split.folds:
        assert sorted([*train, *test]) == list(range(60))
        assert (test < 40).sum() == 10 and (test >= 40).sum() == 5
    assert len({tuple(test) for _, test in split.folds}) == 3
    half = only(table, "record:0.5", codes=codes, repeats=1)
    assert half.name == "record:0.5" and len(half.folds[0][1]) == 30


def test_every_record_is_as_likely_to_be_held_apart():
    codes = np.repeat([0, 1], [40, 20])
    table = pd.DataFrame({"Metadata_Record_ID": [str(i) for i in range(60)]})
    split = only(table, "record", codes=codes, repeats=4000)
    times = np.bincount(np.concatenate([t for _, t in split.folds]))
    assert np.abs(times - 1000).max() < 5 * np.sqrt(4000 * 0.25 * 0.75)


def test_a_share_of_the_plates_as_often_as_there_are_others(screen):
    split = only(screen, "plate:0.3", repeats=7)
    plates = screen["Metadata_Experiment"] + "/" + screen["Metadata_Plate"]
    held = [set(plates[test]) for _, test in split.folds]
    assert sorted(map(sorted, held)) == [["E0/0"], ["E0/1"], ["E1/0"]]


def test_groups_by_name(screen):
    split = only(screen, "plate:E0/1+E1/0")
    ((train, test),) = split.folds
    assert set(screen["Metadata_Plate"][train]) == {"0"} and len(train) == 8
    assert len(test) == 16
    named = screen.assign(Metadata_Donor=np.resize(["a+b", "a", "b"], 24))
    ((_, test),) = only(named, "donor:a+b").folds
    assert set(named["Metadata_Donor"][test]) == {"a+b"}  # the name as a whole first


def test_a_name_that_is_a_number(screen):
    """Plates 1 to 3, of which a cell model has 1 and 2: 3 is no share of them."""
    named = screen.assign(Metadata_Donor=np.repeat(["1", "2", "0.5"], 8))
    codes = np.where(named["Metadata_Donor"] == "0.5", -1, screen["code"])
    for wanted in ("donor:0.5", "donor:0.5+2"):
        made, said = build(named, wanted, codes=codes)
        assert bool(made) == ("2" in wanted)
    assert (
        "none of its records are of 0.5" in build(named, "donor:0.5", codes=codes)[1][0]
    )


def test_crops_of_an_image_lie_on_one_side():
    crops = pd.DataFrame({"Metadata_Site_ID": np.repeat(list("abcdef"), 4)})
    crops["Metadata_Cell"] = np.tile(list("1234"), 6)
    crops["Metadata_Record_ID"] = crops["Metadata_Site_ID"] + crops["Metadata_Cell"]
    split = only(crops, "site", codes=np.repeat([0, 1], 12))
    assert [set(crops["Metadata_Site_ID"][test]) for _, test in split.folds] == [
        {name} for name in "abcdef"
    ]
    assert only(crops, "record", codes=np.repeat([0, 1], 12)).leaky


@pytest.mark.parametrize("unit", ["record", "site"])
def test_images_that_are_each_a_well_of_their_own_do_not_leak(screen, unit):
    """One image a well, named so by the table; without names nobody knows."""
    alone = screen[screen["Metadata_Site"] == "1"].reset_index(drop=True)
    assert not only(alone, unit).leaky and only(screen, unit).leaky
    unnamed = alone.drop(columns="Metadata_Well")
    unnamed["Metadata_Site"] = [str(i) for i in range(len(unnamed))]
    assert only(unnamed, unit).leaky


def test_the_publishers_own(screen):
    side = np.resize(["Train", "test", "train", "test", "other"], 24)
    ((train, test),) = only(screen.assign(Metadata_Split=side), "given").folds
    np.testing.assert_array_equal(test, np.flatnonzero(side == "test"))
    assert set(side[train]) == {"Train", "train"}
    made, said = build(screen.assign(Metadata_Split="train"), "given")
    assert not made and "Metadata_Split has no 'test', only train" in said[0]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("plaet", f"{KEY} names 'plaet', .*did you mean 'plate'"),
        ("dono", "did you mean 'donor'"),
        ("givn", "did you mean 'given'"),
        ("plate:E0/7", "no plate is called 'E0/7'; did you mean 'E0/"),
        ("donor:ann+bbo", "no donor is called 'bbo'; did you mean 'bob'"),
        ("plate:1.5", "no plate is called '1.5'; valid: E0/0, E0/1, E1/0"),
        ("record:1.5", "record:1.5 should be a share such as record:0.25"),
        ("record:r3", "record:r3 should be a share such as record:0.25"),
        ("given:train", "'given' takes nothing after it"),
    ],
)
def test_what_nobody_can_have_meant(screen, wanted, message):
    with pytest.raises(InputError, match=message):
        build(screen, wanted)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("treatment", "the screen has no column Metadata_Treatment; change config"),
        ("given", "the screen has no column Metadata_Split; change config"),
        ("cell_type", "2 of 24 records have a blank Metadata_Cell_Type"),
        ("batch", "all its records are of one batch; change config.evaluate.splits"),
        ("day", "no, yes has one day, and at least two are needed"),
    ],
)
def test_what_the_screen_does_not_allow_is_said_and_the_rest_done(
    screen, wanted, message
):
    screen["Metadata_Cell_Type"] = ["", None] + ["x", "y"] * 11
    screen["Metadata_Batch"] = "1"
    screen["Metadata_Day"] = np.where(screen["code"] == 1, "Mo", "Tu")
    made, said = build(screen, wanted, "plate", "plate")
    assert [split.name for split in made] == ["plate"]
    (sentence,) = said
    assert sentence.startswith(f"M: no split {wanted!r} for control")
    assert message in sentence


def test_no_fallback_from_plates_to_rows(screen):
    one = screen[screen["Metadata_Experiment"] == "E1"].reset_index(drop=True)
    made, said = build(one, "plate")
    assert not made and "all its records are of one plate" in said[0]


def test_classes_of_one_group_are_left_out_with_their_count():
    table = pd.DataFrame({"Metadata_Treatment": list("aabbccdd") * 2})
    table["Metadata_Record_ID"] = [str(i) for i in range(16)]
    codes = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 2)
    codes[[6, 7]] = 2  # d is of class 1 and 2, the only one of class 2
    (split,), (sentence,) = build(
        table, "treatment", codes=codes, classes=("x", "y", "z")
    )
    assert "1 of 3 classes (z; 2 records) are left out" in sentence
    used = np.concatenate([np.concatenate(fold) for fold in split.folds])
    assert not np.isin([6, 7], used).any()
    assert len(split.folds) == 4
    for train, test in split.folds:
        assert set(codes[train]) == {0, 1} and len(test) in (2, 4)


def test_a_class_of_one_record_cannot_be_split():
    table = pd.DataFrame({"Metadata_Record_ID": list("abc")})
    made, said = build(table, "record", codes=[0, 0, 1])
    assert not made and "yes has one record, and at least two are needed" in said[0]


def test_one_class_is_nothing_to_tell(screen):
    made, said = build(screen, "plate", codes=np.ones(24, int))
    assert not made and "all its records are of one class: yes" in said[0]


def test_records_of_no_class_are_on_no_side(screen):
    codes = np.where(screen["Metadata_Site"] == "1", screen["code"], -1)
    split = only(screen, "plate", codes=codes)
    assert all((codes[np.concatenate(fold)] >= 0).all() for fold in split.folds)


def test_nothing_possible_is_a_skip_and_something_a_warning(screen):
    made, said = build(screen, "plate", "treatment")
    with pytest.warns(LeftOut, match="no split 'treatment'"):
        assert splits.require(made, said) == made
    with pytest.raises(Skip, match="no split 'treatment'"):
        splits.require([], said)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert splits.require(made, []) == made


def test_rows_of_the_table_count_not_its_index(screen):
    shuffled = screen.set_axis(np.random.default_rng(0).permutation(24))
    folds = only(shuffled, "plate").folds
    for ours, plain in zip(folds, only(screen, "plate").folds, strict=True):
        np.testing.assert_array_equal(ours[1], plain[1])


@pytest.mark.parametrize(
    "which", ["E0/1+E1/0", " E0/1 + E1/0 ", "E0/1\u00a0+\ufeffE1/0"]
)
def test_blanks_around_names_are_no_other_groups(screen, which):
    ((train, test),) = only(screen, f"plate:{which}").folds
    plates = screen["Metadata_Experiment"] + "/" + screen["Metadata_Plate"]
    assert set(plates.iloc[test]) == {"E0/1", "E1/0"}
    assert set(plates.iloc[train]) == {"E0/0"}


@pytest.mark.parametrize("which", ["0.3", "0.30", "3e-1", ".3", "+0.3"])
def test_doses_and_other_numbers_are_named_as_numbers(screen, which):
    """The oracle is the column's own numbers."""
    screen["Metadata_Concentration_uM"] = np.resize([0.1, 0.3, 1.0], len(screen))
    ((_, test),) = only(screen, f"concentration_um:{which}").folds
    assert (
        test.tolist()
        == np.flatnonzero(screen["Metadata_Concentration_uM"] == 0.3).tolist()
    )


def test_padded_numbers_are_names_of_their_own(screen):
    screen["Metadata_Donor"] = np.resize(["007", "7", "8"], len(screen))
    ((_, test),) = only(screen, "donor:7").folds
    assert set(screen["Metadata_Donor"].iloc[test]) == {"7"}
    screen["Metadata_Donor"] = np.resize(["07", "8"], len(screen))
    with pytest.raises(InputError, match="no donor is called '7'; did you mean '07'"):
        build(screen, "donor:7")


def test_what_was_held_out_of_training_is_told_by_what_was_not(screen):
    """Sides at random by plate, well or record; expected rows by pandas."""
    rng = np.random.default_rng(0)
    for unit in ("Metadata_Plate", "Metadata_Well", "Metadata_Record_ID"):
        sides = dict(zip(screen[unit].unique(), itertools.cycle(["train", "test", ""])))
        known = screen.assign(Metadata_Held_Out=screen[unit].map(sides))
        codes = rng.permutation(screen["code"])
        split = only(known, "held_out", codes=codes)
        ((train, test),) = split.folds
        for rows, side in ((train, "train"), (test, "test")):
            expected = known.index[known["Metadata_Held_Out"] == side]
            assert rows.tolist() == expected.tolist()
        wells = known.groupby(table.wells(known))["Metadata_Held_Out"].agg(set)
        assert split.leaky == any({"train", "test"} <= own for own in wells)


def test_held_out_is_added_where_something_was(screen):
    assert splits.with_held_out(("plate",), screen) == ("plate",)
    known = screen.assign(Metadata_Held_Out="train")
    assert splits.with_held_out(("plate",), known) == ("plate", "held_out")
    assert splits.with_held_out(("held_out",), known) == ("held_out",)
    assert splits.with_held_out((), known) == ("held_out",)
    with pytest.raises(Skip, match="no split is named, and nothing was held out"):
        splits.with_held_out((), screen)


@pytest.mark.parametrize(
    "sides, codes, told",
    [
        (None, None, "no encoder here was trained on some of the records"),
        (["train"] * 24, None, "none of its records was held out of training"),
        (["test"] * 24, None, "none of its records was trained on"),
        (["train", "test"] * 12, [0, 1] * 12, "lies on one side only"),
    ],
)
def test_why_nothing_held_out_can_be_judged(screen, sides, codes, told):
    known = screen if sides is None else screen.assign(Metadata_Held_Out=sides)
    made, (said,) = build(known, "held_out", codes=codes)
    assert not made and told in said
    with pytest.raises(InputError, match="'held_out' takes nothing after it"):
        build(known, "held_out:0.2")


@pytest.mark.parametrize(
    "is_held_out, unit",
    [
        (lambda t: t["Metadata_Experiment"] + t["Metadata_Plate"] == "E00", "plate"),
        (lambda t: t["Metadata_Well"].str.startswith("A"), "well"),
        (lambda t: t["Metadata_Site"] == "2", None),
    ],
)
def test_what_was_not_held_out_is_split_by_groups_that_lie_within(
    screen, is_held_out, unit
):
    held = is_held_out(screen).to_numpy()
    known = screen.assign(Metadata_Held_Out=np.where(held, "test", "train"))
    split = only(known, "held_out")
    codes = np.where(held, -1, known["code"])

    def within():
        return splits.within(
            known, codes, split, key=KEY, classes=CLASSES, options=OPTIONS
        )

    if unit is None:
        with pytest.raises(Skip, match="names no kind of group to split by again"):
            within()
        return
    of = known["Metadata_Experiment"] + known["Metadata_Plate"]
    of = of + known["Metadata_Well"] if unit == "well" else of
    found = within()
    assert found.name == unit
    assert {*of[np.concatenate([test for _, test in found.folds])]} == {*of[~held]}
    for train, test in found.folds:
        assert not held[train].any() and not held[test].any()
        assert not {*of[train]} & {*of[test]}
