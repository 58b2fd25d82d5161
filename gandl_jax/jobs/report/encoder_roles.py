"""Which encoder is what, and its rows side by side with those of the floors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.profiles import feature_set, floors

Row = Mapping[str, Any]
Place = tuple[str, ...]
Table = Mapping[Place, Mapping[str, Row]]  # what is scored -> role -> row

FLOORS = {  # encoder -> its name on the page
    **{name: name for name in floors.OF_IMAGES},
    "plate": "plate identity",
    "position": "well position",
}


def roles(encoders: Iterable[str]) -> dict[str, str]:
    """The encoders that the page compares, what is judged before its floors.

    Args:
      encoders: of all rows.

    Returns:
      Role -> encoder: "trained", under their own names imported tables and networks
      that were trained elsewhere (as the one that training started from), "untrained",
      "classical", "intensity", "plate identity", "well position"; only those that
      there are.
    """
    encoders = sorted(set(encoders))
    networks = feature_set.roles(encoders)
    found = {"trained": networks["trained"]} if "trained" in networks else {}
    for name in encoders:
        is_other = feature_set.step(name) is None and name not in FLOORS
        if is_other and name not in found.values():
            found[name] = name
    if "untrained" in networks:
        found["untrained"] = networks["untrained"]
    return found | {FLOORS[name]: name for name in FLOORS if name in encoders}


def shown(rows: Iterable[Row], wanted: str) -> str:
    """The set of the networks' features that the page is about.

    Args:
      rows: of all tasks.
      wanted: the config's; where no network has it, the first one that there is.
    """
    names = [r["features"] for r in rows if feature_set.is_network(r["encoder"])]
    return wanted if wanted in names or not names else names[0]


def role_of(row: Row, encoders: Mapping[str, str], features: str) -> str | None:
    """The role of a row; None where its set is not one of those compared.

    Args:
      row: of any task.
      encoders: as `roles` returns.
      features: the set of the networks' features that is shown.
    """
    for role, encoder in encoders.items():
        network = feature_set.is_network(encoder)
        if row["encoder"] == encoder and (not network or row["features"] == features):
            return role
    return None


def side_by_side(
    rows: Iterable[Row], encoders: Mapping[str, str], features: str, keys: Sequence[str]
) -> dict[Place, dict[str, Row]]:
    """Puts the rows to compare beside each other.

    Args:
      rows: of one task.
      encoders: as `roles` returns.
      features: the set of the networks' features that is shown.
      keys: what tells one line from another.

    Returns:
      Values of `keys` -> role -> row, both in the order in which they are to be read.
    """
    found: dict[Place, dict[str, Row]] = {}
    for row in rows:
        role = role_of(row, encoders, features)
        if role:
            place = tuple(row.get(key) or "" for key in keys)
            found.setdefault(place, {})[role] = row
    return {
        place: {role: those[role] for role in encoders if role in those}
        for place, those in found.items()
    }


def main(those: Mapping[str, Row]) -> Row:
    """The row that is judged, of those side by side."""
    return next(iter(those.values()))


def network(role: str) -> str:
    """A role as a sentence says it."""
    words = {"trained": "the trained network", "untrained": "the untrained network"}
    of_images = {"intensity": "plain intensities", "classical": "classical features"}
    if role in FLOORS.values():
        return of_images.get(role, role)
    what = "network" if feature_set.is_network(role) else "table"
    return words.get(role) or f"the {what} {role}"
