"""How fast training batches are read, beside the PNG decoder's own rate."""

import contextlib
import copy
import os
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import ml_collections
import numpy as np

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.prepared.prepared import Prepared
from gandl_jax.reading import batch_plates, reading_limit
from gandl_jax.reading.order import Order
from gandl_jax.training import loop, training_records

SECONDS = 8.0  # of each measurement
REPEATS = 3  # in turn: the fastest of each counts, others may compute
BATCHES = 1_000  # to count the plates in
RXRX19A_RECORDS = 305_520


def measure(
    config: ml_collections.ConfigDict,
    *,
    seconds: float = SECONDS,
    repeats: int = REPEATS,
) -> dict[str, Any]:
    """Reads batches of a prepared screen as training does.

    Args:
      config: the whole config; `data`, `seed` and `train.batch` are read.
      seconds: of each measurement.
      repeats: of all of them.

    Returns:
      Rates in all and for one core's time: decoder_sites_per_second (records in memory,
      nothing but decoding, on all cores), sites_per_second (one crop of each), and
      many_crops_per_second (crops_per_site of each);
      share_of_decoder, by the clock and by the cores' time, which others' computing
      does not change. resume_seconds to the first batch from a random step, and
      rxrx19a_resume_seconds, what that would take with RxRx19a's number of records at
      this rate; plates_per_batch (mean, least, most) beside what independent draws
      would hold; peak_rss_mb of a process that reads that number of crops of a site.
    """
    opened = prepared.open_prepared(config.data.dir)
    channels = prepared.choose_channels(opened, config.data.channels)
    several = _most_crops(opened, config)
    one, many = (_stream(opened, config, crops) for crops in (1, several))
    _rate(many, seconds)  # before there is anything else in this process
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    decoder = reading_limit.decode(opened, channels)
    rounds = [
        [_rate(units, seconds) for units in (decoder, one, many)]
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
        "crops_per_site": several,
        "many_crops_per_second": by_clock[2],
        "many_crops_per_core_second": by_core[2],
        **_resuming(opened, config, several, by_clock[1]),
        **_mixing(opened, config, several),
        "peak_rss_mb": peak_mb,
    }


def _rate(units: Iterator[int], seconds: float) -> tuple[float, float]:
    """Units per second that an iterator does, and per second of a core."""
    warm = time.monotonic() + seconds / 2
    while time.monotonic() < warm:  # what it made while others were measured
        next(units)
    began, cores_began, done = time.monotonic(), time.process_time(), 0
    while time.monotonic() < began + seconds:
        done += next(units)
    spent = time.monotonic() - began, time.process_time() - cores_began
    return done / spent[0], done / spent[1]


def _stream(
    opened: Prepared, config: ml_collections.ConfigDict, crops: int, first_step: int = 0
) -> Iterator[int]:
    """Reads training batches with `crops` of each site; yields how many crops."""
    asked = copy.deepcopy(config)
    asked.data.crops_per_site = crops
    records = training_records.open_records(asked)
    for batch in loop.training_batches(asked, records, first_step, on_bad=None):
        yield len(batch["images"])


def _most_crops(opened: Prepared, config: ml_collections.ConfigDict) -> int:
    """What the config asks for, or as many as batch and screen allow."""
    if config.data.crops_per_site > 1:
        return config.data.crops_per_site
    for crops in range(configs.MOST_CROPS_PER_SITE, 1, -1):
        with contextlib.suppress(InputError):
            return _order(opened.records, config, crops).crops
    return 1


def _order(
    count: int, config: ml_collections.ConfigDict, crops: int, first_step: int = 0
) -> Order:
    return Order(count, config.train.batch, crops, config.seed, first_step)


def _resuming(
    opened: Prepared, config: ml_collections.ConfigDict, crops: int, rate: float
) -> dict[str, float]:
    """Seconds from a random step to its batch; `rate` is in sites per second."""
    step = int(np.random.default_rng(0).integers(10**6))
    late = _stream(opened, config, crops, first_step=step)
    order = _order(RXRX19A_RECORDS, config, crops, first_step=step)
    again = (order.wait + 1) * order.group  # sites decoded before the first batch
    return {
        "resume_seconds": _seconds(lambda: next(late)),
        "rxrx19a_resume_seconds": again / rate
        + _seconds(lambda: next(order.sites().as_numpy_iterator())),
    }


def _seconds(call: Callable[[], Any]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _mixing(
    opened: Prepared, config: ml_collections.ConfigDict, crops: int
) -> dict[str, float]:
    """How many plates meet in a batch; {} where the screen has none."""
    names = prepared.plates(opened.table)
    if names is None:
        return {}
    _, plate = np.unique(names, return_inverse=True)
    found = batch_plates.distinct(_order(opened.records, config, crops), plate, BATCHES)
    return {
        "plates": int(plate.max()) + 1,
        "plates_per_batch_mean": float(found.mean()),
        "plates_per_batch_least": int(found.min()),
        "plates_per_batch_most": int(found.max()),
        "plates_per_batch_expected": batch_plates.expected(plate, config.train.batch),
    }
