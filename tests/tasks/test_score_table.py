"""The printed table against one written by hand."""

from gandl_jax.tasks import score_table


def accuracy(name, value, metric="balanced_accuracy", gain=None):
    return {
        "task": "control_classification",
        "set": name,
        "encoder": name.partition("/")[0],
        "features": name.rpartition("/")[2],
        "group": "HRCE",
        "split": "plate",
        "leaky": False,
        "metric": metric,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "untrained_difference": gain,
    }


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


GAIN = {"against": "gan@0/b8", "value": 0.1, "low": -0.05, "high": 0.25}
ROWS = [
    accuracy("gan@20/b8", 0.75, gain=GAIN),
    accuracy("gan@100/b8", 0.8, gain=GAIN),
    accuracy("gan@100/b16", 0.9, gain=GAIN),
    accuracy("gan@0/b8", 0.7),
    accuracy("intensity", 0.6),
    effect("gan@100/b8", "fitted"),
    effect("gan@0/b8", "not identified: the EC50 has no limit above"),
    effect("intensity", "no effect"),
    effect("gan@100/b8", "no effect") | {"treatment": "inert"},
]
# fmt: off
TABLE = """\
Control classification, balanced accuracy [95 % interval over wells]
cell model  split      level  trained (gan@100)     untrained (gan@0)     intensity             trained - untrained
HRCE        plate out  sites  0.800 [0.700, 0.900]  0.700 [0.600, 0.800]  0.600 [0.500, 0.700]  +0.100 [-0.050, +0.250]

Dose response: 1 of 2 compounds have an EC50 by some encoder; in uM [95 % interval], R2 over wells
cell model  experiment  treatment  trained (gan@100)           untrained (gan@0)  intensity
HRCE        HRCE-1      GS-441524  0.25 [0.125, 0.5] R2 0.90  not identified     no effect"""  # noqa: E501
# fmt: on


def test_side_by_side():
    got = score_table.text(ROWS, "b8").splitlines()
    assert [line.split() for line in got] == [x.split() for x in TABLE.splitlines()]
    assert got[1].index("untrained") == got[2].index("0.700 [0.600")
    assert got[5].index("untrained") == got[6].index("not identified")


def test_what_is_missing_is_a_dash():
    rows = [accuracy("gan@0/b8", 0.7), effect("intensity", "no effect")]
    text = score_table.text(rows, "b8")
    assert "trained (gan@0)" in text and text.splitlines()[2].split()[-2:] == ["-", "-"]
    assert text.splitlines()[-1].startswith("Dose response: 0 of 1 compounds")
    assert score_table.text([], "b8") == "no scores"
