"""The job `train`: trains a method on a prepared screen; run again, it continues."""

from collections.abc import Sequence

from etils import epath

from gandl_jax.training import starting_weights, training_records

ON_ALL_HOSTS = True
CROPS = True


def check(config, workdir: epath.Path, before: Sequence[str]) -> None:
    """Refuses to start without a screen or starting networks, before slow imports.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      before: jobs that run first, which may yet prepare the screen.

    Raises:
      InputError: no prepared screen, another one, or no networks to start from.
    """
    starting_weights.check(config, workdir)
    if not before:
        training_records.open_records(config)


def run(config, workdir: epath.Path) -> None:
    """Trains until `config.train.total_images`; resumes from the last checkpoint."""
    from gandl_jax.training import loop  # slow

    loop.run(config, workdir)
