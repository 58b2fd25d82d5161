"""Is there room on a disk for what a job will write?"""

import shutil

from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError


def require(workdir: epath.PathLike, needed: int, what: str) -> None:
    """Refuses to begin where a disk has no room; buckets always have.

    Args:
      workdir: that is written to; it need not be there.
      needed: bytes.
      what: needs them, for the message: "a comparison".

    Raises:
      InputError: the disk has fewer free.
    """
    if files.is_remote(workdir):
        return
    place = files.absolute(workdir)
    there = next(p for p in (place, *place.parents) if p.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        has, needs = (f"{size / 1e6:,.0f} MB" for size in (free, needed))
        raise InputError(
            f"the disk of --workdir={workdir} has {has} free, and {what} needs "
            f"{needs}: free some, or name another disk"
        )
