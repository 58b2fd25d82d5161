"""What `import gandl_jax` costs and offers."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import numpy as np
import pytest
from PIL import Image

import gandl_jax as gj

ROOT = pathlib.Path(__file__).parents[1]
LIGHT = """
import json, sys, time
begun = time.process_time()
import gandl_jax
spent = time.process_time() - begun
print(json.dumps([spent, sorted(sys.modules)]))
"""
HEAVY = {"jax", "flax", "pandas", "tensorflow", "sklearn", "matplotlib", "scipy"}


def test_importing_it_is_light():
    run = [sys.executable, "-c", LIGHT]
    spent, names = json.loads(subprocess.run(run, capture_output=True).stdout)
    assert spent < 0.3  # seconds of a core
    assert not HEAVY & {name.partition(".")[0] for name in names}


def test_what_it_offers_is_listed_and_there():
    for name in gj._OFFERED:
        assert name in dir(gj) and getattr(gj, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'embedd'"):
        gj.embedd  # noqa: B018


def test_profiles_is_the_function_whatever_was_imported():
    from gandl_jax.profiles import store

    assert callable(gj.profiles) and store.__name__ == "gandl_jax.profiles.store"
    assert gj.profiles.__module__ == "gandl_jax.api.workdirs"


def python(*words, **options):
    """Runs Python with words, and what a clone would lend it left out."""
    without = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [*map(str, words)], env=without, capture_output=True, text=True, **options
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built from what a fresh clone has, by this Python's setuptools."""
    source, folder = (tmp_path_factory.mktemp(name) for name in ("clone", "wheel"))
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("gandl_jax", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    for name in ("setup.py", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / name, source)
    offline = "--no-deps", "--no-build-isolation", "--no-index"
    done = python(
        sys.executable, "-m", "pip", "wheel", *offline, "-w", folder, source, cwd=source
    )
    assert done.returncode == 0, done.stderr
    return next(folder.glob("gandl_jax-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of a new environment's programs, with the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("env")
    done = python(sys.executable, "-m", "venv", "--without-pip", folder)
    assert done.returncode == 0, done.stderr
    packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
    # Others' packages are those of this environment; a clone that is installed here is
    # found by a .pth of its own, which a folder named in a .pth does not read.
    theirs = sysconfig.get_path("purelib")
    pathlib.Path(packages, "others.pth").write_text(f"{theirs}\n")
    done = python(
        *(sys.executable, "-m", "pip", "--python", folder / "bin/python", "install"),
        *("--no-deps", "--no-index", "--ignore-installed", wheel),
    )
    assert done.returncode == 0, done.stderr
    return folder / "bin"


@pytest.mark.slow
def test_a_wheel_has_every_file_of_the_package_and_the_configs(wheel):
    wanted = {
        str(path.relative_to(ROOT))
        for name in ("gandl_jax", "configs")
        for path in (ROOT / name).rglob("*.*")
        if path.is_file() and path.suffix != ".pyc"
    }
    inside = {
        f"gandl_jax/{name}" if name.startswith("configs/") else name for name in wanted
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert names == inside
        demo = archive.read("gandl_jax/configs/demo.py")
    assert demo == (ROOT / "configs/demo.py").read_bytes()


@pytest.mark.slow
def test_what_is_installed_runs_from_an_empty_folder(installed, tmp_path):
    command, empty = installed / "gandl-jax", tmp_path / "empty"
    empty.mkdir()

    def run(*words):
        return python(command, *words, cwd=empty)

    where = "import gandl_jax; print(gandl_jax.__file__)"
    found = python(installed / "python", "-c", where, cwd=empty).stdout
    assert found.startswith(str(installed.parent))
    helped = run("--help")
    assert helped.returncode == 0 and "gandl_jax:NAME" in helped.stdout
    wrong = run("--config=gandl_jax:dem", "--job=all")
    assert wrong.returncode == 2 and "'gandl_jax:demo'?" in wrong.stderr
    assert list(empty.iterdir()) == []

    done = run("--config=gandl_jax:demo:smoke", "--job=prepare")
    assert done.returncode == 0, done.stderr
    record = json.loads((empty / "runs/demo-smoke/config.json").read_text())
    assert "--config=gandl_jax:demo:smoke" in record["command"]
    doctor = run("--config=gandl_jax:demo:smoke", "--job=doctor")
    assert doctor.returncode == 0 and "--config=gandl_jax:demo:smoke" in doctor.stdout


@pytest.mark.slow
def test_an_installed_program_begins_with_a_folder_of_images(installed, tmp_path):
    images = tmp_path / "images/plate1"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in (
        f"{w}_s{s}_{c}.png" for w in ("A01", "A02") for s in "12" for c in "ab"
    ):
        pixels = rng.integers(0, 255, (16, 16), np.uint8)
        Image.fromarray(pixels).save(images / name)
    words = (
        "--config=mine.py",
        "--job=init",
        f"--config.data.source_dir={images.parent}",
    )
    done = python(installed / "gandl-jax", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine.py").is_file()
