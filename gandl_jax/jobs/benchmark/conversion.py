"""Rate of converting a raw screen, beside the best rate of the cores."""

import itertools
import os
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import files
from gandl_jax.prepared import conversion_limit, shard_workers, shards
from gandl_jax.raw import confined, raw_images, screen
from gandl_jax.raw.reduction import Reduction

SHARDS_PER_WORKER = 4  # so that no worker idles while the last shard is written
REPEATS = (
    3  # alternating with the limit: the fastest of each counts, others may compute
)


def measure(
    config: ml_collections.ConfigDict, *, sites: int = 200, repeats: int = REPEATS
) -> dict[str, Any]:
    """Converts the first sites of the raw screen in a temporary folder.

    The rates are those of a long run: from the first records on, without the seconds in
    which processes start. All files were read just before, so neither measurement waits
    for the disk.

    Args:
      config: the whole config; `data` is read, and what names the screen.
      sites: to convert, at most.
      repeats: of both measurements.

    Returns:
      sites, workers, sites_per_second and best_sites_per_second (decode, re-encode and
      write in one process per core, nothing else), share_of_best; the same by the time
      of the cores, which other programs do not change: cpu_ms_per_site,
      best_cpu_ms_per_site, cpu_share_of_best; read_mb_per_second and
      written_mb_per_second, bytes_per_source_byte (of the shards), and the peak of
      resident memory so far: peak_rss_mb of this process and one_worker_peak_rss_mb.
      Rates are None if there are too few sites to measure one.

    Raises:
      InputError: an image cannot be used; names it.
    """
    data = config.data
    raw = _sample(config, sites)
    cores = os.cpu_count() or 1
    workers = data.workers or cores
    source_bytes = _source_bytes(raw)
    with tempfile.TemporaryDirectory(dir=_scratch_folder(data.dir)) as folder:
        rates, limits, costs = [], [], []
        for number in range(repeats):
            limits.append(conversion_limit.measure(raw, folder, processes=cores))
            out = epath.Path(folder) / str(number)
            rates.append(_convert(raw, out, workers))
            costs.append(_cost(raw, epath.Path(folder) / f"alone-{number}"))
        written = sum(file.stat().length for file in out.glob(f"{raw.screen.name}-*"))
    count, cost = len(raw.metadata), min(costs)
    rate = max((measured for measured in rates if measured), default=None)
    limit = max(measured.sites_per_second for measured in limits)
    least = min(measured.cpu_seconds_per_site for measured in limits)
    return {
        "sites": count,
        "workers": workers,
        "sites_per_second": rate,
        "best_sites_per_second": limit,
        "share_of_best": rate and rate / limit,
        "cpu_ms_per_site": 1e3 * cost,
        "best_cpu_ms_per_site": 1e3 * least,
        "cpu_share_of_best": least / cost,
        "read_mb_per_second": rate and source_bytes / count * rate / 1e6,
        "written_mb_per_second": rate and written / count * rate / 1e6,
        "bytes_per_source_byte": written / source_bytes,
        "peak_rss_mb": _peak_mb(resource.RUSAGE_SELF),
        "one_worker_peak_rss_mb": _peak_mb(resource.RUSAGE_CHILDREN),
    }


def _sample(config: ml_collections.ConfigDict, sites: int) -> shards.Raw:
    """Opens the first sites, ready to be converted."""
    data, spec = config.data, screen.load(config)
    confined.check_links(data.source_dir, data.outside)
    metadata = screen.read_metadata(spec, data.source_dir).head(sites)
    kept, source = raw_images.open_present(config, spec, metadata)
    images = list(itertools.chain(*raw_images.paths(spec, kept)))
    image_format = raw_images.common_format(source, images, spec.planes)
    reduction = Reduction(data.downscale, data.white_level)
    return shards.Raw(spec, source, kept, image_format, reduction)


def _scratch_folder(prepared_dir: str) -> str | None:
    """Returns a folder on the disk of the shards; None for gs:// (tempfile's own)."""
    if files.bucket(prepared_dir):
        return None
    parent = epath.Path(prepared_dir).parent
    parent.mkdir(parents=True, exist_ok=True)
    return os.fspath(parent)


def _source_bytes(raw: shards.Raw) -> int:
    """Reads all raw images, and counts their bytes; for plates those of pixels."""
    paths = itertools.chain(*raw_images.paths(raw.screen, raw.metadata))
    return sum(memoryview(conversion_limit.read(raw, path)).nbytes for path in paths)


def _convert(raw: shards.Raw, out: epath.Path, workers: int) -> float | None:
    """Writes the shards of all records; returns the sites per second, see `_Clock`."""
    clock = _Clock()
    _write(raw, out, workers, clock.tick)
    return clock.rate


def _cost(raw: shards.Raw, out: epath.Path) -> float:
    """Writes them in this process; returns the seconds of a core per site."""
    before = time.process_time()
    _write(raw, out, 1, int)
    return (time.process_time() - before) / len(raw.metadata)


def _write(
    raw: shards.Raw, out: epath.Path, workers: int, on_record: Callable[[int], Any]
) -> None:
    (out / "facts").mkdir(parents=True)
    per_shard = -(-len(raw.metadata) // (workers * SHARDS_PER_WORKER))
    shard_plan = shards.plan(raw.metadata, records_per_shard=per_shard, seed=0)
    shard_workers.write(shard_plan, raw, str(out), workers=workers, on_record=on_record)


class _Clock:
    """Times the first records and the last."""

    def __init__(self):
        self._ticks: list[tuple[float, int]] = []
        self.tick: Callable[[int], None] = lambda count: self._ticks.append(
            (time.monotonic(), count)
        )

    @property
    def rate(self) -> float | None:
        """Records per second after the first ones; None if all came at once."""
        if len(self._ticks) < 2:
            return None
        (first, _), *_, (last, _) = self._ticks
        return sum(count for _, count in self._ticks[1:]) / (last - first)


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * 1024 / 1e6
