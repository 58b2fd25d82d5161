"""The set "classical": CellProfiler's measurements of every record, as a floor.

Records are measured in pieces that are kept until the set is complete, so that little
is lost if the job is killed. Undefined values are filled once all are measured:
`classical/filling.py`.
"""

import itertools
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import sealed_json
from gandl_jax.prepared import prepared
from gandl_jax.profiles import floors, store
from gandl_jax.progress import Progress, duration
from gandl_jax.reading import tiles
from gandl_jax.training import classical_needs, embedding, reuse
from gandl_jax.training.classical_pieces import Piece, Pieces

NAME = floors.CLASSICAL
LONGEST_S = 600  # "auto" leaves the set out if measuring takes longer
TIMED = 4  # records that are measured to predict the time of all (ours)
WORTH_S = 20  # of measuring per process; below it no further one starts (ours)


def plan(
    config,
    directory: epath.Path,
    dataset: prepared.Prepared,
    channels: tuple[str, ...],
    made_from: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Returns the note of what the set is made from; None, with a line, to omit it.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/classical.
      dataset: the prepared screen.
      channels: C names.
      made_from: the part of the note that all sets of these records share.
    """
    wanted = config.evaluate.classical
    if wanted == "off":
        return None
    if not classical_needs.are_installed():
        _say(f"left out, as cp-measure is not installed: {classical_needs.INSTALL}")
        return None
    from gandl_jax.classical import measurements  # an optional library

    classical_note = {
        "cp_measure": measurements.version(),
        "nuclei": config.evaluate.nuclei,
    }
    note = {**made_from, "saw_images": False, "classical": classical_note}
    if wanted == "on" or store.is_begun(directory):
        return note
    if reuse.find(config, directory, note):
        return note
    alone = _seconds(config, dataset, channels, dataset.records)
    seconds = alone / (config.embed.workers or _worth(alone))
    if seconds <= LONGEST_S:
        return note
    _say(
        f"left out, as {dataset.records:,} records would take about "
        f"{duration(seconds)}: --config.evaluate.classical=on makes it all the same"
    )
    return None


def write(
    config,
    directory: epath.Path,
    dataset: prepared.Prepared,
    channels: tuple[str, ...],
    on_bad: Any,
) -> int:
    """Writes the set, on one host; finished pieces and parts are not made again.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/classical, claimed.
      dataset: the prepared screen.
      channels: C names.
      on_bad: as in `tiles.sites`.

    Returns:
      The number of records measured.

    Raises:
      InputError: no measurement differs between records.
      RunError: a process was killed.
    """
    from gandl_jax.classical import filling, measurements  # an optional library

    parts = [directory / embedding.part_name(n) for n in range(dataset.shards)]
    if all(map(store.is_whole, parts)) and _has_summary(directory):  # copied
        embedding.finish(directory, dataset.shards)
        return 0
    names = measurements.columns(channels, config.evaluate.nuclei)
    pieces = Pieces(directory, dataset, names)
    measured = _measure(config, dataset, channels, on_bad, pieces)
    records, values = pieces.read()
    rule = filling.rule(names, values)
    sealed_json.write(directory / store.SUMMARY, rule.tables())
    for sentence in rule.sentences():
        _say(sentence)

    def shard_features(shard: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        in_shard = np.isin(records, dataset.rows(shard))
        return records[in_shard], {NAME: rule.apply(values[in_shard])}

    embedding.write_set(directory, dataset, shard_features)
    pieces.delete()
    return measured


def _has_summary(directory: epath.Path) -> bool:
    try:
        sealed_json.read_own(directory / store.SUMMARY)
    except (FileNotFoundError, ValueError):
        return False
    return True


def _say(text: str) -> None:
    print(f"{NAME} {text}", flush=True)


def _images(config, dataset, channels, on_bad, shard, rows) -> Iterator:
    return tiles.stretched_sites(
        dataset,
        shard,
        channels=channels,
        scaling=config.data.scaling,
        illumination=config.data.illumination,
        on_bad=on_bad,
        rows=rows,
    )


def _seconds(config, dataset, channels, records: int) -> float:
    """Predicts the seconds that one process takes for `records` records."""
    from gandl_jax.classical import measurements  # an optional library

    nuclei = config.evaluate.nuclei
    measurements.columns(channels, nuclei)  # loads and compiles what it needs
    rows = np.unique(np.linspace(0, dataset.records - 1, TIMED).astype(int))
    begun = time.monotonic()
    images = _images(config, dataset, channels, lambda row: None, None, rows)
    for _, image in images:
        measurements.measure(image, channels, nuclei)
    return (time.monotonic() - begun) / len(rows) * records


def _worth(seconds: float) -> int:
    """Returns the number of processes worth starting for `seconds` of work."""
    return max(1, min(os.cpu_count() or 1, math.ceil(seconds / WORTH_S)))


def _measure(config, dataset, channels, on_bad, pieces: Pieces) -> int:
    """Measures the pieces that are due; returns the number of records."""
    from gandl_jax.classical import processes  # an optional library

    due = pieces.due()
    piece_by_row = {row: piece for piece in due for row in piece.rows.tolist()}
    if not due:
        return 0
    count = config.embed.workers or _worth(
        _seconds(config, dataset, channels, len(piece_by_row))
    )
    shards = itertools.groupby(due, key=lambda piece: piece.shard)
    images = itertools.chain.from_iterable(
        _images(config, dataset, channels, on_bad, shard, _rows(shard_pieces))
        for shard, shard_pieces in shards
    )
    measured = 0
    progress = Progress(f"measure {NAME}", len(piece_by_row), "sites")
    with processes.measuring(count, channels, config.evaluate.nuclei) as measure:
        for _, measurements in itertools.groupby(
            measure(images), key=lambda measurement: piece_by_row[measurement[0]].path
        ):
            rows, values = zip(*measurements, strict=True)
            pieces.write(piece_by_row[rows[0]], rows, values)
            progress.update(len(rows))
            measured += len(rows)
    progress.close()
    return measured


def _rows(pieces: Iterable[Piece]) -> np.ndarray:
    return np.concatenate([piece.rows for piece in pieces])
