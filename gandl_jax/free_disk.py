"""The check that a disk has room for a job's files."""

import shutil

from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError


def require(workdir: epath.PathLike, needed: int, what: str) -> None:
    """Refuses to begin if a disk has no room; buckets always have.

    Args:
      workdir: to be written to; it need not exist.
      needed: bytes.
      what: name of the work, for the message: "a comparison".

    Raises:
      InputError: the disk has fewer bytes free.
    """
    if files.is_remote(workdir):
        return
    path = files.absolute(workdir)
    existing = next(
        candidate for candidate in (path, *path.parents) if candidate.exists()
    )
    free = shutil.disk_usage(existing).free
    if free < needed:
        free_text, needed_text = (f"{size / 1e6:,.0f} MB" for size in (free, needed))
        raise InputError(
            f"the disk of --workdir={workdir} has {free_text} free, and {what} needs "
            f"{needed_text}: free some, or name another disk"
        )
