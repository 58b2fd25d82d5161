"""The records of a screen that an encoder saw in training, with their labels."""

from collections.abc import Mapping

import pandas as pd
from etils import epath

from gandl_jax import workdir as workdirs
from gandl_jax.prepared import prepared
from gandl_jax.profiles.seen import Kind, Seen, any_of
from gandl_jax.training import starting_weights, trained_on

_UNSEEN: Kind = (False, "")
_UNKNOWN: Kind = (None, None)


def find(
    folder: epath.Path, trained_config, step: int, dataset: prepared.Prepared
) -> Seen:
    """Finds what a checkpoint's encoder saw of each record of a screen.

    Former versions, which wrote no `trained_on.parquet`, trained on all records.

    Args:
      folder: workdir of the experiment that trained it.
      trained_config: that experiment's config.
      step: of the checkpoint.
      dataset: the prepared screen, of N records.
    """
    every = saw_images(folder, trained_config, step, dataset)
    knows_start = _knows_start(folder)
    learnt = trained_config.data.label or ("" if knows_start else None)
    table = trained_on.read(folder)
    if table is None or every is False or not (step or knows_start):
        return Seen.alike(dataset.records, every, learnt)
    seen = _listed(table, dataset)
    if not step:  # the starting networks saw no records besides the table's
        seen = dict.fromkeys(seen, (every, learnt if every else None))
    elif not knows_start:
        seen = {record: (True, labels or None) for record, (_, labels) in seen.items()}
    others = _UNSEEN if knows_start else _UNKNOWN
    ids = dataset.table["Metadata_Record_ID"].astype(str)
    return Seen.from_pairs([seen.get(record, others) for record in ids])


def _listed(table: pd.DataFrame, dataset: prepared.Prepared) -> dict[str, Kind]:
    """Returns {record: what was seen of it} of the table's records of a screen."""
    same_sites = table["metadata_sha256"] == dataset.metadata_sha256
    screen_rows = table[same_sites | (table["screen"] == dataset.name)]
    return {
        record: (True, labels)
        for record, labels in zip(
            screen_rows["record_id"], screen_rows["labels"], strict=True
        )
    }


def _knows_start(folder: epath.Path) -> bool:
    """Whether the records are known that the starting networks had seen."""
    start = workdirs.noted(folder, "start")
    return not start or bool(start["trained_on"])


def saw_images(folder: epath.Path, trained_config, step: int, dataset) -> bool | None:
    """Whether the encoder was trained on images of the prepared screen.

    Args:
      folder: workdir of the experiment that trained it.
      trained_config: that experiment's config.
      step: of the checkpoint.
      dataset: the prepared screen.

    Returns:
      False for an untrained encoder and for one of another screen; None if the screens
      have one name but other sites (they may share some), or if the training started
      from networks of unknown origin.
    """
    seen = [starting_weights.seen_by(folder, trained_config)] if step else []
    if start := workdirs.noted(folder, "start"):
        seen += start["trained_on"] or [None]
    return any_of({images and _are_of(images, dataset) for images in seen})


def _are_of(images: Mapping[str, str | None], dataset) -> bool | None:
    """Whether a training's images are those of a screen; None if some may be."""
    same_sites = images["metadata_sha256"] == dataset.metadata_sha256
    if images["prepared"] == dataset.fingerprint or same_sites:
        return True
    return None if images["dataset"] == dataset.name else False
