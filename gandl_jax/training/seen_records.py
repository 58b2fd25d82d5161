"""Which records of a screen an encoder saw while it was trained, and which labels."""

from collections.abc import Mapping

import pandas as pd
from etils import epath

from gandl_jax import workdir as workdirs
from gandl_jax.prepared import prepared
from gandl_jax.profiles.seen import Kind, Seen, any_of
from gandl_jax.training import starting_weights, trained_on

_UNSEEN: Kind = (False, "")
_UNKNOWN: Kind = (None, None)


def find(folder: epath.Path, theirs, step: int, dataset: prepared.Prepared) -> Seen:
    """What a checkpoint's encoder saw of each record of a screen.

    Former versions, which wrote no `trained_on.parquet`, trained on all records.

    Args:
      folder: workdir of the experiment that trained it.
      theirs: that experiment's config.
      step: of the checkpoint.
      dataset: the prepared screen, of N records.
    """
    every = saw_images(folder, theirs, step, dataset)
    knows_start = _knows_start(folder)
    learnt = theirs.data.label or ("" if knows_start else None)
    table = trained_on.read(folder)
    if table is None or every is False or not (step or knows_start):
        return Seen.alike(dataset.records, every, learnt)
    told = _told(table, dataset)
    if not step:  # what it started from saw no other records than are told of
        told = dict.fromkeys(told, (every, learnt if every else None))
    elif not knows_start:
        told = {record: (True, labels or None) for record, (_, labels) in told.items()}
    others = _UNSEEN if knows_start else _UNKNOWN
    ids = dataset.table["Metadata_Record_ID"].astype(str)
    return Seen.from_pairs([told.get(record, others) for record in ids])


def _told(table: pd.DataFrame, dataset: prepared.Prepared) -> dict[str, Kind]:
    """Record to what was seen of it, of the records that may be a screen's."""
    same_sites = table["metadata_sha256"] == dataset.metadata_sha256
    own = table[same_sites | (table["screen"] == dataset.name)]
    return {
        record: (True, labels)
        for record, labels in zip(own["record_id"], own["labels"], strict=True)
    }


def _knows_start(folder: epath.Path) -> bool:
    """Whether it is known what the networks that training started from had seen."""
    start = workdirs.noted(folder, "start")
    return not start or bool(start["trained_on"])


def saw_images(folder: epath.Path, theirs, step: int, dataset) -> bool | None:
    """Whether the encoder was trained on images of the prepared screen.

    Args:
      folder: workdir of the experiment that trained it.
      theirs: that experiment's config.
      step: of the checkpoint.
      dataset: the prepared screen.

    Returns:
      False for an untrained encoder and for one of another screen; None where the
      screens have one name but not the same sites (they may share some), or where the
      training started from networks of which nobody knows.
    """
    seen = [starting_weights.seen_by(folder, theirs)] if step else []
    if start := workdirs.noted(folder, "start"):
        seen += start["trained_on"] or [None]
    return any_of({images and _are_of(images, dataset) for images in seen})


def _are_of(images: Mapping[str, str | None], dataset) -> bool | None:
    """Whether a training's images are those of a screen; None where some may be."""
    same_sites = images["metadata_sha256"] == dataset.metadata_sha256
    if images["prepared"] == dataset.fingerprint or same_sites:
        return True
    return None if images["dataset"] == dataset.name else False
