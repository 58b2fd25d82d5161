"""The tables of scores hold the rows' numbers, floors beside what is judged."""

import pytest

from gandl_jax.jobs.report import scores
from gandl_jax.jobs.report.chapters import retrieval


@pytest.fixture
def saved(rows, save):
    floors = {
        "untrained": rows.gain(0.0611, 0.0122, 0.1101),
        "intensity": rows.gain(0.161, -0.01, 0.332),
        "plate": rows.gain(0.2, 0.1, 0.3),
        "position": rows.gain(-0.05, -0.1, -0.01),
    }
    save(
        "control_classification",
        [
            rows.score("position", value=0.7623),
            rows.score("intensity", value=0.5512),
            rows.score("gan@0", value=0.6512),
            rows.score(value=0.9001, split="record"),
            rows.score(value=0.7123, differences=floors),
            rows.score("plate", value=0.5),
            rows.score(features="b16", value=0.4444),
        ],
    )


def test_floors_stand_beside_with_what_the_network_gains(saved, make):
    header, fair, leaky = make().table("Cells")
    assert header == [
        "Cells", "Test part", "By", "trained", "untrained", "intensity",
        "plate identity", "well position", "guessing",
    ]  # fmt: skip
    assert [" ".join(cell.split()) for cell in fair] == [
        "HRCE",
        "plates left out",
        "images",
        "0.712 0.671 to 0.764",
        "0.651 0.610 to 0.703 Δ +0.061 (+0.012 to +0.110)",
        "0.551 0.510 to 0.603 Δ +0.161 (−0.010 to +0.332)",
        "0.500 0.459 to 0.552 Δ +0.200 (+0.100 to +0.300)",
        "0.762 0.721 to 0.814 Δ −0.050 (−0.100 to −0.010)",
        "0.50",
    ]
    assert "leaky" in leaky[1] and "leaky" not in fair[1], "what leaks comes last"
    assert leaky[4:-1] == ["–"] * 4


def test_other_sets_are_listed_apart(saved, make):
    other = make().table("Feature set")
    assert [row[0] for row in other[1:]] == ["gan@9/b16"]
    assert other[1][5].split()[0] == "0.444"


def test_all_scores_are_in_the_file(saved, make, read_csv):
    make()
    lines = {(row["set"], row["split"]): row for row in read_csv("scores")}
    assert len(lines) == 7
    line = lines["gan@9/b8", "plate"]
    assert float(line["value"]) == 0.7123 and line["dataset"] == "simulated"
    assert float(line["minus_untrained_high"]) == 0.1101
    assert float(line["minus_position_low"]) == -0.1
    assert lines["gan@0/b8", "plate"]["minus_untrained_high"] == ""


def test_zero_shot_has_a_line_per_cell_type_and_says_what_the_encoder_has_seen(
    make, save, rows
):
    kinds = {"HUVEC": 0.9123, "U2OS": 0.4123}
    save(
        "cell_model_classification",
        [
            rows.score(
                encoder,
                value=value,
                metric="recall",
                group="all",
                task="cell_model_classification",
                label="cell type",
                split="experiment",
                encoder_saw_test_images=False,
                chance=0.25,
                **{"class": cell},
            )
            for cell, value in kinds.items()
            for encoder in ("gan@9", "gan@0")
        ],
    )
    found = make()
    lines = found.table("Cells")[1:]
    assert [row[:3] for row in lines] == [
        [cell, "experiments left out", "recall"] for cell in kinds
    ]
    assert [row[3].split()[0] for row in lines] == ["0.912", "0.412"]
    assert (
        "With experiments left out, the cell type of 91% of the images is named "
        "rightly by the trained network (balanced; 25% is guessing)"
    ) in found.text
    assert "has never seen an image of this one (zero-shot)" in found.text
    assert "How sure, on a new screen (zero-shot)?" in found.text
    assert "One line for each cell type" in found.text


