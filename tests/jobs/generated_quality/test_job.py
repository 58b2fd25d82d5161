"""A training judges what it draws, and the job goes on from what it found."""

import json

import pytest

from gandl_jax import csv_files, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs.generated_quality.running import choose_steps

WORDS = (
    "--config.model.width=4",
    "--config.model.blocks=1",
    "--config.train.total_images=64",
    "--config.train.hold_out=plate#1/4",
    "--config.generated_quality.images=24",
    "--config.generated_quality.batch=16",
)


def test_steps_are_all_or_those_named():
    steps = [0, 500, 1000]
    assert choose_steps((), steps) == steps
    assert choose_steps(("last", "500", "first"), steps) == steps
    with pytest.raises(InputError, match=r"generated_quality\.steps.*'7'"):
        choose_steps(("7",), steps)
    with pytest.raises(InputError, match="no checkpoint in the workdir"):
        choose_steps((), [])


@pytest.mark.slow
def test_a_schedule_the_job_and_the_report(run, tmp_path, capsys):
    every = "--config.generated_quality.every_images=32"
    jobs = "--job=prepare,train"
    assert run(tmp_path, jobs, every, *WORDS, method="small_gan") == 0
    (folder,) = (path for path in (tmp_path / "generated_quality").iterdir())
    assert sorted(path.name for path in folder.glob("*.json")) == ["1.json", "2.json"]
    before = (folder / "2.json").read_bytes()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    name = "generated/random_kernel_distance"
    rows = sealed_json.read_own(folder / "2.json")["rows"]
    assert rows[0]["channel"] == "" and len(rows) == 1 + 5
    logged = [line[name] for line in metrics if name in line]
    assert rows[0]["kernel_distance"] in logged or len(logged) == 1
    jobs = (
        "--job=generated_quality,report",
        "--config.generated_quality.spaces=random",
    )
    assert run(tmp_path, *jobs, *WORDS, method="small_gan") == 0
    assert (folder / "2.json").read_bytes() == before, "it draws what training drew"
    told = capsys.readouterr().out
    assert "records that are trained on" in told and "held out" in told
    table = csv_files.read(folder / "rows.csv")
    assert set(table["step"]) == {"0", "1", "2"} and len(table) == 18
    page = (tmp_path / "report/index.html").read_text()
    assert "How good are the generated images?" in page
    wrong = "--config.generated_quality.spaces=randon"
    assert run(tmp_path, jobs[0], wrong, *WORDS, method="small_gan") == 2
    assert "'random'" in capsys.readouterr().err
