"""Rate of reading training batches, beside the PNG decoder's own rate.

Records come in the order of the config's method, side by side if it asks for that.
"""

import contextlib
import copy
import os
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import ml_collections
import numpy as np

from gandl_jax import config_checks
from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.reading import batch_plates, reading_limit
from gandl_jax.reading.order import Order
from gandl_jax.reading.side_by_side import SideBySide
from gandl_jax.training import loop, opening, side_by_side, training_records
from gandl_jax.training.training_records import TrainingRecords

SECONDS = 8.0  # of each measurement
REPEATS = 3  # alternating: the fastest of each counts, others may compute
BATCHES = 1_000  # to count the plates in
RXRX19A_RECORDS, RXRX19A_SITES = 305_520, 4  # in all, and of a well


def measure(
    config: ml_collections.ConfigDict,
    *,
    seconds: float = SECONDS,
    repeats: int = REPEATS,
) -> dict[str, Any]:
    """Reads batches of a prepared screen like training.

    Args:
      config: the whole config, of a training.
      seconds: of each measurement.
      repeats: of all of them.

    Returns:
      Rates by the clock and per core: decoder_sites_per_second (only decoding, from
      memory, on all cores), sites_per_second (one crop of each), and
      many_crops_per_second (crops_per_site of each); side_by_side, the number of
      records of a group that follow one another (1: no groups); share_of_decoder, by
      the clock and by the cores' time, which other programs do not change.
      resume_seconds to the first batch from a random step, and rxrx19a_resume_seconds,
      the same with RxRx19a's number of records at this rate; plates_per_batch (mean,
      least, most) beside the expectation of independent draws; peak_rss_mb of a process
      that reads that number of crops of a site.
    """
    records = training_records.open_records(config)
    method = opening.make_method(config, records.source)
    together = side_by_side.group_records(method, records)
    opened, channels = records.dataset, records.channels
    several = _most_crops(records, config, together)
    one_crop, many_crops = (
        _stream(records, config, together, crops) for crops in (1, several)
    )
    _rate(many_crops, seconds)  # first, before other memory is used
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    decoder = reading_limit.decode(opened, channels)
    rounds = [
        [_rate(units, seconds) for units in (decoder, one_crop, many_crops)]
        for _ in range(repeats)
    ]
    by_clock, by_core = np.max(rounds, 0).T.tolist()
    return {
        "cores": os.cpu_count(),
        "records": opened.records,
        "image_px": [opened.height_px, opened.width_px],
        "channels": len(channels),
        "crop_px": config.data.crop_px,
        "batch": config.train.batch,
        "decoder_sites_per_second": by_clock[0],
        "decoder_sites_per_core_second": by_core[0],
        "sites_per_second": by_clock[1],
        "sites_per_core_second": by_core[1],
        "share_of_decoder": by_clock[1] / by_clock[0],
        "core_share_of_decoder": by_core[1] / by_core[0],
        "side_by_side": together.count if together else 1,
        "crops_per_site": several,
        "many_crops_per_second": by_clock[2],
        "many_crops_per_core_second": by_core[2],
        **_resuming(records, config, together, several, by_clock[1]),
        **_mixing(records, _order(records, config, together, several)),
        "peak_rss_mb": peak_mb,
    }


def _rate(units: Iterator[int], seconds: float) -> tuple[float, float]:
    """Returns the units of an iterator per second, and per second of a core."""
    warm = time.monotonic() + seconds / 2
    # Batches that were read ahead during other measurements are discarded.
    while time.monotonic() < warm:
        next(units)
    began, cores_began, done = time.monotonic(), time.process_time(), 0
    while time.monotonic() < began + seconds:
        done += next(units)
    spent = time.monotonic() - began, time.process_time() - cores_began
    return done / spent[0], done / spent[1]


def _stream(
    records: TrainingRecords,
    config: ml_collections.ConfigDict,
    together: SideBySide | None,
    crops: int,
    first_step: int = 0,
) -> Iterator[int]:
    """Reads training batches with `crops` of each site; yields the number of crops."""
    with_crops = copy.deepcopy(config)
    with_crops.data.crops_per_site = crops
    batches = loop.training_batches(
        with_crops, records, first_step, on_bad=None, side_by_side=together
    )
    for batch in batches:
        yield len(batch["images"])


def _most_crops(
    records: TrainingRecords,
    config: ml_collections.ConfigDict,
    together: SideBySide | None,
) -> int:
    """Returns the config's crops per site, or the most that the order allows."""
    if config.data.crops_per_site > 1:
        return config.data.crops_per_site
    for crops in range(config_checks.MOST_CROPS_PER_SITE, 1, -1):
        with contextlib.suppress(InputError):
            return _order(records, config, together, crops).crops
    return 1


def _order(
    records: TrainingRecords,
    config: ml_collections.ConfigDict,
    together: SideBySide | None,
    crops: int,
) -> Order:
    count = len(records.rows.trained)
    return Order(
        count, config.train.batch, crops, config.seed, 0, side_by_side=together
    )


def _resuming(
    records: TrainingRecords,
    config: ml_collections.ConfigDict,
    together: SideBySide | None,
    crops: int,
    rate: float,
) -> dict[str, float]:
    """Times the first batch from a random step; `rate` is in sites per second."""
    step = int(np.random.default_rng(0).integers(10**6))
    late = _stream(records, config, together, crops, first_step=step)
    order = Order(
        RXRX19A_RECORDS,
        config.train.batch,
        crops,
        config.seed,
        step,
        side_by_side=_of_rxrx19a(together),
    )
    decoded_sites = (order.wait + 1) * order.group  # before the first batch
    return {
        "resume_seconds": _seconds(lambda: next(late)),
        "rxrx19a_resume_seconds": decoded_sites / rate
        + _seconds(lambda: next(order.sites().as_numpy_iterator())),
    }


def _of_rxrx19a(together: SideBySide | None) -> SideBySide | None:
    """Groups RxRx19a's records by well, with the same number side by side."""
    if together is None:
        return None
    return SideBySide(np.arange(RXRX19A_RECORDS) // RXRX19A_SITES, together.count)


def _seconds(call: Callable[[], Any]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _mixing(records: TrainingRecords, order: Order) -> dict[str, float]:
    """Counts the plates in a batch; {} if the screen has none."""
    names = prepared.plates(records.dataset.table)
    if names is None:
        return {}
    _, plate = np.unique(names[records.rows.trained], return_inverse=True)
    plates_per_batch = batch_plates.distinct(order, plate, BATCHES)
    return {
        "plates": int(plate.max()) + 1,
        "plates_per_batch_mean": float(plates_per_batch.mean()),
        "plates_per_batch_least": int(plates_per_batch.min()),
        "plates_per_batch_most": int(plates_per_batch.max()),
        "plates_per_batch_expected": batch_plates.expected(plate, order.batch),
    }
