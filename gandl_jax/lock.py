"""A lock of a workdir for one process at a time: its file `lock` names the holder.

On a disk the system locks that file, and unlocks it when the process ends, however it
ends. Buckets and some network disks have no locks: there the holder writes regular
signs of life, and one that was silent for long, or is known to be dead, holds nothing.
"""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import pathlib
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import IO, Any

from etils import epath

from gandl_jax import files, plain_data
from gandl_jax.errors import InputError

FILE = "lock"
HOLDER = {  # content of a lock; other content counts as empty
    "host?": str,
    "pid?": int,
    "since?": str,
    "command?": str,
    "alive?": float,
    "token?": str,
}
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
BEAT_S = 20  # between two signs of life, without locks of the system
SILENT_S = 120  # of silence, after which a holder counts as dead
TRIES, TRY_S = 3, 0.1
_tokens: set[str] = set()  # of this process's locks
SETTLE_S = 2  # wait of processes that come at once, to see whose token stays


@contextlib.contextmanager
def held(workdir: epath.PathLike, command: str) -> Iterator[None]:
    """Holds a workdir, which must exist.

    Args:
      workdir: of the experiment.
      command: command line of this process, for others to read.

    Raises:
      InputError: another process holds it.
    """
    file = epath.Path(workdir) / FILE
    without_locks = _is_locked_by_another(file) is None
    hold = _hold_by_signs_of_life if without_locks else _hold_by_system
    with hold(file, _own_content(command)):
        yield


@contextlib.contextmanager
def held_here(workdir: epath.PathLike, command: str) -> Iterator[None]:
    """Holds a workdir as `held` does, unless this process holds it already."""
    if holder(workdir) and other_holder(workdir) is None:
        yield
        return
    with held(workdir, command):
        yield


def holder(workdir: epath.PathLike) -> dict[str, Any] | None:
    """Returns the living process that holds a workdir; None if there is none.

    Args:
      workdir: of the experiment.

    Returns:
      {"host", "pid", "since" (ISO date), "command"}; {} if its lock is still empty.
    """
    file = epath.Path(workdir) / FILE
    if not file.exists():
        return None
    is_held, content = _is_locked_by_another(file), _read(file)
    if is_held is None:
        is_held = bool(content) and not _is_dead(content)
    return content if is_held else None


def other_holder(workdir: epath.PathLike) -> dict[str, Any] | None:
    """Returns `holder`, but None if it is this process."""
    content = holder(workdir)
    own_content = {"host": socket.gethostname(), "pid": os.getpid()}
    return None if content and own_content.items() <= content.items() else content


@contextlib.contextmanager
def _hold_by_system(file: epath.Path, own_content: dict[str, Any]) -> Iterator[None]:
    files.check_regular(file)
    # The file stays: deleting it could delete the next holder's.
    with open(file, "a+") as opened:
        if not _is_locked(opened) or not _is_there(opened, file):
            raise _refusal(file.parent, _read(file))
        opened.truncate(0)
        opened.write(json.dumps(own_content) + "\n")
        opened.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a disk that is read-only by now
                opened.truncate(0)


def _is_locked_by_another(file: epath.Path) -> bool | None:
    """Whether another process locks the file; None without locks; makes the file."""
    if files.is_remote(file):
        return None
    files.check_regular(file)
    opened = os.open(file, os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            return None
        raise
    finally:
        os.close(opened)
    return False


def _is_locked(opened: IO) -> bool:
    """Locks a file; tries again, as others hold it for an instant to look at it."""
    for _ in range(TRIES):
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(TRY_S)
    return False


def _is_there(opened: IO, file: epath.Path) -> bool:
    """Whether the locked file still exists, and its workdir."""
    return file.exists() and os.fstat(opened.fileno()).st_ino == os.stat(file).st_ino


@contextlib.contextmanager
def _hold_by_signs_of_life(
    file: epath.Path, own_content: dict[str, Any]
) -> Iterator[None]:
    before = _read(file) if file.exists() else {}
    if before and not _is_dead(before) and not _falls_silent(file, before):
        raise _refusal(file.parent, before)
    own_content["token"] = uuid.uuid4().hex
    _tokens.add(own_content["token"])
    _beat(file, own_content)
    time.sleep(SETTLE_S)
    if not _is_own(file, own_content):
        raise _refusal(file.parent, _read(file))
    ended = threading.Event()
    beats = threading.Thread(
        target=_go_on, args=(file, own_content, ended), daemon=True
    )
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        with contextlib.suppress(OSError):
            if _is_own(file, own_content):
                file.unlink(missing_ok=True)


def _go_on(
    file: epath.Path, own_content: dict[str, Any], ended: threading.Event
) -> None:
    while not ended.wait(BEAT_S):
        # A bucket that does not answer is asked again at the next beat.
        with contextlib.suppress(Exception):
            if _read(file).get("token", own_content["token"]) != own_content["token"]:
                _leave_to_another(file)
            _beat(file, own_content)


def _leave_to_another(file: epath.Path) -> None:
    """Ends this process, which was silent for so long that another took over."""
    message = f"gandl_jax: {_refusal(file.parent, _read(file))}"
    print(message, file=sys.stderr, flush=True)
    os._exit(1)


def _falls_silent(file: epath.Path, content: dict[str, Any]) -> bool:
    """Waits for a holder on another machine to give a sign of life, or be late.

    A machine that replaces a dead one comes before that one counts as dead.
    """
    if content.get("host") == socket.gethostname():
        return False
    print(f"{file.parent} was in use on {content.get('host')}: does it still live?")
    while not _is_dead(content):
        time.sleep(BEAT_S / 4)
        if not file.exists():
            return True  # it has ended
        if _read(file) not in ({}, content):  # {}: it could not be read
            return False
    return True


def _is_own(file: epath.Path, own_content: dict[str, Any]) -> bool:
    return _read(file).get("token") == own_content["token"]


def _beat(file: epath.Path, own_content: dict[str, Any]) -> None:
    files.replace(file, json.dumps(own_content | {"alive": time.time()}) + "\n")


def _is_dead(content: dict[str, Any]) -> bool:
    is_silent = time.time() - content.get("alive", 0) > SILENT_S
    if content.get("host") != socket.gethostname():
        return is_silent
    pid = content.get("pid")  # which another process may have now, even this one
    is_former = pid == os.getpid() and content.get("token") not in _tokens
    return is_former or is_silent or not pathlib.Path(f"/proc/{pid}").exists()


def _own_content(command: str) -> dict[str, Any]:
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    host = socket.gethostname()
    return {"host": host, "pid": os.getpid(), "since": since, "command": command}


def _read(file: epath.Path) -> dict[str, Any]:
    try:
        content = files.read_json(file)
    except (OSError, ValueError, RecursionError):  # as it is being written
        return {}
    return content if plain_data.fits(content, HOLDER) else {}


def _refusal(workdir: epath.Path, content: dict[str, Any]) -> InputError:
    holder_text = "another process"
    if content:
        holder_text = (
            f"process {content.get('pid')} on {content.get('host')}, since "
            f"{content.get('since')}: {content.get('command')!r}"
        )
    return InputError(
        f"{workdir} is in use by {holder_text}; wait for its end, or choose another "
        "--workdir"
    )
