"""The table of several screens, from CSV files written out here."""

import pandas as pd
import pytest
from PIL import Image

from gandl_jax import csv_files
from gandl_jax import main as program


def row(arm, role, value, *, leads=True, gain=None, seconds="", learnt=False):
    made = {"arm": arm, "role": role, "value": value, "low": value - 0.1}
    made |= {
        "metric": "balanced_accuracy",
        "high": value + 0.05,
        "chance": 0.25,
        "leads": leads,
    }
    made |= {"seconds": seconds, "memory_bytes": 3 * 2**29 if seconds else ""}
    made["labels_seen"] = learnt
    ends = ("", "", "") if gain is None else (gain, gain - 0.1, gain + 0.2)
    names = (f"minus_untrained_{key}" for key in ("value", "low", "high"))
    return made | dict(zip(names, ends, strict=True))


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "first").mkdir()
    kept = {
        "cells": [
            row("gan", "trained", 0.5, gain=0.05, seconds=60),
            row("gan", "untrained", 0.45),
            row("gan", "trained", 0.9, leads=False, gain=0.0, seconds=60),
            row("classifier", "trained", 0.7, gain=0.3, seconds=90, learnt=True),
            row("classical", "floor", 0.6),
            row("plate", "floor", 0.3),
        ],
        "nuclei": [
            row("gan", "trained", 0.8, gain=-0.02, seconds=120),
            row("gan", "untrained", 0.82),
            row("intensity", "floor", 0.31),
        ],
    }
    for screen, rows in kept.items():
        path = tmp_path / f"first/{screen}_compared.csv"
        csv_files.write(path, pd.DataFrame(rows))
    return tmp_path


def compare_screens(folder, *arguments):
    return program.main(
        [
            "--config=configs/demo.py",
            "--job=compare_screens",
            f"--workdir={folder / 'all'}",
            f"--config.compare.tables={folder}/*/*_compared.csv",
            *arguments,
        ]
    )


def test_arms_stand_beside_one_another_on_each_screen(tables):
    assert compare_screens(tables) == 0
    assert (tables / "all/compare_screens/table.md").read_text() == (
        "|  | `cells` | gain | `nuclei` | gain | time | memory |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| classifier | 0.700 [0.600, 0.750] (labels seen) | +0.300 [+0.200, +0.500] "
        "| – |  | 1:30 | 1.5 GiB |\n"
        "| gan | 0.500 [0.400, 0.550] | +0.050 [-0.050, +0.250] | 0.800 [0.700, 0.850] "
        "| -0.020 [-0.120, +0.180] | 1:00 to 2:00 | 1.5 GiB |\n"
        "| classical | 0.600 [0.500, 0.650] |  | – |  |  |  |\n"
        "| intensity | – |  | 0.310 [0.210, 0.360] |  |  |  |\n"
        "| guessing | 0.250 |  | 0.250 |  |  |  |\n"
    )
    with Image.open(tables / "all/compare_screens/scores.png") as picture:
        assert picture.width > 500 and len(picture.getcolors(1 << 24)) > 10
    rows = csv_files.read(tables / "all/compare_screens/scores.csv")
    assert len(rows) == 8 and set(rows["screen"]) == {"cells", "nuclei"}


def test_the_last_named_table_counts(tables):
    again = tables / "second/cells_compared.csv"
    again.parent.mkdir()
    csv_files.write(again, pd.DataFrame([row("gan", "trained", 0.55, seconds=70)]))
    assert compare_screens(tables) == 0
    told = (tables / "all/compare_screens/table.md").read_text()
    assert "| gan | 0.550 [" in told and "0.500 [0.400" not in told


@pytest.mark.parametrize(
    "text, told",
    [
        (
            "arm,role\ngan,trained\n",
            "is no table of a comparison: it lacks metric, value",
        ),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_comparison_is_refused(text, told, tables, capsys):
    (tables / "first/cells_compared.csv").write_text(text)
    assert compare_screens(tables) == 2
    assert told in capsys.readouterr().err
    assert not (tables / "all/compare_screens").exists()


def test_no_table_is_told(tables, capsys):
    assert compare_screens(tables, "--config.compare.tables=nowhere/*") == 2
    assert "nowhere/* finds no file" in capsys.readouterr().err.replace("'", "")


def test_floors_that_are_judged_in_several_ways_have_a_line_each(tables):
    path = tables / "first/stages_compared.csv"
    rows = [row("plain (in time)", "trained", 0.7, gain=0.1, seconds=60)]
    for name in ("time alone", "intensity"):
        rows += [row(f"{name} ({way})", "floor", 0.4) for way in ("in time", "alone")]
    csv_files.write(path, pd.DataFrame(rows))
    assert compare_screens(tables, f"--config.compare.tables={path}") == 0
    lines = (tables / "all/compare_screens/table.md").read_text().splitlines()[2:]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == [
        "plain (in time)",
        "classical",
        "intensity (in time)",
        "intensity (alone)",
        "time alone (in time)",
        "time alone (alone)",
        "guessing",
    ]
