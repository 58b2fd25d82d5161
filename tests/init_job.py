"""The job init as its tests call it, and the config that it wrote."""

from gandl_jax import config_files
from gandl_jax import main as program


def init(source, target):
    """Runs --job=init on a folder or an address; returns the exit code."""
    return program.main(
        ["--job=init", f"--config.data.source_dir={source}", f"--config={target}"]
    )


def loaded(target, tmp_path):
    """Loads the config, which prepares into tmp_path/out."""
    config = config_files.load(str(target))
    config.data.dir = str(tmp_path / "out")
    return config
