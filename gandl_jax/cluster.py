"""A Dask cluster that computes for this program: the extra `cluster`."""

import asyncio
import contextlib
import importlib.util
import logging
import re
from collections.abc import Iterator
from typing import Any

from gandl_jax.errors import InputError

KEY = "config.evaluate.cluster"
CONNECT_S = 10  # for the scheduler to answer
INSTALL = "pip install -c launch/constraints.txt -e '.[cluster]'"


def check(address: str) -> None:
    """Refuses what can be refused without asking the cluster.

    Args:
      address: config.evaluate.cluster; "" is none.

    Raises:
      InputError: it is no address, or the extra is not installed.
    """
    if address and not re.fullmatch(r"[a-z]+://[^\s/]+:\d+", address):
        raise InputError(
            f"{KEY}={address!r} is no address of a scheduler: write it as dask "
            "scheduler prints it, such as tcp://10.0.0.5:8786"
        )
    if address and importlib.util.find_spec("distributed") is None:
        raise InputError(
            f"{KEY}={address} needs Dask: {INSTALL}, or leave it empty to compute on "
            "this machine"
        )


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connects to a cluster whose workers have this version.

    Args:
      address: config.evaluate.cluster; "" is none.

    Yields:
      A `cluster_calls.Cluster`, or None.

    Raises:
      InputError: it cannot be reached, has no workers, or others than these.
    """
    check(address)
    if not address:
        yield None
        return
    import distributed  # an extra

    from gandl_jax.cluster_calls import Cluster

    with _quiet():
        try:
            asyncio.run(asyncio.wait_for(_meet(address), 2 * CONNECT_S))
            client = distributed.Client(
                address, timeout=CONNECT_S, set_as_default=False
            )
        except Exception as error:  # whatever something else there answers
            raise InputError(
                f"{KEY}={address} cannot be reached: start `dask scheduler` there and "
                "see that this machine may connect to it"
            ) from error
        try:
            made = Cluster(client, address)
            made.check_workers()
            yield made
        finally:
            client.close(timeout=CONNECT_S)


async def _meet(address: str) -> None:
    """Raises where no scheduler answers; a client would wait for ever."""
    from distributed import core

    comm = await core.connect(address, timeout=CONNECT_S)
    try:
        found = await core.send_recv(comm, op="identity")
    finally:
        comm.abort()
    if found["type"] != "Scheduler":
        raise ValueError(f"it is a {found['type']}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask from printing what is told here in a sentence."""
    loggers = [
        logging.getLogger(name) for name in ("distributed", "distributed.client")
    ]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
