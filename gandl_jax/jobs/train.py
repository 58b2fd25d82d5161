"""The job `train`: trains a method on a prepared screen; run again, it goes on."""

from etils import epath

from gandl_jax.training import loop

ON_ALL_HOSTS = True


def run(config, workdir: epath.Path) -> None:
    """Trains until `config.train.total_images`; resumes from the last checkpoint."""
    loop.run(config, workdir)
