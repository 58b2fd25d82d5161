"""Saving and leaving on SIGTERM, Ctrl-C, or a cloud's notice of preemption.

Code with something to save asks after every step whether to stop (`deferred`). All else
is stopped where it is, as no finished work is done again. The exit code is 75, or 130
after Ctrl-C (SIGINT). A second SIGTERM or Ctrl-C ends the process at once, with 143 or
130. A lost terminal (SIGHUP) acts like SIGTERM, but a second one changes nothing; if it
is ignored, as under nohup, it stays ignored.
"""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

from gandl_jax import hosts, terminal

CODE, AT_ONCE, INTERRUPTED = 75, 143, 130
HEEDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
ONCE_S = 1.0  # within which signals count as one: several parents may send it
PRESSED_S = 0.2  # the same for Ctrl-C, which a person may press twice in a second
STUCK_S = 20  # after which a process that cannot be stopped (it compiles) is ended
LOOK_S = 5  # between two questions to the cloud
NOTICES = ("instance/preempted", "instance/maintenance-event")  # of Google's machines
NO_NOTICE = {"FALSE", "NONE"}


class Preempted(BaseException):
    """A request to stop; no error, like KeyboardInterrupt.

    Args:
      message: what was done, and on whose request.
      code: that `main` exits with.
    """

    def __init__(self, message: str, code: int = CODE):
        super().__init__(message)
        self.code = code


class _Request:
    """State of a request to stop, and whether it can wait."""

    def __init__(self):
        self.made = threading.Event()
        self.why = "another host's request"  # until this host is asked itself
        self.code = CODE
        self.can_wait = False
        self.leaving = False
        self.signalled: float | None = None  # when, by the monotonic clock


_request = _Request()


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Handles these signals within, and the cloud's notices if there is a TPU."""
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
    """Defers requests to stop to the end of a step.

    Yields:
      A function of the steps completed that tells whether to save and stop now. Several
      hosts stop after the same step.
    """
    _request.can_wait = True
    try:
        yield lambda step: hosts.stop_after(step, _request.made.is_set())
    finally:
        _request.leaving = _request.made.is_set()
        _request.can_wait = False
    if _request.leaving:
        raise stop_error("stopped")


def stop_error(done: str) -> Preempted:
    """Makes the error for a process that was asked to stop."""
    return Preempted(f"{done} on {_request.why}", _request.code)


def leave(code: int) -> None:
    """Ends the process, once all is written."""
    terminal.flush()
    os._exit(code)


def _start(fn: Callable, *args) -> None:
    threading.Thread(target=fn, args=args, daemon=True).start()


def _on_signal(number: int, frame: object) -> None:
    """Runs in the main thread, once it is in Python."""
    if not _request.can_wait and not _request.leaving:  # leaving is not disturbed
        _request.leaving = True
        if not _request.made.is_set():  # else the cloud may have asked before
            _request.why, _request.code = _name(number), _code(number)
        raise stop_error("stopped")


def _name(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _code(number: int) -> int:
    return INTERRUPTED if number == signal.SIGINT else CODE


def _count_signals(reading: int, request: _Request) -> None:
    """Counts signals at once, whatever the main thread does."""
    with open(reading, "rb", buffering=0) as pipe:
        while numbers := pipe.read(64):
            for number in filter(HEEDED.__contains__, numbers):
                _count_signal(number, request)


def _count_signal(number: int, request: _Request) -> None:
    pressed = number == signal.SIGINT
    before, now = request.signalled, time.monotonic()
    if not request.made.is_set():
        _ask(request, _name(number), _code(number))
    # A lost terminal may be signalled by several parents, one after the other.
    if number == signal.SIGHUP:
        return
    if before is None:
        request.signalled = now
    elif now - before > (PRESSED_S if pressed else ONCE_S):
        os._exit(INTERRUPTED if pressed else AT_ONCE)


def _watch_cloud(request: _Request, ended: threading.Event) -> None:
    """Asks Google's metadata server for notices that were not there at the start."""
    before = {notice: hosts.cloud_says(notice) for notice in NOTICES}
    while not ended.wait(LOOK_S) and not request.made.is_set():
        for notice in NOTICES:
            answer = hosts.cloud_says(notice)
            if answer not in (None, before[notice], *NO_NOTICE):
                _ask(request, f"{notice} is {answer}", CODE)
                if not request.can_wait:
                    _thread.interrupt_main(signal.SIGTERM)
                return


def _ask(request: _Request, why: str, code: int) -> None:
    can_wait = request.can_wait
    request.why, request.code = why, code
    request.made.set()
    action = "saving, then leaving" if can_wait else "leaving"
    if not can_wait:
        _start(_end_if_stuck, request)
    signal_text = "Ctrl-C" if code == INTERRUPTED else "SIGTERM"
    message = f"gandl_jax: {why}: {action}; {signal_text} again ends it at once"
    with contextlib.suppress(OSError, ValueError):  # the terminal is gone
        print(message, file=sys.stderr)


def _end_if_stuck(request: _Request) -> None:
    time.sleep(STUCK_S)
    if request is _request and not request.can_wait:
        leave(request.code)
