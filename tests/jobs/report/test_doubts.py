"""What speaks against the answer is told, and nothing else."""

import pytest

from gandl_jax.jobs.report import doubts, encoder_roles, findings, wells


@pytest.fixture
def tell(rows):
    """Doubts of rows, as one text."""

    def tell(scores=(), curves=(), well_map=None, batch=(), warnings=()):
        names = encoder_roles.roles(row["encoder"] for row in [*scores, *batch])
        tables = [
            encoder_roles.side_by_side(those, names, "b8", keys)
            for those, keys in (
                (scores, findings.SCORE_KEYS),
                (batch, findings.BATCH_KEYS),
            )
        ]
        of = None
        if well_map:
            of = wells.read([well_map], {"trained": "gan@9"}, "b8")["trained"]
        return " ".join(doubts.doubts(tables[0], curves, of, tables[1], warnings))

    return tell


def test_nothing_to_doubt(rows, tell):
    floors = ("untrained", "classical", "intensity", "plate", "position")
    differences = {floor: rows.gain(0.2, 0.1, 0.3) for floor in floors}
    good = rows.score(differences=differences, encoder_saw_test_images=False)
    sure = rows.curve(wells=48, ec50_low_um=0.1, ec50_high_um=0.4)
    batch = rows.score(value=0.25, chance=0.25, label="plate")
    assert tell([good], [sure], rows.well_map(), [batch]) == ""


FLOORS = [
    ("untrained", "Training has not been shown to help", "made the features worse"),
    ("classical", "Classical features do as well", "Classical features do better"),
    ("intensity", "Plain intensities do as well", "Plain intensities do better"),
    ("plate", "The plate's name alone does as well", "name alone does better"),
    ("position", "The well's position alone does as well", "position alone does bet"),
]


@pytest.mark.parametrize(("floor", "as_well", "better"), FLOORS)
def test_floors_that_are_as_good_or_better(rows, tell, floor, as_well, better):
    def told(*numbers, **changes):
        differences = {floor: rows.gain(*numbers, against=floor)}
        return tell([rows.score(differences=differences, **changes)])

    unclear = told(0.1, -0.01, 0.2)
    assert f"{as_well} in HRCE with plates left out (+0.100, −0.010 to" in unclear
    assert better not in unclear
    worse = told(-0.2, -0.3, -0.1)
    assert better in worse and "(−0.200, −0.300 to −0.100)" in worse
    assert as_well not in worse
    assert as_well not in told(0.1, 0.01, 0.2) and better not in told(0.1, 0.01, 0.2)
    leaky = told(-0.2, -0.3, -0.1, split="record")
    assert as_well not in leaky and better not in leaky


@pytest.mark.parametrize("floor", ["plate", "position"])
@pytest.mark.parametrize("against", ["floor", "chance"])
def test_a_floor_that_only_guesses_is_no_doubt(rows, tell, floor, against):
    """Such as the plate's name on a single plate: it tells nothing."""
    gain = rows.gain(0.05, -0.05, 0.15, against=against)
    row = rows.score(value=0.55, differences={floor: gain}, plates=1)
    assert "alone" not in tell([row])


def test_a_split_where_the_floor_is_beaten_is_not_the_one_that_is_doubted(rows, tell):
    beaten = {"plate": rows.gain(0.2, 0.1, 0.3, against="plate")}
    unclear = {"plate": rows.gain(0.05, -0.1, 0.2, against="plate")}
    told = tell(
        [
            rows.score(split="plate", differences=beaten),
            rows.score(split="well", differences=unclear),
        ]
    )
    assert "does as well in HRCE with wells left out (+0.050" in told
    assert "with plates left out (" not in told


def test_scores_near_guessing_and_few_plates(rows, tell):
    told = tell([rows.score(value=0.53, plates=2)])
    assert "includes guessing in HRCE" in told and "the two controls may" in told
    assert "Few plates: 2 were left out in HRCE" in told and "leaky" not in told
    # Many plates that are dealt to few folds are not few.
    assert "Few plates" not in tell([rows.score(plates=20, folds=[0.7] * 3)])
    told = tell([rows.score(value=0.53, label="Mechanism")])
    assert "the classes of Mechanism may not be told apart" in told
    assert "worse than guessing in HRCE" in tell([rows.score(value=0.3)])


