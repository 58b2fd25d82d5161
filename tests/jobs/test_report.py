"""The page says what the rows say, whatever is missing and whatever is in a name."""

import csv
import html.parser
import json

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import pictures
from gandl_jax.jobs import report
from gandl_jax.jobs.report_parts import doubts, findings, page
from gandl_jax.profiles import feature_set, store
from gandl_jax.tasks.dose_response import NOT_APART

EVIL = "<script>alert(1)</script> & \"$x_{\" 'y'"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(html.parser.HTMLParser):
    """Checks that tags are closed in order; keeps tables, text and attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tables, self.words, self.attributes = [], [], [], []
        self.feed(text)
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data


def score(encoder="gan@9", split="plate", value=0.7, difference=None, **changes):
    features = "intensity" if encoder == "intensity" else "b8"
    return {
        "task": "control_classification",
        "set": encoder if encoder == "intensity" else f"{encoder}/{features}",
        "encoder": encoder,
        "features": features,
        "group": "HRCE",
        "split": split,
        "leaky": split == "record",
        "metric": "balanced_accuracy",
        "value": value,
        "low": value - 0.0412,
        "high": value + 0.0521,
        "untrained_difference": difference,
        "records": 40,
        "wells": 20,
        "plates": 4,
        "folds": [value] * 4,
        "classes": ["response_0", "response_1"],
        "encoder_saw_test_images": encoder == "gan@9",
    } | changes


def gain(value, low, high):
    return {"against": "gan@0/b8", "value": value, "low": low, "high": high}


def curve(treatment, ec50=0.2, top=0.9, status="fitted", **changes):
    fit = dict.fromkeys(
        ("ec50_um", "ec50_low_um", "ec50_high_um", "slope", "r2_dose_means")
    )
    if status == "fitted":
        fit = {
            "ec50_um": ec50,
            "ec50_low_um": ec50 / 2,
            "ec50_high_um": ec50 * 3,
            "slope": 1.25,
            "r2_dose_means": 0.97,
        }
    points = [
        {"concentration_um": dose, "response": dose + well, "well": "B02", "plate": "1"}
        for dose in (0.1, 1.0, 10.0)
        for well in (0.0, 0.5)
    ]
    return {
        "task": "dose_response",
        "set": "gan@9/b8",
        "encoder": "gan@9",
        "features": "b8",
        "group": "HRCE",
        "experiment": "HRCE-1",
        "treatment": treatment,
        "bottom": 0.1,
        "top": top,
        "response_at_highest_dose": top and top - 0.05,
        "p_effect": 0.001,
        "q_effect": 0.2 if status == "no effect" else 0.002,
        "r2": 0.83,
        "wells": 6,
        "status": status,
        "points": points,
        "controls": {"response_0": [-0.1, 0.0, 0.1], "response_1": [0.9, 1.0, 1.1]},
        **fit,
    } | changes


def save_task(workdir, name, rows, skipped=None):
    folder = workdir / "tasks" / "simulated"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"rows": rows, "inputs": {}, "skipped": skipped}
    (folder / f"{name}.json").write_text(json.dumps(content))


def make(workdir) -> Page:
    config = configs.default()
    config.name = "demo-smoke"
    config.data.channels = ("nuclei", "ER")
    report.run(config, workdir)
    return Page((workdir / "report" / "index.html").read_text())


def read_csv(workdir, name):
    with (workdir / "report" / "data" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def full(tmp_path):
    scores = [
        score(value=0.7123, difference=gain(0.0611, 0.0122, 0.1101)),
        score("gan@0", value=0.6512),
        score("intensity", value=0.5512),
        score(split="record", value=0.9001, difference=gain(0.1, 0.05, 0.15)),
        score(features="b16", set="gan@9/b16", value=0.4444),
    ]
    curves = [curve("flat", status="no effect"), curve(EVIL, ec50=0.0313)]
    curves.append(curve("flat", set="gan@0/b8", encoder="gan@0", status="no effect"))
    save_task(tmp_path, "control_classification", scores)
    save_task(tmp_path, "dose_response", curves)
    save_task(tmp_path, "other", [], skipped="the screen has no second cell model")
    lines = [
        {"step": step, "images": 32 * step, "seconds": 60.0, "d/loss": 1.0 + step}
        for step in (1, 2, 2, 3)
    ]
    lines[2]["d/loss"] = 7.5  # step 2 again, after a resume
    text = "\n".join(map(json.dumps, lines)) + '\n{"step": 4, "ima'
    (tmp_path / "metrics.jsonl").write_text(text)
    images = np.zeros((4, 8, 8, 2), np.float32)
    for step in (0, 3):
        pictures.write_grids(
            tmp_path / "images", step, ("nuclei", "ER"), images, images
        )
    return tmp_path


def test_page_is_whole_and_refers_to_nothing_outside(full):
    found = make(full)
    text = (full / "report" / "index.html").read_text()
    assert "http" not in text and "url(" not in text.replace("url(#", "")
    for tag, key, value in found.attributes:
        if key == "src":
            assert value.startswith("data:image/png;base64,")
        if key == "href":
            assert value.startswith("#")
        assert tag not in ("script", "link", "iframe", "object")
    ids = [value for _, key, value in found.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    links = {v for tag, k, v in found.attributes if tag == "a" and k == "href"}
    assert {link.removeprefix("#") for link in links} <= set(ids)
    images = sum(tag == "img" and key == "alt" for tag, key, _ in found.attributes)
    assert images == 4, "composite, two channels, the first composite"
    assert not list(full.rglob("*.partial"))


def test_names_are_escaped_everywhere(full):
    found = make(full)
    text = (full / "report" / "index.html").read_text()
    assert "<script" not in text
    assert EVIL in found.text
    assert EVIL in [cell for table in found.tables for row in table for cell in row]


def test_score_table_holds_the_rows_numbers(full):
    main, others, _ = make(full).tables
    assert main[0][3:] == ["trained", "untrained", "intensity", "trained − untrained"]
    lines = {row[1].split()[0]: row for row in main[1:]}
    assert lines["plates"] == [
        "HRCE",
        "plates left out",
        "balanced accuracy of sites",
        "0.712 0.671 to 0.764",
        "0.651 0.610 to 0.703",
        "0.551 0.510 to 0.603",
        "+0.061 +0.012 to +0.110",
    ]
    assert "leaky" in lines["random"][1] and "leaky" not in lines["plates"][1]
    assert lines["random"][4:6] == ["–", "–"]
    assert [row[0] for row in others[1:]] == ["gan@9/b16"]


def test_dose_table_holds_the_rows_numbers(full):
    table = make(full).tables[-1]
    fitted = [EVIL, "HRCE", "HRCE-1", "0.0313 0.0157 to 0.0939", "1.25"]
    numbers = ["0.10", "0.90", "0.85", "0.83", "0.97", "0.002", "6"]
    assert table[1] == [*fitted, *numbers, "fitted"]
    assert table[2][0] == "flat" and table[2][3] == "–"
    assert table[2][-1] == "no effect"


def test_numbers_behind_the_figures_are_saved(full):
    make(full)
    training = read_csv(full, "training")
    assert [float(row["d/loss"]) for row in training] == [2.0, 7.5, 4.0]
    drawn = [row for row in read_csv(full, "dose_curves") if row["treatment"] == EVIL]
    means = [float(r["response"]) for r in drawn if r["shown"] == "means"]
    assert means == pytest.approx([0.35, 1.25, 10.25])  # dose + mean of 0 and 0.5
    wells = [row for row in drawn if row["shown"] == "wells"]
    assert len(wells) == 6
    fit = [row for row in drawn if row["shown"] == "curve"]
    dose, response = (
        np.array([float(row[key]) for row in fit])
        for key in ("concentration_um", "response")
    )
    expected = 0.1 + 0.8 / (1 + (0.0313 / dose) ** 1.25)
    np.testing.assert_allclose(response, expected, rtol=1e-12)
    assert dose[0] == pytest.approx(0.1) and dose[-1] == pytest.approx(10.0)
    first = read_csv(full, "scores")[0]
    assert float(first["value"]) == 0.7123
    assert float(first["untrained_difference_high"]) == 0.1101
    assert len(read_csv(full, "dose_response")) == 3


def test_summary_names_the_answer_the_compound_and_the_doubts(full):
    text = make(full).text
    for words in (
        "With whole plates left out, the trained network tells the two controls apart "
        "better than the same network untrained.",
        "HRCE: trained 0.71, untrained 0.65, intensity 0.55; trained − untrained "
        "+0.06, 95 % interval +0.01 to +0.11",
        "Of 2 dose-response curves: 1 rising (1 at least half way to the wanted "
        "state at the highest dose), 0 falling, 0 whose EC50 the doses do not pin "
        "down, 1 without effect. An effect of the dose is called for 1 of them "
        "(Benjamini-Hochberg q < 0.05): up to 5% of those called, about 0.05, "
        "are expected to be false.",
        "EC50 31.3 nM (15.7 to 93.9), response 0.85 at the highest dose",
        "From untrained features 0 rise.",
        "Scores marked leaky",
        "trained on the test wells' images",
        "simulated, other: the screen has no second cell model",
        "96 images seen",
    ):
        assert words in text


def test_empty_workdir_says_what_makes_the_missing_parts(tmp_path, capsys):
    text = make(tmp_path).text
    start = "python -m gandl_jax.main --config=configs/demo.py:smoke"
    assert f"There are no scores yet. They are made by: {start}" in text
    assert f"--workdir={tmp_path} --job=all" in text
    assert f"report: {tmp_path / 'report' / 'index.html'}" in capsys.readouterr().out


def test_running_again_overwrites(tmp_path):
    make(tmp_path)
    save_task(tmp_path, "control_classification", [score()])
    assert "There are no scores yet" not in make(tmp_path).text


@pytest.mark.parametrize("content", ["", "{", '{"rows": []}', '{"rows": null}'])
def test_torn_or_empty_task_file_is_no_traceback(tmp_path, content):
    save_task(tmp_path, "dose_response", [])
    (tmp_path / "tasks" / "simulated" / "dose_response.json").write_text(content)
    text = make(tmp_path).text
    assert "There are no scores yet" in text
    assert ("cannot be read" in text) == (content in ("", "{"))


def test_only_untrained_and_intensity(tmp_path):
    rows = [score("gan@0"), score("intensity")]
    save_task(tmp_path, "control_classification", rows)
    save_task(tmp_path, "dose_response", [curve("a", set="gan@0/b8", encoder="gan@0")])
    text = make(tmp_path).text
    assert "Whether training helped cannot be said" in text
    assert "From the set gan@0/b8 (untrained)" in text


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([gain(0.1, 0.01, 0.2)] * 2, "better than the same network untrained."),
        ([gain(0.1, 0.01, 0.2), gain(0.0, -0.1, 0.1)], "untrained in 1 of 2 groups."),
        ([gain(0.1, -0.01, 0.2)] * 2, "no better than"),
        ([gain(-0.2, -0.3, -0.1)] * 2, "apart worse than"),
        ([None, None], "no untrained network was scored"),
    ],
)
def test_verdict(differences, words):
    rows = [
        score(group=group, difference=difference)
        for group, difference in zip(("HRCE", "VERO"), differences, strict=True)
    ]
    table = findings.headline(
        rows, feature_set.kinds(row["encoder"] for row in rows), "b8"
    )
    assert words in findings.score_answer(table)


def test_doubts_when_training_did_not_help_and_plates_are_few():
    rows = [
        score(value=0.53, difference=gain(0.0, -0.1, 0.1), folds=[0.5, 0.5]),
        score("intensity", value=0.6),
    ]
    table = findings.headline(
        rows, feature_set.kinds(row["encoder"] for row in rows), "b8"
    )
    told = " ".join(doubts.doubts(table, [curve("a", ec50_high_um=None)]))
    for words in (
        "Training has not been shown to help in HRCE",
        "Plain intensities do as well as the network in HRCE",
        "includes chance",
        "Few plates: 2 were left out",
        "few wells (the smallest on 6)",
        "1 of 1 EC50 intervals span more than a factor of 10",
    ):
        assert words in told
    assert "leaky" not in told


def test_rank_puts_full_rescues_first_and_the_most_potent_of_them():
    rows = [
        curve("flat", status="no effect"),
        curve("unsure", status="not identified: the EC50 has no limit above"),
        curve("falling", ec50=0.01, top=-0.8),
        curve("partial", ec50=0.001, top=0.4),
        curve("extrapolated", ec50=30.0, response_at_highest_dose=0.3),
        curve("weak", ec50=2.0),
        curve("strong", ec50=0.02),
    ]
    names = [row["treatment"] for row in findings.rank(rows)]
    assert names[:4] == ["strong", "weak", "partial", "extrapolated"]
    assert names[4:] == ["falling", "unsure", "flat"]


def test_open_and_endless_numbers():
    assert page.dose(0.0928, 0.00446, 2.3004) == "92.8\xa0nM (4.46 to 2300)"
    assert page.dose(0.05, None, float("inf")) == "50\xa0nM (open to ∞)"
    assert page.interval(0.5, None, 2.0, ".2g") == "0.5 <small>open to 2</small>"
    assert page.number(float("nan"), ".2f") == "–"
    assert page.number(-0.5, "+.2f") == "−0.50"


@pytest.mark.parametrize(
    ("plates", "said", "unsaid"),
    [
        (1, "There is one plate only of U2OS", "No two plates"),
        (3, "No two plates of U2OS have both controls", "one plate only"),
    ],
)
def test_one_plate_is_said_of_the_cells_that_it_is_true_of(plates, said, unsaid):
    rows = [score(), score(split="row", group="U2OS", plates=plates)]
    table = findings.headline(rows, {"trained": "gan@9"}, "b8")
    told = " ".join(doubts.doubts(table, []))
    assert said in told and unsaid not in told and "of HRCE" not in told


def test_controls_that_are_not_told_apart(tmp_path):
    nothing = {"points": [], "controls": {"response_0": [], "response_1": []}}
    fits = ("bottom", "top", "r2", "p_effect", "q_effect", "response_at_highest_dose")
    row = curve("a", status=NOT_APART, **dict.fromkeys(fits), **nothing)
    save_task(tmp_path, "dose_response", [row])
    text = make(tmp_path).text
    assert "1 have no curve: the controls beside are not told apart" in text
    assert "The controls of HRCE-1 are not told apart" in text
    assert "0 whose EC50 the doses do not pin down" in text and "q <" not in text


@pytest.mark.parametrize("job", ["--job=prepare,train", "--job embed", ""])
def test_commands_are_the_one_typed_with_another_job(tmp_path, job):
    typed = f"--config=c.py {job} --workdir=w --config.seed=3"
    (tmp_path / "config.json").write_text(json.dumps({"command": typed}))
    text = make(tmp_path).text
    program = "python -m gandl_jax.main --config=c.py"
    assert f"{program} --workdir=w --config.seed=3 --job=embed,evaluate" in (
        text.replace("  ", " ")
    )
    assert f"Command {' '.join(f'{program} {job} --workdir=w'.split())}" in text


def test_what_was_run_has_settings_and_counts(tmp_path):
    metadata = pd.DataFrame(
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": ["1", "1", "1", "2"],
            "Metadata_Well": ["A01", "A01", "A02", "A01"],
        }
    )
    folder = tmp_path / "profiles/simulated/gan@0"
    store.write_part(folder / "part-00000.parquet", metadata, {"b8": np.eye(4)})
    assert "Embedded" not in make(tmp_path).text  # not complete
    store.finish(folder)
    text = make(tmp_path).text
    for words in (
        "Seed 0 Batch 32 Learning rate 0.002 R1 weight 10.0",
        "Embedded of simulated records 4, wells 3, plates 2",
    ):
        assert words in text
