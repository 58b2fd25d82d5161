"""Connection to a Dask cluster that computes for this program: extra `cluster`."""

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
    """Checks an address, without asking the cluster.

    Args:
      address: config.evaluate.cluster; "" is none.

    Raises:
      InputError: it is malformed, or the extra is not installed.
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
      InputError: the cluster cannot be reached, has no workers, or other versions.
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
        except Exception as error:  # another server may answer anything
            raise InputError(
                f"{KEY}={address} cannot be reached: start `dask scheduler` there and "
                "see that this machine may connect to it"
            ) from error
        try:
            cluster = Cluster(client, address)
            cluster.check_workers()
            yield cluster
        finally:
            client.close(timeout=CONNECT_S)


async def _meet(address: str) -> None:
    """Raises if no scheduler answers; a client would wait for ever."""
    from distributed import core

    comm = await core.connect(address, timeout=CONNECT_S)
    try:
        identity = await core.send_recv(comm, op="identity")
    finally:
        comm.abort()
    if identity["type"] != "Scheduler":
        raise ValueError(f"it is a {identity['type']}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences Dask's messages, which errors here explain."""
    loggers = [
        logging.getLogger(name) for name in ("distributed", "distributed.client")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
