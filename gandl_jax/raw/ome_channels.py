"""Checks a config's channels against those of OME plates. Imports nothing slow."""

from collections.abc import Sequence

from gandl_jax.errors import InputError
from gandl_jax.raw.ome_tiff import TiffPlates
from gandl_jax.raw.ome_zarr import ZarrPlate


def check(names: Sequence[str], plates: Sequence[ZarrPlate | TiffPlates]) -> None:
    """Refuses channel names that are the plates' labels in another order or number.

    Names that are no labels of the plate rename its channels.

    Args:
      names: of the channels, as the config has them.
      plates: of the raw screen.

    Raises:
      InputError: with the plate's labels in their order.
    """
    for plate in plates:
        labels = plate.channels
        if labels and len(labels) != len(names):
            raise InputError(
                f"{plate.name} has {_count(labels)}, {', '.join(labels)}, and "
                f"config.screen.channels names {len(names)}, {', '.join(names)}: name "
                "all, in the plate's order; --config.data.channels chooses among them"
            )
        plain_names, plain_labels = list(map(_plain, names)), list(map(_plain, labels))
        if sorted(plain_names) == sorted(plain_labels) and plain_names != plain_labels:
            raise InputError(
                f"config.screen.channels are {', '.join(names)}, and {plate.name} has "
                f"them in the order {', '.join(labels)}: write them in the plate's"
            )


def _count(labels: Sequence[str]) -> str:
    return f"{len(labels)} channel{'s' * (len(labels) != 1)}"


def _plain(name: str) -> str:
    """Drops capitals and signs, in which spellings differ."""
    return "".join(filter(str.isalnum, name.casefold()))
