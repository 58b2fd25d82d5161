"""Rollbacks of a training that went wrong: evidence, and the new data order."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import config as configs
from gandl_jax import events, files, json_lines, logs, pictures, sealed_json
from gandl_jax.errors import RunError
from gandl_jax.training import gentler
from gandl_jax.training.soundness import Trouble

FOLDER = "rollbacks"
LIMIT = "config.train.rollbacks"
LINES = 50  # of metrics.jsonl in a report
SHOWN = 16  # images of the batch, in its picture


def count(workdir: epath.Path) -> int:
    """Number of rollbacks so far."""
    file = workdir / events.FILE
    if numbers := json_lines.damaged(file, events.is_event):
        print(
            f"note: {file}: {json_lines.describe_damage(numbers)} and left out",
            flush=True,
        )
    return len(events.read(workdir, "rolled_back"))


def seed(config, rollbacks: int) -> int:
    """Returns the seed of the data order, which every rollback changes.

    The batch that went wrong is then not met again.
    """
    return config.seed + rollbacks * 2**32


def keep_evidence(
    config, workdir: epath.Path, trouble: Trouble, batch: dict[str, np.ndarray]
) -> epath.Path:
    """Writes a report, and the batch of the step in trouble, with a picture.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      trouble: that was noticed.
      batch: {"images": [B, H, W, C] float32 in [-1, 1], "index": [B], "labels":
        {column: [B]}}.

    Returns:
      The folder, `rollbacks/<number>-step-<step>`.
    """
    folder = workdir / FOLDER / f"{count(workdir) + 1}-step-{trouble.step}"
    folder.mkdir(parents=True, exist_ok=True)
    with files.replacing(folder / "batch.npz") as file:
        np.savez_compressed(file, **_flat(batch))
    pictures.write_grid(folder / "batch.png", batch["images"][:SHOWN])
    report = {
        "step": trouble.step,
        "why": trouble.why,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "config": configs.plain(config),
        "metrics before": logs.read(workdir)[-LINES:],
    }
    sealed_json.write(folder / "report.json", report)
    return folder


def _flat(batch: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Flattens a batch's labels to keys such as "labels/Treatment"."""
    labels = {
        f"labels/{column}": array for column, array in batch.get("labels", {}).items()
    }
    return {name: array for name, array in batch.items() if name != "labels"} | labels


def used_up(config, trouble: Trouble, folder: epath.Path) -> RunError:
    """Makes the error for a training whose rollbacks are used up, with advice."""
    settings = gentler.settings(trouble.what, config)
    flags = [f"--config.{key}={value}" for key, value in settings.items()]
    return RunError(
        f"{trouble}; the training went back "
        f"{config.train.rollbacks} times already and stops ({LIMIT}). "
        f"{folder} holds a report and the batch: if its pictures are sound, train in "
        f"another --workdir{' with ' if flags else ''}{' '.join(flags)}"
    )
