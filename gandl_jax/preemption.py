"""SIGTERM, Ctrl-C, or a cloud's word that the machine goes: save, then leave.

What has something to save asks after every step whether it is to stop (`deferred`).
Everything else is stopped where it is, for nothing that it finished is done again. The
exit code is 75, or 130 after Ctrl-C (SIGINT). A second SIGTERM or Ctrl-C ends the
process at once, with 143 or 130. A lost terminal (SIGHUP) is as SIGTERM, but that a
second one changes nothing; where it is ignored, as nohup has it, it stays so.
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
ONCE_S = 1.0  # within which signals are one: a group gets them from all above it
PRESSED_S = 0.2  # the same of Ctrl-C, which a person may press twice in a second
STUCK_S = 20  # after which one that cannot be stopped (it compiles) is ended
LOOK_S = 5  # between two questions to the cloud
NOTICES = ("instance/preempted", "instance/maintenance-event")  # of Google's machines
NO_NOTICE = {"FALSE", "NONE"}


class Preempted(BaseException):
    """Asked to stop. No error, as KeyboardInterrupt is none.

    Args:
      told: what was done, and on whose request.
      code: that `main` exits with.
    """

    def __init__(self, told: str, code: int = CODE):
        super().__init__(told)
        self.code = code


class _Request:
    """Whether this process was asked to stop, and whether that can wait."""

    def __init__(self):
        self.made = threading.Event()
        self.why = "another host's request"  # until this one is asked itself
        self.code = CODE
        self.can_wait = False
        self.leaving = False
        self.signalled: float | None = None  # when, by the monotonic clock


_request = _Request()


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Heeds these signals from here on, and the cloud's word where there is a TPU."""
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
        raise stop_error("stopped")


def stop_error(done: str) -> Preempted:
    """Error for a process that was asked to stop; its message says what was done."""
    return Preempted(f"{done} on {_request.why}", _request.code)


def leave(code: int) -> None:
    """Ends the process, which has written all that it had to."""
    terminal.flush()
    os._exit(code)


def _start(fn: Callable, *args) -> None:
    threading.Thread(target=fn, args=args, daemon=True).start()


def _on_signal(number: int, frame: object) -> None:
    """Runs in the main thread, once it is in Python."""
    if not _request.can_wait and not _request.leaving:  # whose end is not disturbed
        _request.leaving = True
        if not _request.made.is_set():  # else it is known: the cloud may have asked
            _request.why, _request.code = _name(number), _code(number)
        raise stop_error("stopped")


def _name(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _code(number: int) -> int:
    return INTERRUPTED if number == signal.SIGINT else CODE


def _count_signals(reading: int, request: _Request) -> None:
    """Hears of signals at once, whatever the main thread does."""
    with open(reading, "rb", buffering=0) as pipe:
        while numbers := pipe.read(64):
            for number in filter(HEEDED.__contains__, numbers):
                _count_signal(number, request)


def _count_signal(number: int, request: _Request) -> None:
    pressed = number == signal.SIGINT
    before, now = request.signalled, time.monotonic()
    if not request.made.is_set():
        _ask(request, _name(number), _code(number))
    # Who loses the terminal may be told so by everyone above, one after the other.
    if number == signal.SIGHUP:
        return
    if before is None:
        request.signalled = now
    elif now - before > (PRESSED_S if pressed else ONCE_S):
        os._exit(INTERRUPTED if pressed else AT_ONCE)


def _watch_cloud(request: _Request, ended: threading.Event) -> None:
    """Asks Google's metadata server; what it says from the start on is known."""
    before = {notice: hosts.cloud_says(notice) for notice in NOTICES}
    while not ended.wait(LOOK_S) and not request.made.is_set():
        for notice in NOTICES:
            told = hosts.cloud_says(notice)
            if told not in (None, before[notice], *NO_NOTICE):
                _ask(request, f"{notice} is {told}", CODE)
                if not request.can_wait:
                    _thread.interrupt_main(signal.SIGTERM)
                return


def _ask(request: _Request, why: str, code: int) -> None:
    waits = request.can_wait
    request.why, request.code = why, code
    request.made.set()
    does = "saving, then leaving" if waits else "leaving"
    if not waits:
        _start(_end_if_stuck, request)
    again = "Ctrl-C" if code == INTERRUPTED else "SIGTERM"
    told = f"gandl_jax: {why}: {does}; {again} again ends it at once"
    with contextlib.suppress(OSError, ValueError):  # the terminal is gone
        print(told, file=sys.stderr)


def _end_if_stuck(request: _Request) -> None:
    time.sleep(STUCK_S)
    if request is _request and not request.can_wait:
        leave(request.code)
