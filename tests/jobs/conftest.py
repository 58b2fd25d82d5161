"""A tiny prepared screen and config for the jobs that read one."""

import types

import pytest

from gandl_jax import main as program


@pytest.fixture(scope="session")
def smoke_screen(tmp_path_factory):
    """(source, prepared) folders of a simulated screen, smoke size."""
    folder = tmp_path_factory.mktemp("smoke")
    return types.SimpleNamespace(source=folder / "raw", prepared=folder / "prepared")


@pytest.fixture(scope="session")
def run(request, smoke_screen):
    """Runs the program on configs/demo.py:smoke, one device; gives the exit code.

    Its attribute `words` gives the command line.
    """
    root = request.config.rootpath.parent

    def words(workdir, *arguments, config="demo.py:smoke"):
        return [
            f"--config={root}/configs/{config}",
            f"--workdir={workdir}",
            f"--config.data.source_dir={smoke_screen.source}",
            f"--config.data.dir={smoke_screen.prepared}",
            "--config.train.devices=1",
            "--config.data.crop_px=8",
            "--config.model.channel_base=64",
            "--config.model.channel_max=8",
            "--config.model.latent_dim=8",
            *arguments,
        ]

    def run(workdir, *arguments, **options):
        return program.main(words(workdir, *arguments, **options))

    run.words = words
    return run


@pytest.fixture(scope="session")
def trained(run, tmp_path_factory):
    """The workdir of a demo of one step, embedded; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("demo")
    steps = "--config.train.total_images=32"
    assert run(folder, "--job=prepare,train,embed", steps) == 0
    return folder
