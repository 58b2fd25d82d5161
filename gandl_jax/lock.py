"""One process at a time in a workdir: its file `lock`, which says who holds it.

On a disk the system locks that file, and lets go of it when the process ends, however
it ends. Buckets know no locks, nor do some network disks: there the holder says every
so often that it lives, and one that was silent for long, or that is known to be dead,
holds nothing.
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
HOLDER = {  # what a lock may say; other things are as if it said nothing
    "host?": str,
    "pid?": int,
    "since?": str,
    "command?": str,
    "alive?": float,
    "token?": str,
}
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
BEAT_S = 20  # between two signs of life, where nothing can be locked
SILENT_S = 120  # after which a holder counts as dead there
TRIES, TRY_S = 3, 0.1
_tokens: set[str] = set()  # of this process's own locks
SETTLE_S = 2  # what two that come at once wait, to see who was last


@contextlib.contextmanager
def held(workdir: epath.PathLike, command: str) -> Iterator[None]:
    """Holds a workdir, which exists.

    Args:
      workdir: of the experiment.
      command: what is run, for whoever else comes.

    Raises:
      InputError: another process holds it.
    """
    file = epath.Path(workdir) / FILE
    without_locks = _is_locked_by_another(file) is None
    hold = _hold_by_signs_of_life if without_locks else _hold_by_system
    with hold(file, _mine(command)):
        yield


def holder(workdir: epath.PathLike) -> dict[str, Any] | None:
    """The living process that holds a workdir; None where nobody does.

    Args:
      workdir: of the experiment.

    Returns:
      {"host", "pid", "since" (ISO date), "command"}; {} of one that has not said.
    """
    file = epath.Path(workdir) / FILE
    if not file.exists():
        return None
    is_held, found = _is_locked_by_another(file), _read(file)
    if is_held is None:
        is_held = bool(found) and not _is_dead(found)
    return found if is_held else None


def other_holder(workdir: epath.PathLike) -> dict[str, Any] | None:
    """As `holder`, but None where it is this process itself that holds the workdir."""
    found = holder(workdir)
    mine = {"host": socket.gethostname(), "pid": os.getpid()}
    return None if found and mine.items() <= found.items() else found


@contextlib.contextmanager
def _hold_by_system(file: epath.Path, mine: dict[str, Any]) -> Iterator[None]:
    files.check_regular(file)
    # The file stays: who deleted it could delete that of the next to come.
    with open(file, "a+") as opened:
        if not _is_locked(opened) or not _is_there(opened, file):
            raise _refusal(file.parent, _read(file))
        opened.truncate(0)
        opened.write(json.dumps(mine) + "\n")
        opened.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a disk that is read-only by now
                opened.truncate(0)


def _is_locked_by_another(file: epath.Path) -> bool | None:
    """Whether it is, by the system, which is None where none locks; makes the file."""
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
    """Locks a file; one who only looks whether it is locked lets go in an instant."""
    for _ in range(TRIES):
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(TRY_S)
    return False


def _is_there(opened: IO, file: epath.Path) -> bool:
    """Whether what was locked was not deleted meanwhile, with its workdir."""
    return file.exists() and os.fstat(opened.fileno()).st_ino == os.stat(file).st_ino


@contextlib.contextmanager
def _hold_by_signs_of_life(file: epath.Path, mine: dict[str, Any]) -> Iterator[None]:
    before = _read(file) if file.exists() else {}
    if before and not _is_dead(before) and not _falls_silent(file, before):
        raise _refusal(file.parent, before)
    mine["token"] = uuid.uuid4().hex
    _tokens.add(mine["token"])
    _beat(file, mine)
    time.sleep(SETTLE_S)
    if not _is_own(file, mine):
        raise _refusal(file.parent, _read(file))
    ended = threading.Event()
    beats = threading.Thread(target=_go_on, args=(file, mine, ended), daemon=True)
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        with contextlib.suppress(OSError):
            if _is_own(file, mine):
                file.unlink(missing_ok=True)


def _go_on(file: epath.Path, mine: dict[str, Any], ended: threading.Event) -> None:
    while not ended.wait(BEAT_S):
        # A bucket that does not answer now is asked again; others wait longer.
        with contextlib.suppress(Exception):
            if _read(file).get("token", mine["token"]) != mine["token"]:
                _leave_to_another(file)
            _beat(file, mine)


def _leave_to_another(file: epath.Path) -> None:
    """Ends this process, which was silent for so long that another came."""
    told = f"gandl_jax: {_refusal(file.parent, _read(file))}"
    print(told, file=sys.stderr, flush=True)
    os._exit(1)


def _falls_silent(file: epath.Path, found: dict[str, Any]) -> bool:
    """Waits for the next sign of life of one on another machine, or until it is late.

    A machine that takes the place of a dead one comes sooner than that one counts as
    dead.
    """
    if found.get("host") == socket.gethostname():
        return False
    print(f"{file.parent} was in use on {found.get('host')}: does it still live?")
    while not _is_dead(found):
        time.sleep(BEAT_S / 4)
        if not file.exists():
            return True  # it has ended
        if _read(file) not in ({}, found):  # {}: it could not be read
            return False
    return True


def _is_own(file: epath.Path, mine: dict[str, Any]) -> bool:
    return _read(file).get("token") == mine["token"]


def _beat(file: epath.Path, mine: dict[str, Any]) -> None:
    files.replace(file, json.dumps(mine | {"alive": time.time()}) + "\n")


def _is_dead(found: dict[str, Any]) -> bool:
    is_silent = time.time() - found.get("alive", 0) > SILENT_S
    if found.get("host") != socket.gethostname():
        return is_silent
    pid = found.get("pid")  # which another process may have by now, even this one
    is_former = pid == os.getpid() and found.get("token") not in _tokens
    return is_former or is_silent or not pathlib.Path(f"/proc/{pid}").exists()


def _mine(command: str) -> dict[str, Any]:
    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    host = socket.gethostname()
    return {"host": host, "pid": os.getpid(), "since": since, "command": command}


def _read(file: epath.Path) -> dict[str, Any]:
    try:
        found = files.read_json(file)
    except (OSError, ValueError, RecursionError):  # as it is being written
        return {}
    return found if plain_data.fits(found, HOLDER) else {}


def _refusal(workdir: epath.Path, found: dict[str, Any]) -> InputError:
    who = "another process"
    if found:
        who = (
            f"process {found.get('pid')} on {found.get('host')}, since "
            f"{found.get('since')}: {found.get('command')!r}"
        )
    return InputError(
        f"{workdir} is in use by {who}; wait for its end, or choose another --workdir"
    )
