"""SIGTERM, or a cloud's word that the machine goes: save, leave with exit code 75.

What has something to save asks after every step whether it is to stop (`deferred`).
Everything else is stopped where it is, as by Ctrl-C, for nothing that it finished is
done again. A second SIGTERM ends the process at once, with 143. A lost terminal
(SIGHUP) is as SIGTERM, but where it is ignored, as nohup has it.
"""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

from gandl_jax import hosts

CODE, AT_ONCE = 75, 143
HEEDED = (signal.SIGTERM, signal.SIGHUP)
ONCE_S = 1.0  # within which signals are one: a group gets them from all above it
STUCK_S = 20  # after which one that cannot be stopped (it compiles) is ended
LOOK_S = 5  # between two questions to the cloud
NOTICES = ("instance/preempted", "instance/maintenance-event")  # of Google's machines
NO_NOTICE = {"FALSE", "NONE"}


class Preempted(BaseException):
    """Asked to stop: `main` exits with 75. No error, as KeyboardInterrupt is none."""


class _Request:
    """Whether this process was asked to stop, and whether that can wait."""

    def __init__(self):
        self.made = threading.Event()
        self.why = "another host's request"  # until this one is asked itself
        self.can_wait = False
        self.leaving = False
        self.signalled: float | None = None  # when, by the monotonic clock


_request = _Request()


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Heeds SIGTERM from here on, and the cloud's word where there is a TPU."""
    global _request
    _request = _Request()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    former_fd = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    formers = {number: signal.getsignal(number) for number in HEEDED}
    for number, former in formers.items():
        if former is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    ended = threading.Event()
    _start(_count_signals, reading, _request)
    if hosts.may_have_tpu():
        _start(_watch_cloud, _request, ended)
    try:
        yield
    finally:
        ended.set()
        for number, former in formers.items():
            signal.signal(number, former)
        signal.set_wakeup_fd(former_fd)
        os.close(writing)


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[int], bool]]:
    """Lets a request wait until it is asked for, after every step.

    Yields:
      A function of the steps completed: whether to save and stop now. Several hosts
      stop after the same step.
    """
    _request.can_wait = True
    try:
        yield lambda step: hosts.stop_after(step, _request.made.is_set())
    finally:
        _request.leaving = _request.made.is_set()
        _request.can_wait = False
    if _request.leaving:
        raise preempted("stopped")


def preempted(done: str) -> Preempted:
    """What to raise, once so much was done, for who was asked to stop."""
    return Preempted(f"{done} on {_request.why}")


def leave() -> None:
    """Ends the process, which has written all that it had to."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CODE)


def _start(fn: Callable, *args) -> None:
    threading.Thread(target=fn, args=args, daemon=True).start()


def _on_signal(number: int, frame: object) -> None:
    """Runs in the main thread, once it is in Python."""
    if not _request.can_wait and not _request.leaving:  # whose end is not disturbed
        _request.leaving = True
        if not _request.made.is_set():  # else it is known: the cloud may have asked
            _request.why = signal.Signals(number).name
        raise preempted("stopped")


def _count_signals(reading: int, request: _Request) -> None:
    """Hears of signals at once, whatever the main thread does."""
    with open(reading, "rb", buffering=0) as pipe:
        while numbers := pipe.read(64):
            for number in filter(HEEDED.__contains__, numbers):
                now = time.monotonic()
                if request.signalled is None:
                    request.signalled = now
                    _ask(request, signal.Signals(number).name)
                elif now - request.signalled > ONCE_S:
                    os._exit(AT_ONCE)


def _watch_cloud(request: _Request, ended: threading.Event) -> None:
    """Asks Google's metadata server; what it says from the start on is known."""
    before = {notice: hosts.cloud_says(notice) for notice in NOTICES}
    while not ended.wait(LOOK_S) and not request.made.is_set():
        for notice in NOTICES:
            told = hosts.cloud_says(notice)
            if told not in (None, before[notice], *NO_NOTICE):
                _ask(request, f"{notice} is {told}")
                if not request.can_wait:
                    _thread.interrupt_main(signal.SIGTERM)
                return


def _ask(request: _Request, why: str) -> None:
    waits = request.can_wait
    request.why = why
    request.made.set()
    does = "saving, then leaving" if waits else "leaving"
    if not waits:
        _start(_end_if_stuck, request)
    told = f"gandl_jax: {why}: {does}; SIGTERM again ends it at once"
    with contextlib.suppress(OSError, ValueError):  # the terminal is gone
        print(told, file=sys.stderr)


def _end_if_stuck(request: _Request) -> None:
    time.sleep(STUCK_S)
    if request is _request and not request.can_wait:
        leave()
