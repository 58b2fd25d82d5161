"""The printed table against one written by hand."""

import types

from gandl_jax.judging import task_tables
from gandl_jax.tasks import plain_table, score_table


def score(name, value, **more):
    return {
        "task": "control_classification",
        "set": name,
        "encoder": name.partition("/")[0],
        "features": name.rpartition("/")[2],
        "group": "HRCE",
        "split": "plate",
        "leaky": False,
        "label": "control",
        "normalize": "standard",
        "metric": "balanced_accuracy",
        "value": value,
        "low": value - 0.1,
        "high": min(1, value + 0.1),
        "chance": 0.5,
        "differences": {},
    } | more


def effect(name, status, r2=0.9):
    return {
        "task": "dose_response",
        "set": name,
        "encoder": name.partition("/")[0],
        "features": name.rpartition("/")[2],
        "group": "HRCE",
        "experiment": "HRCE-1",
        "treatment": "GS-441524",
        "status": status,
        "ec50_um": 0.25,
        "ec50_low_um": 0.125,
        "ec50_high_um": 0.5,
        "r2": r2,
    }


def gain(value):
    return {
        "untrained": {
            "against": "gan@0/b8",
            "value": value,
            "low": value - 0.15,
            "high": value + 0.15,
        }
    }


CELLS = {"task": "cell_model_classification", "label": "cell type", "group": "all"}
BATCH = {"task": "batch_effects", "label": "plate", "split": "well", "chance": 0.02}
FOUND = {"task": "retrieval", "kind": "replicate", "metric": "mAP", "chance": 0.01}
LABEL = {"task": "label_classification", "label": "Mechanism", "chance": 0.25}
ROWS = [
    effect("gan@100/b8", "fitted"),
    effect("gan@0/b8", "not identified: the EC50 has no limit above"),
    effect("intensity", "bound: the EC50 lies above 10 uM"),
    effect("gan@100/b8", "no effect") | {"treatment": "inert"},
    score("gan@20/b8", 0.75, differences=gain(0.05)),
    score("gan@100/b8", 0.8, differences=gain(0.1)),
    score("gan@100/b16", 0.9),
    score("gan@0/b8", 0.7),
    score("intensity", 0.6),
    score("plate", 0.5),
    score("position", 0.55),
    score("gan@0/b8", 0.95, split="record", leaky=True),
    score("gan@0/b8", 0.65, metric="balanced_accuracy_wells"),
    score("gan@0/b8", 0.875, **CELLS),
    score("gan@0/b8", 1.0, metric="recall", **{"class": "U2OS"}, **CELLS),
    score("gan@0/b8", 0.3, **LABEL),
    score("theirs", 0.4, **LABEL),
    score("gan@0/b8", 0.125, **FOUND),
    score("gan@0/b8", 0.25, **BATCH),
]
# fmt: off
TABLE = """\
Control classification: balanced accuracy [95 % interval]
cell model  split           level  trained (gan@100)  untrained (gan@0)   intensity          plate              position           chance  trained - untrained
HRCE        plate out       sites  .800 [.700, .900]  .700 [.600, .800]   .600 [.500, .700]  .500 [.400, .600]  .550 [.450, .650]  .500    +.100 [-.050, +.250]
HRCE        record (leaky)  sites  -                  .950 [.850, 1.000]  -                  -                  -                  .500    -
HRCE        plate out       wells  -                  .650 [.550, .750]   -                  -                  -                  .500    -

Cell-model classification: balanced accuracy, recall [95 % interval over wells]
split      of    untrained (gan@0)    chance
plate out  all   .875 [.775, .975]    .500
plate out  U2OS  1.000 [.900, 1.000]  .500

Mechanism classification: balanced accuracy [95 % interval]
cell model  split      level  untrained (gan@0)  theirs             chance
HRCE        plate out  sites  .300 [.200, .400]  .400 [.300, .500]  .250

Retrieval: mean average precision [95 % interval]
cell model  of the same  untrained (gan@0)  chance
HRCE        treatment    .125 [.025, .225]  .010

Batch effects: balanced accuracy [95 % interval] on wells held out; lower is better
cell model  told   normalised  untrained (gan@0)  chance
HRCE        plate  standard    .250 [.150, .350]  .020

Dose response: 1 of 2 compounds have an EC50 by some encoder; relative (half of the curve's own rise) and abs. (half way between the controls), in uM [95 % interval], R2 over wells
cell model  experiment  treatment  trained (gan@100)           untrained (gan@0)  intensity
HRCE        HRCE-1      GS-441524  0.25 [0.125, 0.5] R2 0.90  not identified     above 10 uM
not shown: 1 without an effect; the task's .csv has all"""  # noqa: E501
# fmt: on


def text(rows, features):
    of_task = {}
    for row in rows:
        of_task.setdefault(row["task"], []).append(row)
    return task_tables.text(of_task, features)


def test_side_by_side():
    got = text(ROWS, "b8").splitlines()
    assert [line.split() for line in got] == [x.split() for x in TABLE.splitlines()]
    assert got[1].index("untrained") == got[2].index(".700 [.600")
    assert got[1].index("chance") == got[4].rindex(".500")


