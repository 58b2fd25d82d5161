"""The one thing that is judged: a named table of features, one row per record."""

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
    """Features of N records, with what is known of each record.

    Attributes:
      name: "gan@2000/b8", or "intensity" for an encoder with one set of its name.
      metadata: [N] rows of Metadata_* columns.
      features: [N, D] float32.
      seen: what the encoder saw of each record while it was trained; not known where
        nothing is given, as of a table that others made.
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
        """What made the features: "gan@2000", "intensity"."""
        return encoder(self.name)

    @property
    def short_name(self) -> str:
        """The set's name within its encoder: "b8", "intensity"."""
        return self.name.rpartition("/")[2]

    def take(self, rows: np.ndarray) -> "FeatureSet":
        """The same set of some records only.

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
    """The name of one of an encoder's sets among those of all encoders.

    Args:
      encoder: "gan@2000", "intensity".
      short_name: "b8"; an encoder with one set of its own name has no second part.

    Returns:
      "gan@2000/b8", "intensity".
    """
    return encoder if short_name == encoder else f"{encoder}/{short_name}"


def encoder(name: str) -> str:
    """What made a set, by the set's full name: "gan@2000", "intensity"."""
    return name.partition("/")[0]


def step(encoder: str) -> int | None:
    """The training step of an encoder.

    Args:
      encoder: "gan@2000".

    Returns:
      2000; None for an encoder that is no checkpoint.
    """
    _, at, number = encoder.rpartition("@")
    return int(number) if at and number.isdecimal() else None


def is_network(encoder: str) -> bool:
    """Whether an encoder is a network, by its name.

    Args:
      encoder: "gan@2000", "gan@start", "intensity"; "@" is in no other's name.
    """
    return "@" in encoder


def start_name(method: str) -> str:
    """The encoder that a training started from, where that was not untrained."""
    return f"{method}@start"


def named(method: str, name: str) -> str:
    """The name of an encoder that is no checkpoint, such as one of a file.

    Args:
      method: "gan".
      name: any, "ffhq 512"; what a folder should not be called is replaced.

    Returns:
      "gan@ffhq-512".
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "file"
    return f"{method}@{f'file-{plain}' if plain.isdecimal() else plain}"


def untrained_name(name: str) -> str | None:
    """The same features under the untrained network: "gan@9/b8" -> "gan@0/b8".

    Args:
      name: a full set name.

    Returns:
      The full name, or None where the set is not of a trained network.
    """
    encoder, _, short_name = name.partition("/")
    if not is_network(encoder) or step(encoder) == 0:
        return None
    return full_name(encoder.rpartition("@")[0] + "@0", short_name)


def started_name(name: str) -> str | None:
    """The same features as training found them: "gan@9/b8" -> "gan@start/b8".

    Args:
      name: a full set name.

    Returns:
      The full name, which is a set's only where training started from given networks;
      None where the set is not of a trained checkpoint.
    """
    encoder, _, short_name = name.partition("/")
    if not step(encoder):
        return None
    return full_name(start_name(encoder.rpartition("@")[0]), short_name)


def roles(encoders: Iterable[str]) -> dict[str, str]:
    """Which encoder is the trained one, the untrained one and which are floors.

    Args:
      encoders: "gan@2000", "gan@0", "intensity" ...; the order does not matter.

    Returns:
      "trained": the highest step above 0, where there is none a network that was
      trained elsewhere; "untrained": step 0, of the trained one's method where there is
      one; "classical" and "intensity". Only those that there are.
    """
    names = sorted(set(encoders))
    elsewhere = [n for n in names if is_network(n) and step(n) is None]
    trained = max(filter(step, names), key=step, default=next(iter(elsewhere), None))
    start = trained.rpartition("@")[0] + "@0" if trained else None
    untrained = [n for n in names if step(n) == 0 and start in (None, n)]
    found = {"trained": trained} if trained else {}
    found |= {"untrained": untrained[0]} if untrained else {}
    return found | {name: name for name in floors.OF_IMAGES if name in names}
