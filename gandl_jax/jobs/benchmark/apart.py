"""Processes of their own: what one holds and compiled, the next does not have."""

import concurrent.futures.process
import json
import multiprocessing
from collections.abc import Callable
from typing import Any

import ml_collections

from gandl_jax.errors import RunError


def call(fn: Callable, config: ml_collections.ConfigDict, *args: Any) -> Any:
    """Calls `fn(config, *args)` in a new process, which ends with it.

    Its peak of memory is its own, and so are the devices while it runs: call from a
    process that has not used them.

    Raises:
      RunError: the process was ended from outside, as where memory runs out.
    """
    spawn = multiprocessing.get_context("spawn")
    try:
        with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
            return pool.submit(_call, fn, config.to_json(), args).result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise RunError(
            "a process of the benchmark was ended from outside, as where memory runs "
            "out: make config.train.batch or config.embed.batch smaller"
        ) from error


def _call(fn: Callable, config: str, args: tuple) -> Any:
    return fn(ml_collections.ConfigDict(json.loads(config)), *args)
