"""Results that are not as they were written: made again, or refused in a sentence."""

import json

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs import evaluate
from gandl_jax.jobs.report import job as report_job
from gandl_jax.judging import task_results
from gandl_jax.profiles import store

INPUTS = {"profiles": {"gan@9": "abc"}, "options": {"draws": 50}}


@pytest.fixture
def path(tmp_path):
    rows = [{"set": "gan@9/b8", "value": 0.875, "low": None, "folds": [1, 2]}]
    content = {"rows": rows, "skipped": None, "warnings": [], "inputs": INPUTS}
    task_results.write(tmp_path / "tasks/x/control_classification.json", content)
    return tmp_path / "tasks/x/control_classification.json"


@pytest.mark.parametrize("count", [100, pytest.param(300, marks=pytest.mark.slow)])
def test_no_flipped_bit_gives_another_result(path, flipped, count):
    before = task_results.read(path)
    assert task_results.is_done(path, INPUTS, must=True)
    for _ in flipped(path, count):
        if task_results.is_done(path, INPUTS, must=False):  # a blank became another one
            assert task_results.read(path) == before


@pytest.mark.parametrize(
    "wrong",
    [{"rows": None}, {"rows": [1]}, {"skipped": 0}, {"inputs": "x"}, {"rows": {}}],
)
def test_values_of_another_type_are_made_again(path, wrong):
    sealed_json.write(path, task_results.read(path) | wrong)
    assert not task_results.is_done(path, INPUTS, must=False)


@pytest.fixture
def workdir(tmp_path):
    """A screen of 48 wells with one feature set."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "Metadata_Site_ID": [f"{i}" for i in range(48)],
            "Metadata_Experiment": "E",
            "Metadata_Cell_Type": "M",
            "Metadata_Plate": ["1", "2"] * 24,
            "Metadata_Well": [f"A{i // 2 + 1:02d}" for i in range(48)],
            "Metadata_Treatment": "",
            "Metadata_Concentration_uM": np.nan,
            "Metadata_Role": ["response_0"] * 24 + ["response_1"] * 24,
        }
    )
    directory = tmp_path / "w/profiles/simulated/intensity"
    store.claim(directory, {"saw_images": False})
    features = {"intensity": rng.normal(size=(48, 3))}
    store.write_part(directory / "part-00000.parquet", table, features)
    store.finish(directory)
    return tmp_path / "w"


@pytest.fixture
def config():
    made = configs.default()
    made.evaluate.update(bootstrap_draws=20, tasks="control_classification")
    return made


def test_evaluate_makes_a_damaged_result_again(workdir, config, capsys):
    evaluate.run(config, workdir)
    path = workdir / "tasks/simulated/control_classification.json"
    whole = json.loads(path.read_text())
    digit = next(i for i, c in enumerate(path.read_text()) if c == ".") + 1
    data = bytearray(path.read_bytes())
    data[digit] ^= 1
    path.write_bytes(data)
    capsys.readouterr()
    evaluate.run(config, workdir)
    told = capsys.readouterr().out
    assert f"{path} is damaged or old: it is made again" in told
    assert json.loads(path.read_text())["rows"] == whole["rows"]


def test_the_report_names_what_is_damaged(workdir, config, capsys):
    evaluate.run(config, workdir)
    path = workdir / "tasks/simulated/control_classification.json"
    path.write_text(path.read_text().replace('"intensity"', '"intensitz"', 1))
    (workdir / "metrics.jsonl").write_text('{"step": 1, "images": 8}\n{"step": 2,\n')
    report_job.run(config, workdir)
    told = capsys.readouterr().out
    page = (workdir / "report/index.html").read_text()
    for words in (
        "control_classification.json is not as it was written: run --job=evaluate",
        "metrics.jsonl: line 2 is damaged and left out",
    ):
        assert words in told and words in page
    assert "evaluate again" in page


@pytest.mark.parametrize("wrong", [{"rows": [{}]}, {"rows": [{"set": 3}]}])
def test_a_former_result_of_another_shape_is_one_sentence(workdir, config, wrong):
    path = workdir / "tasks/simulated/dose_response.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"skipped": None, "warnings": [], **wrong}))
    with pytest.raises(InputError, match="dose_response.json is not as results are"):
        report_job.run(config, workdir)


def test_damaged_features_are_named_by_the_report(workdir, config, capsys):
    part = workdir / "profiles/simulated/intensity/part-00000.parquet"
    data = bytearray(part.read_bytes())
    data[200] ^= 4
    part.write_bytes(data)
    report_job.run(config, workdir)
    words = "intensity is left out: part-00000.parquet is not as it was written"
    assert words in capsys.readouterr().out
    with pytest.raises(InputError, match="part-00000.parquet is damaged"):
        evaluate.run(config, workdir)
