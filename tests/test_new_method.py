"""docs/new_method.md: what it writes out is a method, and new files are all it takes.

A copy of the package, with the page's two files in it, runs the jobs of a new user.
"""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from gandl_jax import modules

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCKS = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with a copy of the package that holds the page's method as well."""
    folder = tmp_path_factory.mktemp("new_method")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gandl_jax", folder / "gandl_jax", ignore=ignored)
    blocks = BLOCKS.findall((ROOT / "docs" / "new_method.md").read_text())
    home = folder / "gandl_jax" / "methods" / "turns"
    home.mkdir()
    for name, block in zip(("options", "method"), blocks, strict=True):
        (home / f"{name}.py").write_text(block)
    return folder


@pytest.fixture(scope="module")
def report(package, run):
    """The page that all jobs of the smoke screen end with, and what they print."""
    told = run("prepare,train,embed,evaluate,report", "evaluate.tasks=batch_effects")
    return (package / "run" / "report" / "index.html").read_text(), told


@pytest.fixture(scope="module")
def run(package, smoke_screen):
    """Runs jobs with the page's method on the screen of all tests."""
    return functools.partial(_run, package, smoke_screen)


def _run(package, screen, jobs, *settings, code=0):
    """What the program prints."""
    words = (
        f"--config={ROOT}/configs/demo.py:smoke,method=turns",
        f"--workdir={package}/run",
        f"--job={jobs}",
        f"--config.data.source_dir={screen.source}",
        f"--config.data.dir={screen.prepared}",
        *(f"--config.{setting}" for setting in settings),
    )
    done = subprocess.run(
        [sys.executable, "-m", "gandl_jax.main", *words],
        env=dict(os.environ, PYTHONPATH=str(package)),
        cwd=package,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_it_is_60_lines():
    blocks = BLOCKS.findall((ROOT / "docs" / "new_method.md").read_text())
    assert sum(1 for line in "".join(blocks).splitlines() if line.strip()) <= 60


@pytest.mark.slow
def test_its_features_and_its_curve_are_in_the_report(package, report):
    page, _ = report
    assert "turns@5" in page and "Gidaris" in page
    assert "Losses during training" in page
    profiles = package / "run" / "profiles" / "simulated"
    assert {path.name for path in profiles.iterdir()} == {
        "turns@0",
        "turns@5",
        "intensity",
    }


@pytest.mark.slow
def test_nothing_in_the_report_is_of_another_method(report):
    page, _ = report
    for word in ("StyleGAN", "discriminator", "R1 weight", "Mascolini", "path length"):
        assert word not in page


@pytest.mark.slow
def test_doctor_finds_nothing_amiss(run, report):
    told = run("doctor")
    assert "turns on simulated" in told and "BAD" not in told


@pytest.mark.slow
def test_an_option_of_its_own_is_known_and_another_ones_is_not(run, report):
    told = run("train", "model.blocks=5", code=2)
    assert "multiple of 32" in told and len(told.splitlines()) == 1
    told = run("train", "method.r1_weight=1", code=2)
    assert "is an option of the method gan, and this config's is turns" in told


@pytest.mark.slow
def test_no_file_of_the_product_was_touched(package, report):
    for path in (ROOT / "gandl_jax").rglob("*.py"):
        copy = package / "gandl_jax" / path.relative_to(ROOT / "gandl_jax")
        assert copy.read_bytes() == path.read_bytes()


def test_the_folders_are_what_a_config_may_name():
    folders = {p.parent.name for p in (ROOT / "gandl_jax/methods").glob("*/method.py")}
    assert set(modules.names("methods", "Method")) == folders
    assert {"gan", "autoencoder", "classifier"} <= folders
