"""The command line: one clear line and exit code 2 for bad input."""

import errno
import functools

import pytest
from etils import epath

from gandl_jax import command_line, config_files, lock, preemption, run_jobs, workdir
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
        (["--config=FOLDER/dem.py"], "configs/demo.py'?"),
        (
            ["--config=FOLDER/wound_healing.py"],
            "configs/my_screen.py to it for a screen of your own; there are bbb",
        ),
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
    folder = config.removesuffix("/demo.py").removeprefix("--config=")
    arguments = [
        a.replace("CONFIG", config).replace("FOLDER", folder) for a in arguments
    ]
    assert program.main(arguments) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and told in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_settings_are_split_from_flags():
    rest, settings = command_line.split(
        ["--job=all", "--config=a.py:x=1", "--config.data.dir=a=b", "-config.seed=3"]
    )
    assert rest == ["--job=all", "--config=a.py:x=1"]
    assert settings == {"data.dir": "a=b", "seed": "3"}
    with pytest.raises(InputError, match="has no value"):
        command_line.split(["--config.seed"])


ENDS = [RuntimeError, MemoryError, KeyboardInterrupt, preemption.Preempted]
ENDS += [functools.partial(OSError, errno.ENOSPC), InputError]


def tree(folder):
    """Path to (bytes, or None of a folder), of all that is below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def failing(monkeypatch):
    """Makes every job do something in the workdir, then raise an error."""

    def arrange(error, before=lambda workdir: None):
        def fail(name, config, workdir):
            before(workdir)
            raise error("why")

        monkeypatch.setattr(run_jobs, "_run_job", fail)

    return arrange


@pytest.mark.parametrize("error", ENDS)
@pytest.mark.parametrize("there", ["", "runs", "runs/b", "runs/b/lock"])
def test_what_fails_before_anything_is_made_leaves_nothing(
    config, error, there, failing, tmp_path, capsys
):
    def claim(workdir):
        note = workdir / "profiles" / "simulated" / "gan@0" / "_made_from.json"
        note.parent.mkdir(parents=True)
        note.touch()
        (workdir / "report").mkdir()

    if there.endswith("lock"):
        (tmp_path / "runs" / "b").mkdir(parents=True)
        (tmp_path / there).touch()
    elif there:
        (tmp_path / there).mkdir(parents=True)
    before = tree(tmp_path)
    failing(error, claim)
    place = f"--workdir={tmp_path}/runs/b"
    assert program.main([config, place, "--job=evaluate"]) != 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize("error", ENDS)
def test_a_workdir_in_use_keeps_its_record_through_a_failure(
    config, error, failing, tmp_path, capsys
):
    made = tmp_path / "metrics.jsonl"
    failing(error, lambda workdir: made.touch())
    changed = [
        config,
        f"--workdir={tmp_path}",
        "--job=evaluate",
        "--config.train.total_images=9",
    ]
    program.main(changed[:-1])
    before = tree(tmp_path)
    failing(error)
    assert program.main(changed) != 0
    assert tree(tmp_path) == before


def test_what_was_made_before_a_failure_is_recorded(config, failing, tmp_path, capsys):
    failing(RuntimeError, lambda workdir: (workdir / "metrics.jsonl").touch())
    assert program.main([config, f"--workdir={tmp_path}/w", "--job=evaluate"]) == 1
    assert set(tree(tmp_path / "w")) == {"config.json", "lock", "metrics.jsonl"}


def test_another_process_keeps_what_it_has_just_begun(config, tmp_path, capsys):
    (tmp_path / "w").mkdir()
    arguments = [config, f"--workdir={tmp_path}/w", "--job=evaluate"]
    with lock.held(tmp_path / "w", "--job=train"):
        workdir.record(
            epath.Path(tmp_path / "w"), config_files.load(config[9:]), "train"
        )
        before = tree(tmp_path)
        assert program.main(arguments) == 2
        assert tree(tmp_path) == before
    assert "is in use by process" in capsys.readouterr().err
