"""Feature set: a named table of features, one row per record, which is judged."""

import dataclasses
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.profiles import floors
from gandl_jax.profiles.seen import Seen


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """Features of N records, with the metadata of each record.

    Attributes:
      name: "gan@2000/b8", or "intensity" for an encoder with one set of its name.
      metadata: [N] rows of Metadata_* columns.
      features: [N, D] float32.
      seen: what the encoder saw of each record in training; unknown if None, as for a
        table that others made.
    """

    name: str
    metadata: pd.DataFrame
    features: np.ndarray
    seen: Seen | None = None

    def __post_init__(self):
        """Refuses a table that is not one row of features per record."""
        if self.seen is None:
            object.__setattr__(self, "seen", Seen.alike(len(self.metadata), None))
        if self.features.ndim != 2 or len(self.features) != len(self.metadata):
            raise InputError(
                f"Feature set {self.name!r} has features of shape "
                f"{self.features.shape} for {len(self.metadata)} records: embed again."
            )

    @property
    def encoder(self) -> str:
        """Name of the encoder of the features: "gan@2000", "intensity"."""
        return encoder(self.name)

    @property
    def short_name(self) -> str:
        """Name of the set within its encoder: "b8", "intensity"."""
        return self.name.rpartition("/")[2]

    def take(self, rows: np.ndarray) -> "FeatureSet":
        """Returns the same set of some records only.

        Args:
          rows: [n] int positions, or [N] bool.

        Returns:
          The set of these records, in the order asked for.
        """
        return dataclasses.replace(
            self,
            metadata=self.metadata.iloc[rows],
            features=self.features[rows],
            seen=self.seen.take(rows),
        )


def full_name(encoder: str, short_name: str) -> str:
    """Names a set of an encoder among those of all encoders.

    Args:
      encoder: "gan@2000", "intensity".
      short_name: "b8"; an encoder with one set of its own name has no second part.

    Returns:
      "gan@2000/b8", "intensity".
    """
    return encoder if short_name == encoder else f"{encoder}/{short_name}"


def encoder(name: str) -> str:
    """Returns the encoder in a set's full name: "gan@2000" of "gan@2000/b8"."""
    return name.partition("/")[0]


def step(encoder: str) -> int | None:
    """Returns the training step of an encoder.

    Args:
      encoder: "gan@2000".

    Returns:
      2000; None for an encoder that is no checkpoint.
    """
    _, at, number = encoder.rpartition("@")
    return int(number) if at and number.isdecimal() else None


def is_network(encoder: str) -> bool:
    """Tells from its name whether an encoder is a network.

    Args:
      encoder: "gan@2000", "gan@start", "intensity"; "@" is in no other's name.
    """
    return "@" in encoder


def start_name(method: str) -> str:
    """Names the encoder that a training started from, if that was not untrained."""
    return f"{method}@start"


def named(method: str, name: str) -> str:
    """Names an encoder that is no checkpoint, such as one from a file.

    Args:
      method: "gan".
      name: any, "ffhq 512"; characters that suit no folder's name are replaced.

    Returns:
      "gan@ffhq-512".
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "file"
    return f"{method}@{f'file-{plain}' if plain.isdecimal() else plain}"


def untrained_name(name: str) -> str | None:
    """Names the same features under the untrained network: "gan@9/b8" -> "gan@0/b8".

    Args:
      name: a full set name.

    Returns:
      The full name, or None if the set is not of a trained network.
    """
    encoder, _, short_name = name.partition("/")
    if not is_network(encoder) or step(encoder) == 0:
        return None
    return full_name(encoder.rpartition("@")[0] + "@0", short_name)


def started_name(name: str) -> str | None:
    """Names the same features before training: "gan@9/b8" -> "gan@start/b8".

    Args:
      name: a full set name.

    Returns:
      The full name, under which there is a set only if training started from given
      networks; None if the set is not of a trained checkpoint.
    """
    encoder, _, short_name = name.partition("/")
    if not step(encoder):
        return None
    return full_name(start_name(encoder.rpartition("@")[0]), short_name)


def roles(encoders: Iterable[str]) -> dict[str, str]:
    """Tells the trained encoder, the untrained one and the floors apart.

    Args:
      encoders: "gan@2000", "gan@0", "intensity" ...; the order does not matter.

    Returns:
      "trained": the highest step above 0, else a network that was trained elsewhere;
      "untrained": step 0, of the trained one's method if there is one; "classical" and
      "intensity". Roles without an encoder are left out.
    """
    names = sorted(set(encoders))
    trained_elsewhere = [
        name for name in names if is_network(name) and step(name) is None
    ]
    trained = max(
        filter(step, names), key=step, default=next(iter(trained_elsewhere), None)
    )
    start = trained.rpartition("@")[0] + "@0" if trained else None
    untrained = [name for name in names if step(name) == 0 and start in (None, name)]
    encoder_of_role = {"trained": trained} if trained else {}
    encoder_of_role |= {"untrained": untrained[0]} if untrained else {}
    return encoder_of_role | {name: name for name in floors.OF_IMAGES if name in names}
