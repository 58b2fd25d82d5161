"""Real trainings, from the command line to the answer."""

import jax
import numpy as np
import pytest
from etils import epath

from gandl_jax import parallel, sealed_json
from gandl_jax.jobs.channel_importance import networks, trainings
from gandl_jax.training import encoders, opening, sources

SETTINGS = (
    "--config.train.hold_out=plate:0.5",
    "--config.train.total_images=64",
    "--config.model.channels_in=over",
    "--config.model.over.order=learnt",
    "--config.model.blocks=1",
)
CHANNELS = "nuclei,er,actin"


@pytest.mark.slow
def test_trainings_are_asked_from_the_command_line(run, smoke_screen, tmp_path):
    def of(name, channels, seed=0):
        words = (f"--config.data.channels={channels}", f"--config.seed={seed}")
        jobs = "--job=prepare,train"
        folder = tmp_path / "runs" / name
        assert run(folder, jobs, *SETTINGS, *words, method="classifier") == 0

    of("seed0", CHANNELS)
    of("seed1", CHANNELS, seed=1)
    of("no-er", "nuclei,actin")
    named = f"--config.compare.workdirs={tmp_path}/runs/*"
    words = ("--job=channel_importance", named, "--config.evaluate.bootstrap_draws=50")
    answer = tmp_path / "answer"
    assert run(answer, *words, method="classifier") == 0
    content = sealed_json.read(answer / "channel_importance/simulated/channels.json")
    assert [row["channel"] for row in content["rows"]] == CHANNELS.split(",")
    assert content["without"] == {"er": [0]} and content["seeds"] == [0, 1]
    assert sum(row["weight"] for row in content["rows"]) == pytest.approx(1)

    folders = [epath.Path(tmp_path / "runs/seed0")]
    (training,) = trainings.read(folders, str(smoke_screen.prepared), "simulated").whole
    network = networks.read(training)
    config = training.config
    of_folder = encoders.find_trained(config, training.folder)
    source = sources.read(of_folder.saved.notes(of_folder.steps[-1]))
    method = opening.make_method(config, source)
    encoder = encoders.restore(method, of_folder.saved, of_folder.steps[-1])
    images = np.random.default_rng(0).uniform(-1, 1, (37, 8, 8, 3)).astype(np.float32)
    alone = jax.device_get(parallel.on_one(method.answer)(encoder, images))
    for label, likely in network.answer(images).items():
        np.testing.assert_allclose(likely, alone[label], atol=1e-5)
    rows = method.summary(encoder)["importance of channels"]
    np.testing.assert_array_equal(network.importance, [r["importance"] for r in rows])
