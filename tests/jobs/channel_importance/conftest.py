"""Trainings that were not trained, whose networks look at one channel alone."""

import functools

import numpy as np
import pytest
from etils import epath
from striped_screens import SIDE, STEPS, config_of, lines_of_treatment, write_screen

from gandl_jax import sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.jobs import prepare
from gandl_jax.jobs.channel_importance import job, networks
from gandl_jax.training import opening


@pytest.fixture(scope="session")
def screen(tmp_path_factory):
    """A folder with a prepared screen that dna alone tells about."""
    folder = tmp_path_factory.mktemp("channels")
    (folder / "raw").mkdir()
    write_screen(folder / "raw", lines_of_treatment)
    prepare.run(config_of(folder), "")
    return folder


class Fake:
    """Trainings of one screen, and what their networks were shown.

    Args:
      config: of all of them.
      folder: that they lie in, and the answer about them.
    """

    importances: dict = {}  # of all, by folder

    def __init__(self, config, folder):
        self.config, self.folder = config, epath.Path(folder)
        self.written = self.folder / "channel_importance/my_screen"

    def training(self, name, importance=None, **settings):
        """Writes a workdir; its network weighs channels so."""
        config = self.config.copy_and_resolve_references()
        config.update_from_flattened_dict(settings)
        folder = self.folder / "runs" / name
        workdirs.record(folder, config, "")
        self.importances[str(folder)] = importance
        return str(folder)

    def ask(self, folders, **settings):
        """Runs the job; gives what it wrote, and how many images networks saw."""
        config = self.config.copy_and_resolve_references()
        config.compare.workdirs = tuple(folders)
        config.update_from_flattened_dict(settings)
        before = sum(SHOWN)
        job.check(config, self.folder, [])
        job.run(config, self.folder)
        content = sealed_json.read(self.written / "channels.json")
        return content, sum(SHOWN) - before


SHOWN = []  # images of each call


def read(training):
    importance = Fake.importances[str(training.folder)]
    return networks.Network(
        digest=str(training.folder),
        importance=None if importance is None else np.array(importance),
        answer=functools.partial(answer, training.channels),
    )


def answer(channels, images):
    """Knows stripes of dna, and names control without it."""
    SHOWN.append(len(images))
    chances = np.zeros((len(images), 3))
    chances[:, 0] = 0.1
    if "dna" in channels:
        stripes = images[..., channels.index("dna")].mean(2) > 0
        turns = (stripes[:, 1:] != stripes[:, :-1]).sum(1)
        chances += turns[:, None] == np.array(
            [SIDE // width - 1 for width in (1, 2, 4)]
        )
    return {"Treatment": chances}


@pytest.fixture(scope="module")
def networks_are_fake():
    """Trainings count as finished, and their networks are `answer`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "newest_step", lambda folder: STEPS)
        patch.setattr(networks, "read", read)
        yield


@pytest.fixture
def fake(networks_are_fake, screen, tmp_path):
    return Fake(config_of(screen), tmp_path)


WEIGHTS = ([0.7, 0.2, 0.1], [0.6, 0.1, 0.3])


@pytest.fixture(scope="module")
def asked(networks_are_fake, screen, tmp_path_factory):
    """(fake, its folders, content, images shown): blends with and without each."""
    made = Fake(config_of(screen), tmp_path_factory.mktemp("asked"))
    made.config.model.channels_in = "blend"
    folders = [made.training(f"seed{i}", WEIGHTS[i], seed=i) for i in (0, 1)]
    for lacking in made.config.screen.channels:
        left = [name for name in made.config.screen.channels if name != lacking]
        folders.append(made.training(f"no-{lacking}", **{"data.channels": tuple(left)}))
    return made, folders, *made.ask(folders)


@pytest.fixture
def other_screen(networks_are_fake, tmp_path):
    """Function of planes to a `Fake` of a screen with them, and its folders."""

    def make(planes, **settings):
        (tmp_path / "raw").mkdir()
        write_screen(tmp_path / "raw", planes)
        made = Fake(config_of(tmp_path), tmp_path)
        made.config.update_from_flattened_dict(settings)
        prepare.run(made.config, "")
        return made, [made.training(f"seed{i}", WEIGHTS[i], seed=i) for i in (0, 1)]

    return make
