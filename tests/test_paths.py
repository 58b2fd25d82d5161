"""Paths that a user names: all that a disk allows, `~` as a shell has it."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
from etils import epath

from gandl_jax import command_line, paths
from gandl_jax import config as configs
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.errors import InputError

NAMES = ["x [1]", "[!a]", "a*b", "a?b", "{a,b}", "100%", "%41", "a#b", "-a", "~", "b~"]
NAMES += ['it\'s "q"', "Übung α", "new\nline", " a ", "a:b", "$HOME", "a&b;c|d"]


@pytest.mark.parametrize("name", NAMES)
def test_folders_are_searched_and_listed_as_pathlib_does(name, tmp_path):
    folder = tmp_path / name / "inner"
    for path in ("part-1.x", "part-2.x", "sub/part-3.x", "part-4.x~", "[ab].x", "a.x"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    for pattern in ("part-*.x", "*/part-*", "*", "[ab].x", "no*"):
        found = [os.fspath(path) for path in epath.Path(folder).glob(pattern)]
        assert sorted(found) == sorted(map(os.fspath, folder.glob(pattern)))
    listed = [os.fspath(path) for path in epath.Path(folder).iterdir()]
    assert sorted(listed) == sorted(map(os.fspath, folder.iterdir()))


def test_a_checkpoint_below_any_folder_can_be_read(tmp_path):
    workdir = tmp_path / "".join(n for n in NAMES if "\n" not in n) / "w [2]"
    workdir.mkdir(parents=True)
    tree = {"w": np.arange(6, dtype=np.float32)}
    saved = Checkpoints(workdir)
    saved.save(0, {"encoder": tree}, {})
    saved.close()
    found = Checkpoints(workdir).arrays(0, "encoder")
    np.testing.assert_array_equal(found["['w']"], tree["w"])


@pytest.mark.parametrize("path", ["~", "~/x y", "~root/x", "~nobody-here/x", "a/~", ""])
def test_a_home_is_expanded_as_a_shell_does(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    quoted = path.replace(" ", "\\ ")
    by_shell = subprocess.check_output(["bash", "-c", f"printf %s {quoted}"], text=True)
    config = configs.default()
    for group, key in (name.split(".") for name in (*paths.FILES, *paths.NETWORKS)):
        config[group][key] = path
    config.compare.workdirs = (path, path)
    paths.expand_all(config)
    for group, key in (name.split(".") for name in (*paths.FILES, *paths.NETWORKS)):
        assert config[group][key] == by_shell
    assert config.compare.workdirs == (by_shell, by_shell)


def test_a_home_is_expanded_wherever_the_command_names_one(tmp_path, monkeypatch):
    root = pathlib.Path(__file__).parents[1]
    monkeypatch.setenv("HOME", str(root))
    values = command_line.define_flags()
    values(["gandl_jax", "--config=~/configs/demo.py", "--workdir=~/w", "--job=plan"])
    config, _, workdir = command_line.resolve(values, {"data.dir": "~/x"})
    assert (str(workdir), config.data.dir) == (f"{root}/w", f"{root}/x")


@pytest.mark.parametrize(
    "key, path, told",
    [
        ("workdir", "a\\b/w", "backslash"),
        ("embed.checkpoint", "a\\b", "backslash"),
        ("train.start_from", "/x/a\\b", "backslash"),
        ("workdir", "gs:/bucket/w", "of a bucket"),
        ("data.dir", "/x/s3:/w", "of a bucket"),
        ("data.source_dir", "/gs/x", "/gs, which is taken for gs://"),
        ("imported.file", "\udcff.csv", "UTF-8"),
        ("compare.workdirs", "\udcff", "UTF-8"),
    ],
)
def test_what_a_library_would_misread_is_refused_at_once(key, path, told):
    config, workdir = configs.default(), "w"
    if key == "workdir":
        workdir = path
    else:
        group, name = key.split(".")
        config[group][name] = (path,) if key in paths.WORKDIRS else path
    with pytest.raises(InputError, match=told) as error:
        paths.check_all(config, workdir)
    assert key in str(error.value) and "rename" in str(error.value)


def test_what_is_above_the_working_directory_counts(tmp_path, monkeypatch):
    (tmp_path / "a\\b").mkdir()
    monkeypatch.chdir(tmp_path / "a\\b")
    with pytest.raises(InputError, match="backslash"):
        paths.check_all(configs.default(), "w")
    config = configs.default()
    config.embed.checkpoint = "d.npz"  # read by NumPy
    paths.check_all(config, tmp_path / "w")
