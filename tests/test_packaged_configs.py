"""The package's own configs are found by name, from any folder."""

import pathlib

import pytest

from gandl_jax import command_line, config_files, packaged_configs
from gandl_jax import config as configs
from gandl_jax import main as program
from gandl_jax.errors import InputError

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("options", ["", ":smoke", ":smoke,method=autoencoder"])
def test_a_name_is_the_file_of_that_name(options):
    named = config_files.load(f"gandl_jax:demo{options}")
    filed = config_files.load(f"{CONFIGS}/demo.py{options}")
    assert configs.plain(named) == configs.plain(filed)
    assert named.name == filed.name and not named.name.startswith("gandl")


def test_a_name_may_have_the_ending():
    assert packaged_configs.file("gandl_jax:demo.py") == CONFIGS / "demo.py"


def test_a_sweep_keeps_its_name():
    sweep = config_files.load("gandl_jax:sweeps/methods:screen=demo,smoke")
    assert sweep.sweep.source == "gandl_jax:sweeps/methods:screen=demo,smoke"
    assert sweep.name == "methods-smoke/demo"
    made = config_files.load_sweep(sweep.sweep.source)
    assert tuple(made) == tuple(sweep.sweep.runs)
    one = config_files.load(f"{sweep.sweep.source},run=gan-seed1")
    assert configs.plain(one) == configs.plain(made["gan-seed1"])


@pytest.mark.parametrize(
    "name, told",
    [
        ("gandl_jax:dem", "no config file 'gandl_jax:dem': did you mean 'gandl_jax:de"),
        ("gandl_jax:zzzz", "'gandl_jax:zzzz': there are bbbc013, "),
        ("gandl_jax:sweeps/method", "did you mean 'gandl_jax:sweeps/methods'?"),
        ("gandl_jax:", "there is no config file 'gandl_jax:': there are bbbc013, "),
        ("mine.py", "are --config=gandl_jax:NAME, where NAME is bbbc013, .*, demo, "),
        ("gandl_jax:sweeps/methods:screen=dem", "did you mean 'demo'?"),
    ],
)
def test_what_is_not_there_is_told_with_names(name, told):
    with pytest.raises(InputError, match=told.replace("?", r"\?")):
        config_files.load(name)


def test_init_writes_none_of_them(empty_folder, capsys):
    assert program.main(["--config=gandl_jax:mine", "--job=init"]) == 2
    assert "name a file of yours, --config=my_screen.py" in capsys.readouterr().err
    assert list(empty_folder.iterdir()) == []


def test_inside_an_installed_package_they_come_first(empty_folder, monkeypatch):
    (empty_folder / "gandl_jax/configs").mkdir(parents=True)
    monkeypatch.setattr(packaged_configs, "PACKAGE", empty_folder / "gandl_jax")
    assert packaged_configs.folder() == empty_folder / "gandl_jax/configs"


def test_the_command_line_takes_a_name():
    flags = command_line.define_flags()
    flags(["gandl-jax", "--config=gandl_jax:demo:smoke", "--job=all"])
    _, jobs, workdir = command_line.resolve(flags, {})
    assert str(workdir) == "runs/demo-smoke" and jobs[0] == "prepare"
