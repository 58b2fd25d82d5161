"""The cells of docs/python.ipynb run, on a smaller screen than they were run on."""

import json
import pathlib
import re

import pytest

from gandl_jax.errors import InputError

NOTEBOOK = pathlib.Path(__file__).parents[1] / "docs/python.ipynb"
MOST_BYTES = 300_000
# Names of the notebook's checkpoint and set, and those of the tests' network.
SMALLER = {"gan@30": "gan@1", "b64": "b8"}


def cells():
    """The code cells, in order."""
    found = json.loads(NOTEBOOK.read_text())["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def test_it_was_run_from_top_to_bottom_and_is_small():
    counts = [cell["execution_count"] for cell in cells()]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in cells() for output in cell["outputs"]]
    assert not any(output["output_type"] == "error" for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 5
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    assert not re.search(r"/(home|root|tmp|work)/", NOTEBOOK.read_text())


def test_its_numbers_are_those_of_the_job():
    cell = next(cell for cell in cells() if "gj.embed(" in "".join(cell["source"]))
    text = "".join(cell["outputs"][-1]["data"]["text/plain"])
    assert float(text.rstrip(")").rpartition(" ")[2]) < 1e-6


@pytest.mark.slow
def test_its_cells_run(run, trained, smoke_screen, tmp_path, monkeypatch):
    other = tmp_path / "runs/demo-autoencoder"
    steps = "--config.train.total_images=32"
    assert run(other, "--job=train,embed", steps, method="autoencoder") == 0
    for place, target in {
        "runs/demo": trained,
        "data/raw/simulated": smoke_screen.source,
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in cells():
        source = "".join(line for line in cell["source"] if line[0] != "%")
        for ours, smaller in SMALLER.items():
            source = source.replace(ours, smaller)
        try:
            exec(compile(source, NOTEBOOK.name, "exec"), names)
        except InputError as error:  # too few doses on the tests' screen
            assert "no curve has" in str(error) and "gj.plot" in source
    assert abs(names["features"].values - names["written"].values).max() < 1e-6
    assert len(names["curves"]) and len(names["wells"]) and len(names["compared"])
