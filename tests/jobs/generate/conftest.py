"""A generator that draws by class, trained for a step."""

import pytest

LABELLED = (
    "--config.data.label=Condition",
    "--config.method.auxiliary_weight=1",
    "--config.model.width=4",
    "--config.model.blocks=1",
    "--config.train.total_images=32",
)


@pytest.fixture(scope="session")
def generator_words():
    """Settings of a small GAN that draws by class, of one step."""
    return LABELLED


@pytest.fixture(scope="session")
def generator(run, tmp_path_factory):
    """The workdir of such a training; tests leave its checkpoints as they are."""
    folder = tmp_path_factory.mktemp("generator")
    jobs = "--job=prepare,train"
    assert run(folder, jobs, *LABELLED, method="small_gan") == 0
    return folder
