"""Joins the records of another prepared screen to those of a screen.

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
    """Appends another screen's records to a screen's own.

    Their grey levels are scaled like the screen's own; on plates that the screen does
    not have, by their plates' own statistics.

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
    """Refuses a screen whose images differ.

    Args:
      main: the screen.
      other: the screen to be joined to it.
      channels: that are used.

    Raises:
      InputError: size, depth or channels differ; names them.
    """
    main_images, other_images = (
        f"{screen.height_px}x{screen.width_px} px of {screen.bit_depth} bits"
        for screen in (main, other)
    )
    if main_images != other_images:
        raise InputError(
            f"config.data.extra={other.directory} has images of {other_images}, and "
            f"{main.directory} of {main_images}: name a screen of images of the same "
            "size"
        )
    lacking = [name for name in channels if name not in other.channels]
    if lacking:
        raise InputError(
            f"config.data.extra={other.directory} has no channel {lacking[0]!r}, only "
            f"{', '.join(other.channels)}: name a screen with the same channels"
        )


def _both(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])
