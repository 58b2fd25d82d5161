"""Functions of this package that are called on the workers of a Dask cluster.

Large arrays are sent to all workers once. Dask repeats the calls of a worker that died;
arrays that died with the last worker that held them are sent again.
"""

import collections
import contextlib
import functools
import importlib.metadata
import os
import pydoc
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any

import numpy as np

import gandl_jax
from gandl_jax import modules, packing
from gandl_jax.cluster import INSTALL, KEY
from gandl_jax.errors import InputError, RunError
from gandl_jax.packing import Packed

GONE_S = 120.0  # that there may be no workers, before others come
LOOK_S = 1.0  # between two looks without news
ENDED = ("finished", "error", "cancelled")  # status of a future
MOST_LOSSES = 10  # of workers, one after the other, without a result (ours)
LIBRARIES = ("numpy", "scipy", "scikit-learn", "distributed")  # equal versions


class Cluster:
    """Workers that compute.

    Args:
      client: of Dask.
      address: of the scheduler.
    """

    def __init__(self, client: Any, address: str):
        self._client, self._address = client, address
        self._sent: dict[str, Any] = {}  # digest of an array to its future
        self._needed = collections.deque(maxlen=2)  # digests of the last calls

    def workers(self) -> int:
        """Counts the present workers."""
        return len(self._client.scheduler_info().get("workers", ()))

    def check_workers(self) -> None:
        """Refuses workers whose results could differ from this machine's.

        Raises:
          InputError: there are none, or one has another version of a library.
        """
        if not self.workers():
            raise InputError(
                f"{KEY}={self._address} has no workers: start some by `dask worker "
                f"{self._address}`"
            )
        # Asked by a function of Python itself, which every worker has.
        ask = functools.partial(self._client.run, on_error="return")
        versions = ask(pydoc.locate, "gandl_jax.__version__")
        for worker, version in versions.items():
            self._refuse(worker, "gandl_jax", version, gandl_jax.__version__)
        for worker, worker_versions in ask(_versions).items():
            worker_versions = (
                worker_versions if isinstance(worker_versions, Mapping) else {}
            )
            for name, version in _versions().items():
                self._refuse(worker, name, worker_versions.get(name), version)

    def _refuse(
        self, worker: str, name: str, worker_version: Any, version: str
    ) -> None:
        if worker_version == version:
            return
        difference = (
            f"has {name} {worker_version}"
            if isinstance(worker_version, str)
            else f"lacks {name}"
        )
        raise InputError(
            f"the worker {worker} of {KEY}={self._address} {difference}, and here it "
            f"is {version}: install the same there ({INSTALL})"
        )

    def await_workers(self) -> int:
        """Waits until there are workers; returns their number.

        Raises:
          RunError: none has come for long, or the scheduler is gone.
        """
        began = time.monotonic()
        while not (count := self.workers()):
            is_late = time.monotonic() - began > GONE_S
            if is_late or self._client.status == "closed":
                raise self._gone()
            time.sleep(LOOK_S)
        return count

    def submit(self, fn: Callable[..., Any], *arguments: Any) -> "Call":
        """Submits a call of a function of this package."""
        return Call(self._submitted(fn, *arguments), self._result, self._gone)

    def _submitted(self, fn: Callable[..., Any], *arguments: Any) -> Any:
        """Submits a call; returns Dask's future."""
        key = f"{fn.__name__}-{uuid.uuid4().hex}"
        return self._client.submit(fn, *arguments, key=key, pure=False)

    def each(
        self,
        fn: Callable[..., Any],
        common: Sequence[Any],
        items: Sequence[Any],
        done: Callable[[Any], None],
    ) -> list[Any]:
        """Calls `fn(*common, item)` for each item on the workers.

        Args:
          fn: of this package, with arguments that can be pickled.
          common: arguments of all calls.
          items: last argument of each call.
          done: called with each result as it comes.

        Returns:
          The results, in the items' order.

        Raises:
          RunError: the cluster went away, or one call ends every worker that tries it.
          Exception: what `fn` raises.
        """
        call = packing.pack((fn, tuple(common)))
        text = np.frombuffer(call.text, np.uint8)
        name = packing.digest(text)
        shared = {name: text} | call.arrays
        remaining = {index: packing.pack(item) for index, item in enumerate(items)}
        results: dict[int, Any] = {}
        losses = 0
        while remaining:
            before = len(results)
            futures = self._handed_out(name, shared, remaining)
            for index, result in self._results(futures):
                results[index] = result
                del remaining[index]
                done(result)
            if remaining:  # their arrays were lost with the workers that held them
                self._sent.clear()
                losses = 0 if len(results) > before else losses + 1
                if losses == MOST_LOSSES:
                    raise self._gone()
        self._drop_old(shared)
        return [results[index] for index in range(len(items))]

    def _handed_out(
        self,
        name: str,
        shared: Mapping[str, np.ndarray],
        items: Mapping[int, Packed],
    ) -> dict[int, Any]:
        """Submits calls; returns futures by item index; `name` is the function key."""
        arrays = dict(shared)
        for item in items.values():
            arrays |= item.arrays
        self._send(arrays)
        return {
            index: self._submitted(
                _called,
                modules.digest(),
                name,
                item.text,
                {key: self._sent[key] for key in (*shared, *item.arrays)},
            )
            for index, item in items.items()
        }

    def _send(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Sends arrays to all workers, without those sent before."""
        unsent = {key: array for key, array in arrays.items() if key not in self._sent}
        if not unsent:
            return
        for _ in range(MOST_LOSSES):
            self.await_workers()
            # Another name each time: Dask may not have dropped the lost one yet.
            names = {key: f"{key[:16]}-{uuid.uuid4().hex}" for key in unsent}
            data = {names[key]: array for key, array in unsent.items()}
            try:
                sent = self._client.scatter(data, broadcast=True, hash=False)
            except Exception as error:  # of many kinds, if a worker goes meanwhile
                why = error
                time.sleep(LOOK_S)
            else:
                self._sent |= {key: sent[name] for key, name in names.items()}
                return
        raise self._gone() from why

    def _drop_old(self, arrays: Iterable[str]) -> None:
        """Drops all arrays but these and those of the call before."""
        self._needed.append(set(arrays))
        needed_keys = set().union(*self._needed)
        self._sent = {
            key: future for key, future in self._sent.items() if key in needed_keys
        }

    def _results(self, futures: Mapping[int, Any]) -> Iterator[tuple[int, Any]]:
        """Yields index and result of calls as they end, without lost ones."""
        is_news, pending = threading.Event(), dict(futures)
        for future in futures.values():
            future.add_done_callback(lambda _: is_news.set())
        while pending:
            if not is_news.wait(LOOK_S):
                self.await_workers()
            is_news.clear()
            ended = [
                index for index, future in pending.items() if future.status in ENDED
            ]
            for index in ended:
                with contextlib.suppress(CancelledError):
                    yield index, self._result(pending.pop(index))

    def _result(self, future: Any) -> Any:
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=GONE_S)
        except TimeoutError as error:  # its worker went after it had ended
            raise CancelledError from error
        except KilledWorker as error:
            raise RunError(
                f"one piece of work ended {error.allowed_failures + 1} workers of "
                f"{KEY}={self._address}: they may have too little memory for it"
            ) from error

    def _gone(self) -> RunError:
        return RunError(
            f"the workers of {KEY}={self._address} are gone; the same command goes on "
            "once they are there again"
        )


class Call:
    """A call on some worker; Dask repeats it if the worker dies.

    Args:
      future: of Dask.
      result: returns the result of a future.
      gone: makes the error for a cluster that is gone.
    """

    def __init__(self, future: Any, result: Callable[[Any], Any], gone: Callable):
        self._future, self._result, self._gone = future, result, gone

    def has_ended(self) -> bool:
        """Whether `result` need not wait."""
        return self._future.status in ENDED

    def result(self) -> Any:
        """Returns the call's result.

        Raises:
          RunError: the cluster went away, or the call ends every worker.
        """
        try:
            return self._result(self._future)
        except CancelledError as error:
            raise self._gone() from error

    def cancel(self) -> None:
        """Cancels the call."""
        self._future.cancel()


def is_wanted() -> Callable[[], bool]:
    """Returns, on a worker, a function that tells whether its call is still wanted."""
    from distributed.worker import get_worker, thread_state

    tasks, key = get_worker().state.tasks, thread_state.key
    return lambda: key in tasks and tasks[key].state != "cancelled"


def environment() -> dict[str, str]:
    """Returns a worker's environment without Dask's limits of threads.

    A program started with it uses all cores, and gives the same bits as elsewhere.
    """
    import distributed  # noqa: F401, which sets the defaults
    from dask import config

    dask_variables = config.get("distributed.nanny.pre-spawn-environ")
    return {
        name: value
        for name, value in os.environ.items()
        if value != str(dask_variables.get(name))
    }


def _called(
    digest: str, name: str, text: bytes, arrays: Mapping[str, np.ndarray]
) -> Any:
    """Runs a call on a worker, which may have joined after the check of versions.

    `arrays[name]` is the packed function, `text` the packed item.
    """
    if digest != modules.digest():
        raise RunError(
            "a worker that joined the cluster has other files of gandl_jax than this "
            f"machine: install the same there ({INSTALL})"
        )
    fn, common = packing.unpack(arrays[name].tobytes(), arrays)
    return fn(*common, packing.unpack(text, arrays))


@functools.cache
def _versions() -> dict[str, str]:
    """Returns the versions on which results depend, to the bit."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"files of gandl_jax": modules.digest()[:12], **versions}
