"""The job `export_encoder`: writes an encoder as one file, to embed images elsewhere.

Writes exports/<dataset>/<encoder>.safetensors: the weights, the config, the channels,
the grey levels that become -1 and 1, and its provenance (docs/python.md).
"""

from collections.abc import Sequence

import ml_collections
from etils import epath

from gandl_jax.training import opening


def check(
    config: ml_collections.ConfigDict, workdir: epath.Path, before: Sequence[str]
) -> None:
    """Refuses an encoder or a screen that is not there, before anything is run.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      before: jobs that run first, which may yet prepare and train.

    Raises:
      InputError: no such encoder, or no prepared screen.
    """
    opening.encoder_config(config)
    if not before:
        opening.open_dataset(config)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes the encoder of config.export.step.

    Args:
      config: as for --job=embed; export is read.
      workdir: with checkpoints, unless config.embed.checkpoint names others.

    Raises:
      InputError: no prepared screen, no checkpoint, or one with another architecture.
    """
    from gandl_jax.training import encoder_file, workdir_encoder  # slow

    workdir = epath.Path(workdir)
    encoder = workdir_encoder.open_config(config, workdir, config.export.step)
    folder = workdir / "exports" / encoder.provenance["screen"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{encoder.name}{encoder_file.ENDING}"
    encoder_file.write(path, encoder)
    size = path.stat().length / 1e6
    sets = ", ".join(f"{name} ({width})" for name, width in encoder.widths().items())
    print(f"export    {path}: {size:,.1f} MB, takes {', '.join(encoder.channels)}")
    print(f"export    gives {sets}", flush=True)
