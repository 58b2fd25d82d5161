"""Folder that the job `prepare` writes in: locks it, clears what a killed run left."""

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
      folder: made if need be, with its parents; folders that stay empty are removed
        again.

    Raises:
      InputError: another process prepares in it.
    """
    if files.bucket(folder):  # it has no folders, and no locks
        yield
        return
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(folder):
            yield
    finally:
        for path in new_folders:
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
    """Reads the plan by which the shards of a folder are written.

    Raises:
      InputError: it is damaged.
    """
    try:
        return sealed_json.read(path)
    except ValueError as error:  # not UTF-8, not JSON
        repeated = (path.parent / DESCRIPTION).exists()
        remedy = "delete it and run --job=prepare again, which keeps the shards"
        if not repeated:
            remedy = f"delete the folder {path.parent}, or choose another data.dir"
        raise InputError(f"{path} is damaged ({error}); {remedy}") from error


def clear(folder: epath.Path) -> None:
    """Removes what a killed run left unfinished."""
    for directory in (folder, folder / "facts"):
        if directory.exists():
            for path in list(directory.glob(".*.partial")):
                path.unlink(missing_ok=True)
    if (folder / WORK).exists():
        (folder / WORK).rmtree()


@contextlib.contextmanager
def writing(folder: epath.Path) -> Iterator[None]:
    """Raises an error in one line if the folder cannot be written.

    Raises:
      RunError: the disk is full, or similar.
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
