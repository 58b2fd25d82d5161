"""A task of somebody else's: one new file, and every job shows what it computes."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import gandl_jax
from gandl_jax.profiles import store

PACKAGE = pathlib.Path(gandl_jax.__file__).parent
WORDY = '''
"""How far apart are wells? With words of its own."""

TITLE = "Depth & breadth"
METRIC = "mean distance"
OPTIONS = {"power": 2, "normalize": "none"}  # of the mean; of the features
LOWEST = {"power": 1}


def check(metadata, options):
    assert options["normalize"] == "none" and options["svm_c"] == 1.0


def run(sets, splits, *, power, normalize, **shared):
    assert splits == []
    return [
        {
            "task": "depth", "set": name, "encoder": sets[name].encoder,
            "features": sets[name].short_name, "normalize": normalize,
            "value": float((abs(sets[name].features) ** power).mean() ** (1 / power)),
        }
        for name in sets
    ]


def table(rows):
    return "\\n".join(f"depth of {row['set']}: {row['value']:.4f}" for row in rows)


def chapter(rows):
    depths = [{"name": row["set"], "depth": row["value"]} for row in rows]
    return ["Depths are <deep>.", depths]
'''
SILENT = """
def run(sets, splits, **options):
    return [{"task": "silent_count", "records_of_plate": {"<b>": 3}, "share": 1 / 3}]
"""


@pytest.fixture
def somebody(tmp_path):
    """A copy of the package with two more files, and a workdir with features."""
    shutil.copytree(
        PACKAGE, tmp_path / "gandl_jax", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, text in (("depth", WORDY), ("silent_count", SILENT)):
        path = tmp_path / f"gandl_jax/tasks/{name}.py"
        assert not path.exists()
        path.write_text(text)
    metadata = pd.DataFrame({"Metadata_Site_ID": ["a", "b", "c"]})
    directory = tmp_path / "run/profiles/simulated/intensity"
    features = np.array([[3.0, -4.0], [0, 0], [1, 1]], np.float32)
    store.write_part(
        directory / "part-00000.parquet", metadata, {"intensity": features}
    )
    store.finish(directory)
    return tmp_path


def typed(folder, *words):
    config = PACKAGE.parent / "configs/demo.py"
    command = [sys.executable, "-m", "gandl_jax.main", f"--config={config}:smoke"]
    command += ["--workdir=run", "--job=evaluate,report", *words]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )


def test_a_new_task_is_new_files_only(somebody):
    mine = "--config.evaluate.depth"
    wrong = typed(somebody, f"{mine}.powr=1")
    assert wrong.returncode == 2
    assert "did you mean 'evaluate.depth.power'" in wrong.stderr
    wrong = typed(somebody, f"{mine}.power=0")
    assert wrong.returncode == 2 and "depth.power=0 should be 1" in wrong.stderr
    done = typed(somebody, "--config.evaluate.tasks=all", f"{mine}.power=1")
    assert done.returncode == 0, done.stderr
    assert "depth of intensity: 1.5000" in done.stdout, "(3 + 4 + 1 + 1) / 6"
    *_, table = done.stdout.partition("Silent count\n")
    assert [line.split("  ")[-1] for line in table.splitlines()[:2]] == [
        "share",
        "0.333",
    ]
    result = json.loads((somebody / "run/tasks/simulated/depth.json").read_text())
    assert result["inputs"]["options"]["power"] == 1
    page = (somebody / "run/report/index.html").read_text()
    for words in (
        "<h2>Depth &amp; breadth\n<small>simulated</small></h2>",
        '<a href="#depth-simulated">Depth &amp; breadth</a>',
        "<p>Depths are &lt;deep&gt;.</p>",
        "<td>intensity</td>\n<td>1.5</td>",
        "<h2>Silent count\n<small>simulated</small></h2>",
        "<td>{&quot;&lt;b&gt;&quot;: 3}</td>\n<td>0.333</td>",
    ):
        assert words in page
    numbers = pd.read_csv(somebody / "run/report/data/silent_count.csv")
    assert numbers["share"].tolist() == [1 / 3]
    assert json.loads(numbers["records_of_plate"][0]) == {"<b>": 3}
