"""The command line: one clear line and exit code 2 for bad input."""

import pytest

from gandl_jax import main as program
from gandl_jax.errors import InputError


@pytest.fixture
def config(request):
    return f"--config={request.config.rootpath.parent}/configs/demo.py"


@pytest.mark.parametrize(
    "arguments, told",
    [
        ([], "add --config=configs/FILE.py"),
        (["--config=configs/dem.py"], "there is no config file 'configs/dem.py'"),
        (["CONFIG", "--job=trian"], "there is no job 'trian': did you mean 'train'?"),
        (["CONFIG:smok"], "no option 'smok': did you mean 'smoke'?"),
        (["CONFIG", "--jb=train"], "jb"),
        (["CONFIG", "--config.train.bach=3"], "did you mean 'train.batch'?"),
        (["CONFIG", "--config.train.batch=x"], "should be a whole number"),
        (["CONFIG", "--config.train.batch"], "has no value"),
        (["CONFIG", "--config.method.name=gam"], "did you mean 'gan'?"),
        (["CONFIG", "train"], "Flags look like --job=train"),
        (["CONFIG", "--job="], "no job"),
        (["CONFIG"], "--job=prepare"),
    ],
)
def test_bad_command_lines(config, arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [a.replace("CONFIG", config) for a in arguments]
    assert program.main(arguments) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and told in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_settings_are_split_from_flags():
    rest, settings = program.split(
        ["--job=all", "--config=a.py:x=1", "--config.data.dir=a=b", "-config.seed=3"]
    )
    assert rest == ["--job=all", "--config=a.py:x=1"]
    assert settings == {"data.dir": "a=b", "seed": "3"}
    with pytest.raises(InputError, match="has no value"):
        program.split(["--config.seed"])
