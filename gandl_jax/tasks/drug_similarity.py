"""Do drugs of one mechanism look alike? The first task of Dmitrenko et al. (2022).

Profiles of wells are compared by four distances. Of each mechanism two medians are
told: of the distances between wells of two of its drugs, and of those between its drugs
and controls (where there are none, drugs of other mechanisms). Medians have a unit, so
that those of two feature sets cannot be held against each other; what can be is how
probably a well of another drug of the mechanism lies nearer to a drug's well than a
control does, averaged over mechanisms: 1/2 is chance. Drugs of several doses are judged
by the wells of their highest dose, for at low ones most drugs look like controls.
Source: arXiv 2203.04107.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import floors
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    bootstrap,
    by_controls,
    drug_wells,
    held_out_part,
    marks,
    nearness,
    score_table,
    steps,
)
from gandl_jax.tasks.comparison import Counted
from gandl_jax.tasks.counting import Answer, Question
from gandl_jax.tasks.differences import to_bases
from gandl_jax.tasks.drug_wells import DrugWells
from gandl_jax.tasks.skip import need_columns
from gandl_jax.tasks.splits import require

TITLE = "Drug similarity"
METRIC = "probability to lie nearer to its mechanism"
PLACE = 45  # in the terminal
OPTIONS = {
    "normalize": "",  # "" is evaluate.normalize
    "distances": ("euclidean", "cosine", "correlation", "braycurtis"),
    "doses": "highest",  # of each drug; or "all"
}
CHANCE = 0.5
MEDIAN_DRAWS = 200  # at most, of wells, for a median's interval (ours)

Key = tuple[int, str]  # number of the cell model's wells, and distance


@dataclasses.dataclass(frozen=True)
class Found:
    """What a distance says of one set of profiles.

    Attributes:
      values: [K] mean nearness of the wells of each mechanism.
      right: [U, K] sums of it, such that draws of units draw it.
      medians: [2, K] of the distances within each mechanism, and to others.
      drawn: [2, B, K] the same when wells are drawn again.
    """

    values: np.ndarray
    right: np.ndarray
    medians: np.ndarray
    drawn: np.ndarray


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that a mechanism has two drugs; warns of what is left out.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: distances, doses, seed.

    Raises:
      InputError: an unknown distance or choice of doses.
      Skip: a column is missing, or no mechanism has two drugs.
    """
    _check_choices("distances", options["distances"], nearness.DISTANCES)
    _check_choices("doses", (options["doses"],), drug_wells.DOSES)
    need_columns(metadata, "Role", "Treatment", "Mechanism")
    made, said = drug_wells.choose(metadata, options)
    require(made, [*held_out_part.remark(metadata), *said])


