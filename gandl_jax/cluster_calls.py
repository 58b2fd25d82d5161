"""Functions of this package that are called on the workers of a Dask cluster.

Large arrays are sent to all workers once. Dask repeats what a worker that died was
computing; what died with the last worker that held it is sent again.
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

GONE_S = 120.0  # that all workers may be away, for others to take their place
LOOK_S = 1.0  # between two looks, where nothing is heard
ENDED = ("finished", "error", "cancelled")  # status of a future
MOST_LOSSES = 10  # of workers, one after the other, without a result (ours)
LIBRARIES = ("numpy", "scipy", "scikit-learn", "distributed")  # that must be the same


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
        """How many there are now."""
        return len(self._client.scheduler_info().get("workers", ()))

    def check_workers(self) -> None:
        """Refuses workers that would not give what this machine gives.

        Raises:
          InputError: there are none, or one has another version of what matters.
        """
        if not self.workers():
            raise InputError(
                f"{KEY}={self._address} has no workers: start some by `dask worker "
                f"{self._address}`"
            )
        # By a function of Python itself, which every worker has.
        ask = functools.partial(self._client.run, on_error="return")
        versions = ask(pydoc.locate, "gandl_jax.__version__")
        for worker, version in versions.items():
            self._refuse(worker, "gandl_jax", version, gandl_jax.__version__)
        for worker, theirs in ask(_versions).items():
            theirs = theirs if isinstance(theirs, Mapping) else {}
            for name, version in _versions().items():
                self._refuse(worker, name, theirs.get(name), version)

    def _refuse(self, worker: str, name: str, theirs: Any, ours: str) -> None:
        if theirs == ours:
            return
        has = f"has {name} {theirs}" if isinstance(theirs, str) else f"lacks {name}"
        raise InputError(
            f"the worker {worker} of {KEY}={self._address} {has}, and here it is "
            f"{ours}: install the same there ({INSTALL})"
        )

    def await_workers(self) -> int:
        """Waits until there are workers; gives how many.

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
        """Asks for one call, of a function of this package."""
        return Call(self._submitted(fn, *arguments), self._result, self._gone)

    def _submitted(self, fn: Callable[..., Any], *arguments: Any) -> Any:
        """Dask's future of a call."""
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
          common: what all calls have in common.
          items: of the calls.
          done: hears of each result as it comes.

        Returns:
          What it gave, in the items' order.

        Raises:
          RunError: the cluster went away, or one call ends every worker that tries it.
          Exception: what `fn` raises.
        """
        call = packing.pack((fn, tuple(common)))
        text = np.frombuffer(call.text, np.uint8)
        name = packing.digest(text)
        shared = {name: text} | call.arrays
        left = {place: packing.pack(item) for place, item in enumerate(items)}
        found: dict[int, Any] = {}
        losses = 0
        while left:
            before = len(found)
            futures = self._handed_out(name, shared, left)
            for place, result in self._results(futures):
                found[place] = result
                del left[place]
                done(result)
            if left:  # what they need was lost with the workers that held it
                self._sent.clear()
                losses = 0 if len(found) > before else losses + 1
                if losses == MOST_LOSSES:
                    raise self._gone()
        self._keep(shared)
        return [found[place] for place in range(len(items))]

    def _handed_out(
        self,
        name: str,
        shared: Mapping[str, np.ndarray],
        left: Mapping[int, Packed],
    ) -> dict[int, Any]:
        """The futures of calls, by their items' places; `name` is of what is called."""
        arrays = dict(shared)
        for item in left.values():
            arrays |= item.arrays
        self._send(arrays)
        return {
            place: self._submitted(
                _called,
                modules.digest(),
                name,
                item.text,
                {key: self._sent[key] for key in (*shared, *item.arrays)},
            )
            for place, item in left.items()
        }

    def _send(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Sends arrays to all workers, but those that are there."""
        new = {key: one for key, one in arrays.items() if key not in self._sent}
        if not new:
            return
        for _ in range(MOST_LOSSES):
            self.await_workers()
            # Another name each time: what was lost may not be forgotten yet.
            names = {key: f"{key[:16]}-{uuid.uuid4().hex}" for key in new}
            data = {names[key]: one for key, one in new.items()}
            try:
                sent = self._client.scatter(data, broadcast=True, hash=False)
            except Exception as error:  # whatever comes of a worker that goes meanwhile
                why = error
                time.sleep(LOOK_S)
            else:
                self._sent |= {key: sent[name] for key, name in names.items()}
                return
        raise self._gone() from why

    def _keep(self, arrays: Iterable[str]) -> None:
        """Lets go of all arrays but these and those of the call before."""
        self._needed.append(set(arrays))
        kept = set().union(*self._needed)
        self._sent = {key: one for key, one in self._sent.items() if key in kept}

    def _results(self, futures: Mapping[int, Any]) -> Iterator[tuple[int, Any]]:
        """Place and result of calls as they end, but of those that were lost."""
        heard, left = threading.Event(), dict(futures)
        for one in futures.values():
            one.add_done_callback(lambda _: heard.set())
        while left:
            if not heard.wait(LOOK_S):
                self.await_workers()
            heard.clear()
            ended = [place for place, one in left.items() if one.status in ENDED]
            for place in ended:
                with contextlib.suppress(CancelledError):
                    yield place, self._result(left.pop(place))

    def _result(self, future: Any) -> Any:
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=GONE_S)
        except TimeoutError as error:  # it went with its worker after it had ended
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
    """One call on some worker; Dask repeats it where the worker dies.

    Args:
      future: of Dask.
      result: gives that of a future.
      gone: makes the error where the cluster is gone.
    """

    def __init__(self, future: Any, result: Callable[[Any], Any], gone: Callable):
        self._future, self._result, self._gone = future, result, gone

    def has_ended(self) -> bool:
        """Whether `result` need not wait."""
        return self._future.status in ENDED

    def result(self) -> Any:
        """What it gave.

        Raises:
          RunError: the cluster went away, or the call ends every worker.
        """
        try:
            return self._result(self._future)
        except CancelledError as error:
            raise self._gone() from error

    def cancel(self) -> None:
        """Tells the worker that it is not wanted any more."""
        self._future.cancel()


def asked() -> Callable[[], bool]:
    """Tells, on a worker, whether the call in this thread is wanted still."""
    from distributed.worker import get_worker, thread_state

    tasks, key = get_worker().state.tasks, thread_state.key
    return lambda: key in tasks and tasks[key].state != "cancelled"


def environment() -> dict[str, str]:
    """A worker's variables, but for those by which Dask gives libraries one thread.

    A program of its own has all cores, and gives the same bits as elsewhere.
    """
    import distributed  # noqa: F401, which sets the defaults
    from dask import config

    told = config.get("distributed.nanny.pre-spawn-environ")
    return {k: v for k, v in os.environ.items() if v != str(told.get(k))}


def _called(
    digest: str, name: str, text: bytes, arrays: Mapping[str, np.ndarray]
) -> Any:
    """Runs on a worker, which may have come later than all were asked.

    `arrays[name]` says what is called, `text` the item.
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
    """What decides what a worker gives, to the bit."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"files of gandl_jax": modules.digest()[:12], **found}