def test_images_that_the_encoder_has_seen(rows, tell):
    assert "trained on the test wells' images too" in tell([rows.score()])
    leaky = tell([rows.score(split="record")])
    assert "Scores marked leaky (random images) have images of one well" in leaky
    alone = tell([rows.score(split="record", records=20, wells=20)])
    assert "hold single images apart, and the table names no wells" in alone
    assert "have images of one well" not in alone
    unknown = tell([rows.score("my table", encoder_saw_test_images=None)])
    assert "not known whether" in unknown and "trained on the test" not in unknown


def test_batch_effects(rows, tell):
    batch = [
        rows.score(value=0.44, chance=0.25, label="plate", group="HRCE"),
        rows.score(value=0.30, chance=0.28, label="row band", group="VERO"),
    ]
    assert (
        "The features tell more than cells: the plate can be told from the features in "
        "HRCE (balanced accuracy 0.44, guessing 0.25)."
    ) in tell(batch=batch)


def test_bands_are_told_where_the_whole_interval_is_above_guessing(rows, tell):
    def band(**changes):
        return rows.score(label="column band", chance=0.25, group="VERO", **changes)

    told = tell(batch=[band(value=0.29, low=0.27)])
    assert (
        "the wells' column (in four bands) can be told from the features in VERO "
        "(balanced accuracy 0.29, guessing 0.25)"
    ) in told
    for low in (0.24, None):
        assert "bands" not in tell(batch=[band(value=0.29, low=low)])


def test_side_effects_bounds_wide_intervals_and_few_wells(rows, tell):
    bound = {"ec50_um": None, "ec50_low_um": 10.0, "ec50_bound": "above"}
    curves = [
        rows.curve("bad", side_effect=0.7),
        rows.curve("good", ec50_high_um=None),
        rows.curve("flat", status="no effect", rescue=0.0, side_effect=3.0),
        rows.curve("far", status="bound: ...", rescue=0.1, **bound),
    ]
    told = tell(curves=curves)
    assert "1 of 2 rescues come with a large side effect" in told
    assert "or more; 1 with an interval above 0): bad." in told
    assert "1 of 2 intervals of the relative EC50 span more than a factor of 10" in told
    assert "The relative EC50 of 1 of 4 curves lies beyond the doses" in told
    assert "few wells (the smallest on 6)" in told


def test_experiments_that_disagree_and_controls_not_told_apart(rows, tell):
    curves = [
        rows.curve("a"),
        rows.curve("a", status="no effect", experiment="HRCE-2", rescue=0.0),
        rows.curve("b", status="not identified: ...", points=[], experiment="VERO-1"),
        rows.curve("b", points=[], experiment="VERO-2", controls_too_near="3.1 ..."),
    ]
    told = tell(curves=curves)
    assert "disagree whether there is an effect: a." in told
    assert "The controls of VERO-1, VERO-2 (3.1 ...) are not told apart" in told


def test_plates_without_controls(rows, tell):
    roles = ["response_0", "treated", "response_1", "treated", "treated", "other"]
    lacking = rows.well_map(role=roles + ["response_0"] + ["treated"] * 5)
    told = tell(well_map=lacking)
    assert "1 plate without wells of one of the controls (HRCE-1/10)" in told


def test_warnings_of_the_tasks_come_once_and_not_too_many(tell):
    told = tell(warnings=["w0", "w0", "w1", "w2", "w3", "w4", "w5"])
    assert told == (
        "The tasks warn of 6 things, all of them listed at the end. The first: w0"
    )
    assert tell(warnings=["w0", "w0", "w1"]) == "w0 w1"


@pytest.mark.parametrize(
    ("plates", "said", "unsaid"),
    [
        (1, "All scored wells lie on one plate in U2OS", "Whole plates"),
        (3, "Whole plates were not left out in U2OS", "one plate"),
    ],
)
def test_one_plate_is_said_of_the_cells_that_it_is_true_of(
    rows, tell, plates, said, unsaid
):
    one = rows.score(split="row", group="U2OS", plates=plates)
    told = tell([rows.score(), one])
    assert said in told and unsaid not in told
    whole = rows.score(group="U2OS", plates=plates)
    assert "Whole plates" not in tell([one, whole])
