"""Roles of encoders, and their rows side by side with those of the floors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.profiles import feature_set, floors

Row = Mapping[str, Any]
ScoreKey = tuple[str, ...]  # values of a row that tell what is scored
Table = Mapping[ScoreKey, Mapping[str, Row]]  # what is scored -> role -> row

FLOORS = {  # encoder -> its name on the page
    **{name: name for name in floors.OF_IMAGES},
    "plate": "plate identity",
    "position": "well position",
}


def roles(encoders: Iterable[str]) -> dict[str, str]:
    """Returns the encoders that the page compares, judged ones before floors.

    Args:
      encoders: of all rows.

    Returns:
      Role -> encoder: "trained", then imported tables and networks that were trained
      elsewhere (as the one that training started from) under their own names,
      "untrained", "classical", "intensity", "plate identity", "well position"; roles
      without an encoder are left out.
    """
    encoders = sorted(set(encoders))
    networks = feature_set.roles(encoders)
    by_role = {"trained": networks["trained"]} if "trained" in networks else {}
    for name in encoders:
        is_other = feature_set.step(name) is None and name not in FLOORS
        if is_other and name not in by_role.values():
            by_role[name] = name
    if "untrained" in networks:
        by_role["untrained"] = networks["untrained"]
    return by_role | {FLOORS[name]: name for name in FLOORS if name in encoders}


def shown(rows: Iterable[Row], wanted: str) -> str:
    """Returns the networks' feature set that the page is about.

    Args:
      rows: of all tasks.
      wanted: the config's; if no network has it, the first set is taken.
    """
    sets = [r["features"] for r in rows if feature_set.is_network(r["encoder"])]
    return wanted if wanted in sets or not sets else sets[0]


def role_of(row: Row, encoders: Mapping[str, str], features: str) -> str | None:
    """Returns the role of a row; None if its set is not compared.

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
) -> dict[ScoreKey, dict[str, Row]]:
    """Arranges the rows to compare side by side.

    Args:
      rows: of one task.
      encoders: as `roles` returns.
      features: the set of the networks' features that is shown.
      keys: of rows, by whose values lines differ.

    Returns:
      Values of `keys` -> role -> row, both in the order in which they are to be read.
    """
    table: dict[ScoreKey, dict[str, Row]] = {}
    for row in rows:
        role = role_of(row, encoders, features)
        if role:
            score_key = tuple(row.get(key) or "" for key in keys)
            table.setdefault(score_key, {})[role] = row
    return {
        score_key: {role: by_role[role] for role in encoders if role in by_role}
        for score_key, by_role in table.items()
    }


def main(by_role: Mapping[str, Row]) -> Row:
    """Returns the row that is judged, the first of those side by side."""
    return next(iter(by_role.values()))


def network(role: str) -> str:
    """Names a role as in a sentence: "the trained network"."""
    network_names = {
        "trained": "the trained network",
        "untrained": "the untrained network",
    }
    floor_names = {"intensity": "plain intensities", "classical": "classical features"}
    if role in FLOORS.values():
        return floor_names.get(role, role)
    noun = "network" if feature_set.is_network(role) else "table"
    return network_names.get(role) or f"the {noun} {role}"
