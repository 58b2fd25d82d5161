"""A prepared screen with the records of another one after its own.

Imports nothing slow.
"""

import dataclasses

import numpy as np
import pandas as pd

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.prepared.description import PLATES
from gandl_jax.prepared.prepared import Prepared


def join(main: Prepared, other: Prepared) -> Prepared:
    """Puts another screen's records after a screen's own.

    Their grey levels are scaled as the screen's own are; of plates that it does not
    have, by their own.

    Args:
      main: the screen; its records keep their rows.
      other: of images of the same size, depth and channels.
    """
    shards = [str(files.absolute(other.directory) / name) for name in other.files]
    plates = {**other.description.get(PLATES, {}), **main.description.get(PLATES, {})}
    return dataclasses.replace(
        main,
        table=pd.concat([main.table, other.table], ignore_index=True),
        shard=np.concatenate([main.shard, other.shard + main.shards]),
        offset=np.concatenate([main.offset, other.offset]),
        length=np.concatenate([main.length, other.length]),
        files=(*main.files, *shards),
        description={**main.description, PLATES: plates},
        digest=_both(main.digest, other.digest),
        ids=_both(main.ids, other.ids),
    )


def check_alike(main: Prepared, other: Prepared, channels: tuple[str, ...]) -> None:
    """Refuses a screen of other images.

    Args:
      main: the screen.
      other: that shall join it.
      channels: that are used.

    Raises:
      InputError: with what differs.
    """
    ours, theirs = (
        f"{one.height_px}x{one.width_px} px of {one.bit_depth} bits"
        for one in (main, other)
    )
    if ours != theirs:
        raise InputError(
            f"config.data.extra={other.directory} has images of {theirs}, and "
            f"{main.directory} of {ours}: name a screen of images of the same size"
        )
    lacking = [name for name in channels if name not in other.channels]
    if lacking:
        raise InputError(
            f"config.data.extra={other.directory} has no channel {lacking[0]!r}, only "
            f"{', '.join(other.channels)}: name a screen with the same channels"
        )


def _both(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    return None if one is None or other is None else np.concatenate([one, other])
