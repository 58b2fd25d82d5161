"""The benchmark: which parts run, how bad input is told, what is printed."""

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import job as benchmark_job
from gandl_jax.prepared import prepared


@pytest.fixture
def config(tmp_path):
    """Neither a raw screen nor a prepared one."""
    c = configs.default()
    c.data.update(source_dir=str(tmp_path / "raw"), dir=str(tmp_path / "prepared"))
    return c


def test_parts_are_what_the_folders_allow(config, tmp_path, monkeypatch):
    always = ["training", "augmentation", "checkpoints", "embedding", "evaluation"]
    assert benchmark_job._stages(config) == always
    (tmp_path / "raw").mkdir()
    assert benchmark_job._stages(config)[:2] == ["conversion", "training"]
    monkeypatch.setattr(prepared, "is_complete", lambda _: True)
    assert benchmark_job._stages(config) == [
        "conversion",
        "reading",
        "training",
        "augmentation",
        "checkpoints",
        "embedding",
        "evaluation",
    ]
    config.benchmark.parts = ("embedding", "reading")
    assert benchmark_job._stages(config) == ["reading", "embedding"]


@pytest.mark.parametrize(
    "part, key", [("conversion", "source_dir"), ("reading", "dir")]
)
def test_a_part_without_its_screen_is_told(config, part, key):
    config.benchmark.parts = (part,)
    with pytest.raises(InputError, match=f"{part!r}, but .* \\(config.data.{key}\\)"):
        benchmark_job._stages(config)


def test_a_part_that_is_unknown_is_told(config):
    config.benchmark.parts = ("training", "reeding")
    with pytest.raises(InputError, match="no benchmark.parts 'reeding'.*'reading'"):
        config_checks.validate(config, ["benchmark"])


def test_bad_input_is_told_before_anything_is_measured(config, tmp_path):
    config.train.batch = 12  # found by another process, which has 8 devices
    with pytest.raises(InputError, match="a batch of 12 does not split"):
        benchmark_job.run(config, tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_figures_are_lines_and_rows_a_table(capsys):
    rows = [{"phase": "d", "ms": 12345.678}, {"phase": "g_main", "ms": 2.0}]
    benchmark_job._show(
        "x", {"batch": 8, "share": 0.12345, "phases": rows, "whole": []}
    )
    assert capsys.readouterr().out.splitlines() == [
        "  x  batch   8",
        "  x  share   0.1235",
        "  x  phases",
        "     phase      ms",
        "         d  12,346",
        "    g_main       2",
        "  x  whole",
        "    none",
    ]
