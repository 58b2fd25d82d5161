"""What any method's training may start from, and how its encoder is described."""

import types

import pytest

from gandl_jax import config as configs
from gandl_jax import file_hashes, modules, parallel
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.training import encoders, loop, starting_weights


def trained_for(folder, config):
    """A workdir of a training of one step, so far as it is read before JAX is there."""
    workdirs.record(folder, config, "")
    workdirs.note(folder, "prepared", "plan")
    (folder / "checkpoints/1").mkdir(parents=True)
    (folder / "checkpoints/1" / file_hashes.MANIFEST).touch()


# Those that know no files of networks.
METHODS = [
    name
    for name in modules.names("methods", "Method")
    if modules.part("methods", name, "weights") is None
]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_reads_no_files_starts_from_a_workdir(tmp_path, method):
    config = configs.default(method)
    config.data.channels = ("nuclei", "actin")
    trained_for(tmp_path / "source", config)
    config.train.start_from = str(tmp_path / "source")
    assert starting_weights.find(config) == starting_weights.Fitting(None, (0, 1), "")
    config.data.channels = ("actin", "golgi")
    found = starting_weights.find(config)
    assert found.sources == (1, None)
    assert found.channels == "actin from actin, golgi from the mean"
    key, usual = next(
        (key, size)
        for key in configs.method_options(method).ARCHITECTURE
        if isinstance(size := configs.plain(config)[key], int)
    )
    configs.set_keys(config, {key: usual + 1})
    with pytest.raises(InputError, match=f"set --config.{key}={usual}$"):
        starting_weights.find(config)
    config.train.start_from = str(tmp_path / "net.npz")
    with pytest.raises(InputError, match=f"name={method} are not read from files"):
        starting_weights.find(config)


def test_another_methods_training_is_refused(tmp_path):
    trained_for(tmp_path / "source", configs.default("autoencoder"))
    config = configs.default("gan")
    config.train.start_from = str(tmp_path / "source")
    with pytest.raises(InputError, match="by the method autoencoder, this .* is gan"):
        starting_weights.find(config)


@pytest.mark.parametrize(
    "method, size", [("gan", "latent_dim"), ("classifier", "width")]
)
def test_an_untrained_encoder_is_described_by_its_methods_sizes(method, size):
    config = configs.default(method)
    config.model[size], config.model.input_px = 24, 64
    random = encoders.untrained(config, method=None).note["random"]
    assert random[f"model.{size}"] == 24
    assert random["data.crop_px"] == config.data.crop_px
    assert random["model.input_px"] == 64


def test_a_file_that_is_read_at_every_start_may_not_change(tmp_path):
    workdirs.record(tmp_path, configs.default("autoencoder"), "")
    dataset = types.SimpleNamespace(fingerprint="plan", metadata_sha256="1")
    records = types.SimpleNamespace(dataset=dataset, labels=None, extra=None)

    def note(**hooks):
        method = types.SimpleNamespace(**hooks)
        training = types.SimpleNamespace(method=method, records=records)
        loop._note(tmp_path, training, parallel.devices(1))

    note()  # a method that reads none
    for _ in range(2):
        note(files=lambda: {"method.perceptual_weights": "ab"})
    assert workdirs.noted(tmp_path, "perceptual_weights_sha256") == "ab"
    with pytest.raises(InputError, match="in config.method.perceptual_weights: put"):
        note(files=lambda: {"method.perceptual_weights": "cd"})
    assert workdirs.noted(tmp_path, "perceptual_weights_sha256") == "ab"
