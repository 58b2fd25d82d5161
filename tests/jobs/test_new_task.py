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

PAGE = "docs/new_task.md"
FEATURES = np.array([[3, -4], [0, 0], [1, 1]], np.float32)
PACKAGE = pathlib.Path(gandl_jax.__file__).parent
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
    page = (PACKAGE.parent / PAGE).read_text()
    written_out = page.partition("```python\n")[2].partition("```")[0]
    for name, text in (("components", written_out), ("silent_count", SILENT)):
        path = tmp_path / f"gandl_jax/tasks/{name}.py"
        assert not path.exists()
        path.write_text(text)
    metadata = pd.DataFrame({"Metadata_Site_ID": ["a", "b", "c"]})
    directory = tmp_path / "run/profiles/simulated/intensity"
    store.write_part(
        directory / "part-00000.parquet", metadata, {"intensity": FEATURES}
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
    wrong = typed(somebody, "--config.evaluate.components.shar=1")
    assert wrong.returncode == 2
    assert "did you mean 'evaluate.components.share'" in wrong.stderr
    done = typed(somebody, "--config.evaluate.components.share=0.99")
    assert done.returncode == 0, done.stderr
    variance = np.linalg.eigvalsh(np.cov(FEATURES.T))
    assert variance[1] / variance.sum() < 0.99, "so that both components are needed"
    assert "Principal components: components\nintensity: 2 of 2\n" in done.stdout
    table = done.stdout.partition("Silent count\n")[2].splitlines()
    assert table[0].split()[-1] == "share" and table[1].split()[-1] == "0.333"
    result = json.loads((somebody / "run/tasks/simulated/components.json").read_text())
    assert result["inputs"]["options"]["share"] == 0.99
    page = (somebody / "run/report/index.html").read_text()
    for words in (
        "<h2>Principal components\n<small>simulated</small></h2>",
        '<a href="#components-simulated">Principal components</a>',
        "<p>Sets of few components (&lt; 10) see little of the cells.</p>",
        "<td>intensity</td>\n<td>2</td>",
        "<h2>Silent count\n<small>simulated</small></h2>",
        "<td>{&quot;&lt;b&gt;&quot;: 3}</td>\n<td>0.333</td>",
    ):
        assert words in page
    numbers = pd.read_csv(somebody / "run/report/data/silent_count.csv")
    assert numbers["share"].tolist() == [1 / 3]
    assert json.loads(numbers["records_of_plate"][0]) == {"<b>": 3}