def test_an_imported_table_is_judged_under_its_name(make, save, rows):
    difference = {"intensity": rows.gain(0.1, 0.05, 0.15, "intensity")}
    save(
        "control_classification",
        [
            rows.score("intensity", value=0.61, encoder_saw_test_images=False),
            rows.score(
                "embeddings",
                value=0.71,
                differences=difference,
                encoder_saw_test_images=None,
            ),
        ],
    )
    found = make()
    header, line = found.table("Cells")
    assert header[3:] == ["embeddings", "intensity", "guessing"]
    assert "Δ +0.100" in " ".join(line[4].split())
    assert "told apart by the table embeddings in 71% of HRCE" in found.text
    assert "not known whether these features were learnt on the same" in found.text


def test_batch_effects_say_that_lower_is_better(make, save, rows):
    task = {"task": "batch_effects", "label": "plate"}
    together = rows.score(value=0.9, normalize="standard, all plates together", **task)
    save("batch_effects", [rows.score(value=0.6, **task), together])
    found = make()
    assert "lower is better" in found.text
    lines = found.table("Cells")
    assert [row[0] for row in lines[1:]] == ["HRCE, plate"] * 2
    assert [row[3] for row in lines] == [
        "Normalised", "standard", "standard, all plates together",
    ]  # fmt: skip
    assert [row[4].split()[0] for row in lines[1:]] == ["0.600", "0.900"]
    assert "balanced accuracy 0.60, guessing" in found.text, "in doubt as it is used"


def test_retrieval_holds_the_rows_numbers(make, save, rows, read_csv):
    gain = {"untrained": rows.gain(0.05, -0.02, 0.12)}
    save("retrieval", [rows.found(differences=gain), rows.found("gan@0", value=0.25)])
    found = make()
    line = found.table("Cells")[1]
    assert [" ".join(cell.split()) for cell in line] == [
        "HRCE",
        "same treatment",
        "120",
        "40%",
        "0.300 0.200 to 0.400",
        "0.250 0.150 to 0.350 Δ +0.050 (−0.020 to +0.120)",
        "0.050",
    ]
    assert found.table("Label")[1] == [
        rows.evil, "HRCE", "same treatment", "0.625", "0.01",
    ]  # fmt: skip
    labels = [row for row in read_csv("retrieval") if row["label"]]
    assert [float(row["value"]) for row in labels] == [0.625, 0.625]


def test_a_gain_over_guessing_is_not_told_as_one_over_the_floor(rows):
    """The floor lies below guessing: .70 is .20 above that, not above .30."""
    gains = {"plate": rows.gain(0.2, 0.1, 0.3, against="chance")}
    gains["position"] = rows.gain(0.1, 0.05, 0.2, against="position")
    those = {
        "trained": rows.score(value=0.7, differences=gains),
        "plate identity": rows.score("plate", value=0.3),
        "well position": rows.score("position", value=0.6),
    }
    assert "Δ to guessing +0.200" in scores.cell("plate identity", those)
    assert "Δ +0.100" in scores.cell("well position", those)


def test_the_units_of_all_intervals_are_named(rows):
    table = {
        ("HRCE", "treatment", "m", "", ""): {"trained": rows.score(unit="treatment")},
        ("HRCE", "plate", "m", "", ""): {"trained": rows.score(unit="well")},
    }
    assert scores.units(table) == "treatments, wells"


def test_the_chapter_of_labels_counts_classes_and_what_is_left_out(rows):
    row = rows.score(
        task="label_classification",
        label="Mechanism",
        by_class={"DMSO": 24, "kinase": 1040},
        left_out={"blank Mechanism": 12},
    )
    place = ("HRCE", "plate", "balanced_accuracy", "Mechanism", "")
    texts = scores.chapter_texts("label_classification")
    page = scores.section("s", texts, [row], {place: {"trained": row}})
    assert "Can Mechanism be read from the images?" in page
    words = "HRCE, plate: records by class: DMSO 24, kinase 1,040; left out: blank Mech"
    assert words in page
    assert not {"by_class", "left_out"} & set(scores.flat(row))


def test_what_wells_are_told_from_is_named(rows):
    place = ("HRCE", "replicate", "mAP", "", "")
    other = ("HRCE", "mechanism", "mAP", "", "")
    table = {
        place: {"trained": rows.found(against="response_0")},
        other: {"trained": rows.found(kind="mechanism", against="other mechanisms")},
    }
    page = retrieval.section("s", [], table)
    assert (
        "Told from, same treatment: controls without effect; same mechanism: other "
        "mechanisms. Significant: the share of labels"
    ) in page
