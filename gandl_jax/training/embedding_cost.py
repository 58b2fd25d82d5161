"""The cost of embedding a screen, for `costs.FILE`."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
from etils import epath

from gandl_jax import compilation, costs, hosts
from gandl_jax.prepared import prepared
from gandl_jax.profiles import store
from gandl_jax.training import cost_meter, embedding


def write_set(
    workdir: epath.Path,
    directory: epath.Path,
    dataset: prepared.Prepared,
    features: Callable,
    devices: Sequence[jax.Device],
) -> None:
    """Writes a set by `embedding.write_set`, and its cost.

    Args:
      workdir: of the experiment.
      directory: of the profiles.
      dataset: the prepared screen.
      features: as in `embedding.write_set`.
      devices: of this host that embed; none if no network does.
    """
    write = functools.partial(embedding.write_set, directory, dataset, features)
    measured(workdir, directory, dataset, write, devices)


def measured(
    workdir: epath.Path,
    directory: epath.Path,
    dataset: prepared.Prepared,
    write: Callable[[], int],
    devices: Sequence[jax.Device],
) -> None:
    """Writes a set, and its cost.

    Args:
      workdir: of the experiment.
      directory: of the profiles.
      dataset: the prepared screen.
      write: writes the set; returns the number of records that all hosts embedded.
      devices: of this host that embed; none if no network does.
    """
    began, compiled = time.monotonic(), compilation.seconds()
    sites = write()
    compiled = compilation.seconds() - compiled
    seconds = time.monotonic() - began - compiled
    if sites and hosts.leads():
        figures = _figures(sites, seconds, compiled, store.widths(directory), devices)
        costs.write_embedding(workdir, dataset.name, directory.name, figures)


def _figures(sites, seconds, compiled, widths, devices) -> dict[str, Any]:
    described = cost_meter.described(devices)
    described["devices"] *= hosts.count()
    return {
        "widths": widths,
        "sites": sites,
        "seconds": round(seconds, 3),
        "sites_per_second": round(sites / max(seconds, 1e-9), 3),
        "compile_seconds": round(compiled, 3),
        **described,
        "written": costs.now(),
    }