def _check_choices(key: str, asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise InputError(
                f"config.evaluate.drug_similarity.{key} names {name!r}; "
                f"{nearest(name, known)}"
            )


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set, and the floors, on the same wells and bootstrap draws.

    Args:
      sets: full name -> set.
      splits: unused.
      **options: normalize, distances, doses, bootstrap_draws, seed.

    Returns:
      Per cell model, distance and set a row: the probability as "value"; as
      "median_within" and "median_against" the means over mechanisms of the two medians,
      with "_low" and "_high" of each; and the same of each mechanism as "by_mechanism".
    """
    bench = _Bench(next(iter(sets.values())).metadata, options)
    found: dict[Key, dict[str, Found]] = {key: {} for key in bench.keys}
    about: dict[str, list[dict[str, Any]]] = {}
    looks = len(bench.keys) * (len(sets) + len(bench.floors))
    with steps.counted(looks, "comparisons"):
        for name in sets:
            one = sets[name]
            about[name] = [_named(one) | mark for mark in bench.seen(one)]
            for key, judged in bench.look(one):
                found[key][name] = judged
        for name in bench.floors:
            named = dict.fromkeys(("set", "encoder", "features"), name)
            about[name] = [named | marks.NOTHING] * len(bench.chosen)
            for key, judged in bench.look_at_floor(name):
                found[key][name] = judged
    return [
        {"task": "drug_similarity", **about[name][number], **row}
        for (number, how), judged in found.items()
        for name, row in bench.rows(number, how, judged)
    ]


class Counting:
    """Counts nearness for `counting`: every well is one record of its mechanism."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Chooses the wells.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: normalize, distances, doses, seed.
        """
        check(metadata, options)
        self._bench = _Bench(metadata, {**options, "bootstrap_draws": 0})
        self.questions = [self._question(*key) for key in self._bench.keys]
        self.fits = len(self.questions)

    def answers(self, one: FeatureSet) -> list[Answer]:
        """The nearness of a set's wells, of each question."""
        seen = self._bench.seen(one)
        return [Answer(f.right, seen[key[0]]) for key, f in self._bench.look(one)]

    def floors(self) -> dict[str, list[Answer]]:
        """The same by plate and by place."""
        return {
            name: [
                Answer(found.right, marks.NOTHING)
                for _, found in self._bench.look_at_floor(name)
            ]
            for name in self._bench.floors
        }

    def _question(self, number: int, how: str) -> Question:
        about = {"task": "drug_similarity", **self._bench.about(number, how)}
        total = self._bench.total(number)
        return Question(about, Counted(total, len(total), np.inf, CHANCE))


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """How sets are compared by how near drugs of one mechanism lie."""
    return Counting(metadata, options)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores as text for a terminal: a line per distance, a column per encoder."""
    against = " or ".join(dict.fromkeys(row["against"] for row in rows))
    title = f"{TITLE}: {METRIC} than to {against} [95 % interval]"
    keys = {"cell model": score_table.group, "distance": lambda row: row["kind"]}
    return score_table.scores(title, keys, rows)


class _Bench:
    """The wells of a screen that are compared, and what sets and floors say of them."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        self._metadata, self._options = metadata, options
        self._rows = held_out_part.rows(metadata)
        self.chosen = drug_wells.choose(metadata, options)[0]
        self.keys = [
            (n, h) for n in range(len(self.chosen)) for h in options["distances"]
        ]
        self.floors = floors.make(drug_wells.wells_of(metadata))

    def seen(self, one: FeatureSet) -> list[marks.Mark]:
        """What was seen of the wells of each cell model."""
        own = profile_table.wells(one.metadata.iloc[self._rows])
        seen = one.seen.take(self._rows).of_groups(own)
        return [
            marks.mark(seen, np.union1d(chosen.wells, chosen.reference.rows))
            for chosen in self.chosen
        ]

    def look(self, one: FeatureSet) -> Iterator[tuple[Key, Found]]:
        """What each distance says of the profiles of a set."""
        wells = well_means(one.take(self._rows))
        for number, chosen in enumerate(self.chosen):
            profiles = by_controls.normalized(
                wells, chosen.wells, chosen.reference, self._options["normalize"]
            )
            yield from self._by_distance(number, profiles)

    def look_at_floor(self, name: str) -> Iterator[tuple[Key, Found]]:
        """The same of a well's plate, or its place on it."""
        for number, chosen in enumerate(self.chosen):
            profiles = self.floors[name][chosen.wells].toarray()
            yield from self._by_distance(number, profiles)

    def _by_distance(self, number: int, profiles: np.ndarray):
        for how in self._options["distances"]:
            yield (number, how), self._found(number, profiles, how)
            steps.add()

    def _found(self, number: int, profiles: np.ndarray, how: str) -> Found:
        chosen, units = self.chosen[number], np.arange(len(profiles))
        size = len(chosen.drug)
        far = nearness.distances(profiles[:size], profiles, how)
        near = far[:, :size]
        found = nearness.compare(near, chosen.is_near, far, chosen.is_far)
        right, values = self.total(number), np.empty(len(chosen.names))
        for kind in range(len(values)):
            rows = np.flatnonzero(chosen.mechanism == kind)
            values[kind] = found.of_rows[rows].mean()
            moved = nearness.influences(found, rows, units[:size], units)
            right[:, kind] = values[kind] * right[:, kind] + len(rows) * moved
        return Found(values, right, *self._medians(chosen, far))

    def _medians(
        self, chosen: DrugWells, far: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Medians within and against, [2, K], and [2, B, K] of drawn wells."""
        draws = min(MEDIAN_DRAWS, self._options["bootstrap_draws"])
        rng = np.random.default_rng(self._options["seed"])
        weights = rng.exponential(size=(draws, far.shape[1]))
        medians = np.empty((2, len(chosen.names)))
        drawn = np.empty((2, draws, len(chosen.names)))
        # Within a mechanism each pair of wells counts once.
        for side, is_pair in enumerate((np.triu(chosen.is_near), chosen.is_far)):
            for kind in range(len(chosen.names)):
                pairs = np.nonzero(is_pair & (chosen.mechanism == kind)[:, None])
                values = far[pairs]
                medians[side, kind] = np.median(values)
                drawn[side, :, kind] = nearness.drawn_medians(values, pairs, weights)
        return medians, drawn

    def total(self, number: int) -> np.ndarray:
        """[U, K] float: wells of each unit and mechanism; controls are of none."""
        chosen = self.chosen[number]
        judged = np.flatnonzero(chosen.is_judged)
        made = np.zeros((len(chosen.wells), len(chosen.names)))
        made[judged, chosen.mechanism[judged]] = 1
        return made

    def about(self, number: int, how: str) -> dict[str, Any]:
        """What rows of a comparison have in common."""
        chosen = self.chosen[number]
        return {
            "group": chosen.group,
            **held_out_part.about(self._metadata),
            "kind": how,
            "metric": "nearness",
            "against": chosen.against,
            "normalize": chosen.reference.words(self._options["normalize"]),
            "unit": "well",
            "chance": CHANCE,
            "records": int(chosen.is_judged.sum()),
            "mechanisms": len(chosen.names),
            "drugs": len(np.unique(chosen.drug[chosen.is_judged])),
        }

    def rows(
        self, number: int, how: str, judged: Mapping[str, Found]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and scores of every set; intervals draw wells again."""
        about, total = self.about(number, how), self.total(number)
        wider = bootstrap.stretch(total, tested=len(total), trained=np.inf)
        asked = [(one.right, prior) for prior in (1, 2) for one in judged.values()]
        recalls = bootstrap.recalls_of_each(
            asked,
            total,
            draws=self._options["bootstrap_draws"],
            seed=self._options["seed"],
            chance=CHANCE,
        )
        drawn = [one.mean(1) for one in recalls]
        draws = dict(zip(judged, drawn[: len(judged)], strict=True))
        others = dict(zip(judged, drawn[len(judged) :], strict=True))
        values = {name: float(one.values.mean()) for name, one in judged.items()}
        for name, one in judged.items():
            low, high = bootstrap.interval(values[name], draws[name], stretch=wider)
            yield (
                name,
                about
                | ({"normalize": "none"} if name in self.floors else {})
                | {"value": values[name], "low": low, "high": high}
                | {
                    "differences": to_bases(
                        name, values, draws, others, chance=CHANCE, stretch=wider
                    )
                }
                | _told(one.medians.mean(1), one.drawn.mean(2))
                | {"by_mechanism": self._by_mechanism(number, one)},
            )

    def _by_mechanism(self, number: int, found: Found) -> list[dict[str, Any]]:
        chosen = self.chosen[number]
        return [
            {
                "mechanism": name,
                "drugs": len(np.unique(chosen.drug[chosen.mechanism == kind])),
                "wells": int((chosen.mechanism == kind).sum()),
                "value": float(found.values[kind]),
                **_told(found.medians[:, kind], found.drawn[:, :, kind]),
            }
            for kind, name in enumerate(chosen.names)
        ]


def _told(medians: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Two medians [2] with the ends of their intervals, of draws [2, B]."""
    tails, made = [(1 - bootstrap.LEVEL) / 2, (1 + bootstrap.LEVEL) / 2], {}
    for key, value, of in zip(("within", "against"), medians, drawn, strict=True):
        low, high = np.quantile(of, tails)
        made |= {f"median_{key}": float(value)}
        made |= {f"median_{key}_low": float(low), f"median_{key}_high": float(high)}
    return made


def _named(one: FeatureSet) -> dict[str, Any]:
    return {"set": one.name, "encoder": one.encoder, "features": one.short_name}
