"""Runs functions in fresh processes, without compiled programs or memory of others."""

import concurrent.futures.process
import json
import multiprocessing
from collections.abc import Callable
from typing import Any

import ml_collections

from gandl_jax.errors import RunError


def call(fn: Callable, config: ml_collections.ConfigDict, *args: Any) -> Any:
    """Calls `fn(config, *args)` in a new process, which ends afterwards.

    The process has its own peak of memory, and the devices for itself: the caller must
    not have used them.

    Raises:
      RunError: the process was killed, perhaps for want of memory.
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