def test_falls_misfits_and_doubts_are_in_the_table():
    absolute = {
        "absolute_ec50_um": 0.2,
        "absolute_ec50_low_um": 0.1,
        "absolute_ec50_high_um": 0.4,
    }
    best = {"best_dose_um": 0.3}
    for key, value in (("peak", 0.8), ("fall", 0.75)):
        best |= {key: value, f"{key}_low": value - 0.1, f"{key}_high": value + 0.1}
    beyond = {"absolute_ec50_bound": "above", "absolute_ec50_low_um": 10.0}
    up, down = {"bottom": 0.0, "top": 1.0}, {"bottom": 0.0, "top": -1.0}
    compounds = {
        "good": effect("intensity", "fitted") | up | absolute,
        "bad": effect("intensity", "fitted", 0.4)
        | up
        | beyond
        | {"doubts": ["a", "b"]},
        "sinks": effect("intensity", "fitted", 0.3) | down | beyond,
        "hook": effect("intensity", "falls again: best at ...") | best,
        "wild": effect("intensity", "no curve fits: the doses' means ..."),
        "flat": effect("intensity", "no effect"),
    }
    rows = [row | {"treatment": name} for name, row in compounds.items()]
    title, count, header, *lines = text(rows, "b8").splitlines()
    assert title.startswith("Dose response: 3 of 6 compounds have an EC50")
    assert count == (
        "by some encoder 1 rise and fall again, 1 fit no curve: no EC50 is given"
    )
    assert [line.partition("HRCE-1")[2].split(maxsplit=1) for line in lines[:-2]] == [
        ["good", "0.25 [0.125, 0.5], abs. 0.2 [0.1, 0.4] R2 0.90"],
        ["bad", "0.25 [0.125, 0.5], abs. above 10 R2 0.40 *"],
        ["sinks", "falls, 0.25 [0.125, 0.5], abs. above 10 R2 0.30"],
        [
            "hook",
            "falls again: best at 0.3, 0.80 [0.70, 0.90], "
            "then down by 0.75 [0.65, 0.85]",
        ],
        ["wild", "no curve fits"],
    ]
    assert lines[-2] == "* bad, intensity: a; b"
    assert lines[-1] == "not shown: 1 without an effect; the task's .csv has all"


def test_curves_that_are_not_shown_are_counted_by_what_is_known_of_them():
    beyond = "bound: the relative EC50 lies above 10 uM"
    status = {"a": beyond, "b": "no effect", "c": "not identified: ...", "d": beyond}
    rows = [effect("intensity", s) | {"treatment": n} for n, s in status.items()]
    rows += [effect("gan@9/b8", "no effect") | {"treatment": "d"}]
    fitted = [
        effect("intensity", "fitted", 0.9) | {"treatment": f"x{i:02}"}
        for i in range(14)
    ]
    lines = text([*fitted, *rows], "b8").splitlines()
    assert lines[-1] == (
        "not shown: 2 with an EC50, 2 with a bound alone, 1 without an effect, 1 of "
        "which nothing is known; the task's .csv has all"
    )
    assert "not shown" not in text(fitted[:3], "b8")


def test_what_is_missing_is_a_dash():
    rows = [score("gan@0/b8", 0.7), effect("intensity", "no effect")]
    got = text(rows, "b8")
    assert "trained - untrained" not in got
    assert got.splitlines()[-2].startswith("Dose response: 0 of 1 compounds")
    assert text([], "b8") == "no scores"
    assert text([score("gan@0/b16", 0.7)], "b8") == "no scores"


def test_a_task_without_a_table_of_its_own_has_a_plain_one():
    nested = {"of_folds": [0.5] * 40, "none": None, "many": 12345, "is_good": True}
    rows = [
        {
            "task": "depth",
            "set": "gan@9/b8",
            "features": "b8",
            "share": 1 / 3,
            **nested,
        },
        {"task": "depth", "set": "gan@9/b16", "features": "b16", "share": 0.5},
        {"task": "depth", "place": "all\nplates", "share": float("nan")},
    ]
    title, header, first, second = plain_table.text("Depth", rows[::2]).splitlines()
    assert title == "Depth"
    assert header.split() == (
        "set features share of folds none many is good place".split()
    )
    cells = [cell.strip() for cell in first.split("  ") if cell.strip()]
    assert cells[:3] == ["gan@9/b8", "b8", "0.333"]
    assert cells[4:] == ["-", "12,345", "yes", "-"]
    assert "0.5, 0.5" in first and first.count("0.5") < 40 and "..." in first
    assert "all plates" in second and "nan" not in second
    assert score_table.shown(rows, "b8") == rows[::2]
    many = plain_table.text("Depth", rows[:1] * 100).splitlines()
    assert len(many) == 2 + plain_table.SHOWN + 1 and many[-1] == "and 60 more rows"


def test_a_task_that_marks_nothing_itself_is_marked(monkeypatch):
    learnt = {"encoder": "gan@9", "value": 0.5, "labels_seen": True}
    other = {"encoder": "gan@0", "value": 0.4, "labels_seen": False}
    for own in ({}, {"table": lambda rows: "its own words"}):
        task = types.SimpleNamespace(**own)
        monkeypatch.setattr(task_tables.modules, "load", lambda *_, task=task: task)
        text = task_tables.text({"new": [learnt, other]}, "b8")
        assert "labels seen: gan@9 learnt labels of records that are judged" in text
        assert "labels seen" not in task_tables.text({"new": [other]}, "b8")
