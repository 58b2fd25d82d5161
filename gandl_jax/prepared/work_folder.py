"""The folder that the job `prepare` writes in: whose it is, what a killed run left."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from etils import epath

from gandl_jax import files, sealed_json
from gandl_jax.errors import InputError, RunError
from gandl_jax.prepared.prepared import DESCRIPTION, WORK


@contextlib.contextmanager
def claimed(folder: epath.Path) -> Iterator[None]:
    """Keeps other processes of this machine from preparing in a folder meanwhile.

    Args:
      folder: made if need be, with its parents; those in which nothing was written
        are removed again.

    Raises:
      InputError: another process prepares in it.
    """
    if files.bucket(folder):  # it has no folders, and no locks
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(folder):
            yield
    finally:
        for path in made:
            if path.exists() and not any(path.iterdir()):
                path.rmdir()


@contextlib.contextmanager
def _locked(folder: epath.Path) -> Iterator[None]:
    """Locks the folder itself: no file is left, and the lock ends with the process."""
    import fcntl  # POSIX has it

    opened = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a network's file system may have no locks
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"{folder} (config.data.dir) is being prepared by another process: "
                    "wait for it, or stop it; the same command goes on where it was"
                ) from error
        yield
    finally:
        os.close(opened)


def read_plan(path: epath.Path) -> dict[str, Any]:
    """What the shards of a folder are written by.

    Raises:
      InputError: it is damaged.
    """
    try:
        return sealed_json.read(path)
    except ValueError as error:  # no UTF-8, no JSON
        repeated = (path.parent / DESCRIPTION).exists()
        what = "delete it and run --job=prepare again, which keeps the shards"
        if not repeated:
            what = f"delete the folder {path.parent}, or choose another data.dir"
        raise InputError(f"{path} is damaged ({error}); {what}") from error


def clear(folder: epath.Path) -> None:
    """Removes what a killed run had not finished."""
    for place in (folder, folder / "facts"):
        if place.exists():
            for path in list(place.glob(".*.partial")):
                path.unlink(missing_ok=True)
    if (folder / WORK).exists():
        (folder / WORK).rmtree()


@contextlib.contextmanager
def writing(folder: epath.Path) -> Iterator[None]:
    """Says in one line which folder could not be written.

    Raises:
      RunError: the disk is full, or the like.
    """
    try:
        yield
    except OSError as error:
        reason = str(error.strerror or error).splitlines()[0]
        reason += f" ({error.filename})" if error.filename else ""
        raise RunError(
            f"{folder} (config.data.dir) cannot be written: {reason}; mend that and "
            "run the same command again, which goes on"
        ) from error
