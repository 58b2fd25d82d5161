"""The set "classical": CellProfiler's measurements of every record, as a floor.

Records are measured in pieces, which are kept until the set is complete, so that a kill
loses few. What is undefined can be filled only when all are measured:
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
LONGEST_S = 600  # that "auto" takes for it
TIMED = 4  # records that say how long all would take (ours)
WORTH_S = 20  # of measuring, for which another process is started (ours)


def plan(
    config,
    directory: epath.Path,
    dataset: prepared.Prepared,
    channels: tuple[str, ...],
    made_from: Mapping[str, Any],
) -> dict[str, Any] | None:
    """What the set is to be made from; None where it is left out, which is said.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/classical.
      dataset: the prepared screen.
      channels: C names.
      made_from: what all sets of these records are made from.
    """
    wanted = config.evaluate.classical
    if wanted == "off":
        return None
    if not classical_needs.are_installed():
        _say(f"left out, as cp-measure is not installed: {classical_needs.INSTALL}")
        return None
    from gandl_jax.classical import measurements  # an optional library

    own = {"cp_measure": measurements.version(), "nuclei": config.evaluate.nuclei}
    note = {**made_from, "saw_images": False, "classical": own}
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
    """Makes the set, on one host; finished pieces and parts are not made again.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/classical, claimed.
      dataset: the prepared screen.
      channels: C names.
      on_bad: as of `tiles.sites`.

    Returns:
      How many records were measured.

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
    for words in rule.sentences():
        _say(words)

    def of_shard(shard: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        own = np.isin(records, dataset.rows(shard))
        return records[own], {NAME: rule.apply(values[own])}

    embedding.write_set(directory, dataset, of_shard)
    pieces.forget()
    return measured


def _has_summary(directory: epath.Path) -> bool:
    try:
        sealed_json.read_own(directory / store.SUMMARY)
    except (FileNotFoundError, ValueError):
        return False
    return True


def _say(words: str) -> None:
    print(f"{NAME} {words}", flush=True)


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
    """Seconds that one process takes for so many records, by some of them."""
    from gandl_jax.classical import measurements  # an optional library

    nuclei = config.evaluate.nuclei
    measurements.columns(channels, nuclei)  # loads and compiles what it needs
    rows = np.unique(np.linspace(0, dataset.records - 1, TIMED).astype(int))
    begun = time.monotonic()
    every = _images(config, dataset, channels, lambda row: None, None, rows)
    for _, image in every:
        measurements.measure(image, channels, nuclei)
    return (time.monotonic() - begun) / len(rows) * records


def _worth(seconds: float) -> int:
    """How many processes are no waste, for what one does in so many seconds."""
    return max(1, min(os.cpu_count() or 1, math.ceil(seconds / WORTH_S)))


def _measure(config, dataset, channels, on_bad, pieces: Pieces) -> int:
    """Measures what is due, piece by piece; gives how many records that were."""
    from gandl_jax.classical import processes  # an optional library

    due = pieces.due()
    piece_of = {row: piece for piece in due for row in piece.rows.tolist()}
    if not due:
        return 0
    count = config.embed.workers or _worth(
        _seconds(config, dataset, channels, len(piece_of))
    )
    shards = itertools.groupby(due, key=lambda piece: piece.shard)
    images = itertools.chain.from_iterable(
        _images(config, dataset, channels, on_bad, shard, _rows(own))
        for shard, own in shards
    )
    measured = 0
    progress = Progress(f"measure {NAME}", len(piece_of), "sites")
    with processes.measuring(count, channels, config.evaluate.nuclei) as measure:
        for _, some in itertools.groupby(
            measure(images), key=lambda one: piece_of[one[0]].path
        ):
            rows, values = zip(*some, strict=True)
            pieces.write(piece_of[rows[0]], rows, values)
            progress.update(len(rows))
            measured += len(rows)
    progress.close()
    return measured


def _rows(pieces: Iterable[Piece]) -> np.ndarray:
    return np.concatenate([piece.rows for piece in pieces])
