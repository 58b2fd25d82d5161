"""Similarity of drugs of one mechanism, the first task of Dmitrenko et al. (2022).

Profiles of wells are compared by four distances. Each mechanism has two medians: of the
distances between wells of two of its drugs, and of those between its drugs and controls
(without controls, drugs of other mechanisms). Medians have a unit, so those of two
feature sets cannot be compared. The score can be: the probability that a well of
another drug of the mechanism lies nearer to a drug's well than a control does, averaged
over mechanisms; 1/2 is chance. Drugs of several doses are judged by the wells of their
highest dose, as most drugs look like controls at low doses. Source: arXiv 2203.04107.
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

Key = tuple[int, str]  # index of the cell model, and distance


@dataclasses.dataclass(frozen=True)
class Similarity:
    """Similarity of one set of profiles by one distance.

    Attributes:
      values: [K] mean nearness of the wells of each mechanism.
      right: [U, K] sums of nearness per unit, for the bootstrap of units.
      medians: [2, K] of the distances within each mechanism, and to others.
      drawn: [2, B, K] the medians when wells are drawn again.
    """

    values: np.ndarray
    right: np.ndarray
    medians: np.ndarray
    drawn: np.ndarray


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that a mechanism has two drugs; warns of drugs left out.

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
    chosen, notes = drug_wells.choose(metadata, options)
    require(chosen, [*held_out_part.remark(metadata), *notes])


def _check_choices(key: str, wanted: Sequence[str], possible: Sequence[str]) -> None:
    for name in wanted:
        if name not in possible:
            raise InputError(
                f"config.evaluate.drug_similarity.{key} names {name!r}; "
                f"{nearest(name, possible)}"
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
    results: dict[Key, dict[str, Similarity]] = {key: {} for key in bench.keys}
    about: dict[str, list[dict[str, Any]]] = {}
    comparisons = len(bench.keys) * (len(sets) + len(bench.floors))
    with steps.counted(comparisons, "comparisons"):
        for name in sets:
            feature_set = sets[name]
            about[name] = [
                _identified(feature_set) | mark
                for mark in bench.mark_groups(feature_set)
            ]
            for key, similarity in bench.compare(feature_set):
                results[key][name] = similarity
        for name in bench.floors:
            floor_names = dict.fromkeys(("set", "encoder", "features"), name)
            about[name] = [floor_names | marks.NOTHING] * len(bench.chosen)
            for key, similarity in bench.compare_floor(name):
                results[key][name] = similarity
    return [
        {"task": "drug_similarity", **about[name][number], **row}
        for (number, distance), similarity in results.items()
        for name, row in bench.rows(number, distance, similarity)
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

    def answers(self, feature_set: FeatureSet) -> list[Answer]:
        """Returns the nearness of a set's wells, for each question."""
        set_marks = self._bench.mark_groups(feature_set)
        return [
            Answer(similarity.right, set_marks[key[0]])
            for key, similarity in self._bench.compare(feature_set)
        ]

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the answers of the floors: plate identity and well position."""
        return {
            name: [
                Answer(similarity.right, marks.NOTHING)
                for _, similarity in self._bench.compare_floor(name)
            ]
            for name in self._bench.floors
        }

    def _question(self, number: int, distance: str) -> Question:
        about = {"task": "drug_similarity", **self._bench.about(number, distance)}
        total = self._bench.total(number)
        return Question(about, Counted(total, len(total), np.inf, CHANCE))


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """Counts for comparing sets by the nearness of drugs of one mechanism."""
    return Counting(metadata, options)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per distance, a column per encoder."""
    against = " or ".join(dict.fromkeys(row["against"] for row in rows))
    title = f"{TITLE}: {METRIC} than to {against} [95 % interval]"
    keys = {"cell model": score_table.group, "distance": lambda row: row["kind"]}
    return score_table.scores(title, keys, rows)


class _Bench:
    """Wells of a screen that are compared, and the similarities of sets and floors."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        self._metadata, self._options = metadata, options
        self.chosen = drug_wells.choose(metadata, options)[0]
        self.keys = [
            (number, distance)
            for number in range(len(self.chosen))
            for distance in options["distances"]
        ]
        self.floors = floors.make(drug_wells.wells_of(metadata))

    def mark_groups(self, feature_set: FeatureSet) -> list[marks.Mark]:
        """Returns the mark of a set on the wells of each cell model."""
        judged = held_out_part.judged_part(feature_set)
        seen = judged.seen.of_groups(profile_table.wells(judged.metadata))
        return [
            marks.mark(seen, np.union1d(chosen.wells, chosen.reference.rows))
            for chosen in self.chosen
        ]

    def compare(self, feature_set: FeatureSet) -> Iterator[tuple[Key, Similarity]]:
        """Yields the similarity of a set's profiles by each distance."""
        wells = well_means(held_out_part.judged_part(feature_set))
        for number, chosen in enumerate(self.chosen):
            profiles = by_controls.normalized(
                wells, chosen.wells, chosen.reference, self._options["normalize"]
            )
            yield from self._by_distance(number, profiles)

    def compare_floor(self, name: str) -> Iterator[tuple[Key, Similarity]]:
        """Yields the same for a floor: a well's plate, or its position on it."""
        for number, chosen in enumerate(self.chosen):
            profiles = self.floors[name][chosen.wells].toarray()
            yield from self._by_distance(number, profiles)

    def _by_distance(self, number: int, profiles: np.ndarray):
        for distance in self._options["distances"]:
            yield (number, distance), self._similarity(number, profiles, distance)
            steps.add()

    def _similarity(
        self, number: int, profiles: np.ndarray, distance: str
    ) -> Similarity:
        chosen, units = self.chosen[number], np.arange(len(profiles))
        size = len(chosen.drug)
        far = nearness.distances(profiles[:size], profiles, distance)
        near = far[:, :size]
        compared = nearness.compare(near, chosen.is_near, far, chosen.is_far)
        right, values = self.total(number), np.empty(len(chosen.names))
        for mechanism in range(len(values)):
            rows = np.flatnonzero(chosen.mechanism == mechanism)
            values[mechanism] = compared.of_rows[rows].mean()
            influence = nearness.influences(compared, rows, units[:size], units)
            right[:, mechanism] = (
                values[mechanism] * right[:, mechanism] + len(rows) * influence
            )
        return Similarity(values, right, *self._medians(chosen, far))

    def _medians(
        self, chosen: DrugWells, far: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns medians within and against, [2, K], and [2, B, K] of drawn wells."""
        draws = min(MEDIAN_DRAWS, self._options["bootstrap_draws"])
        rng = np.random.default_rng(self._options["seed"])
        weights = rng.exponential(size=(draws, far.shape[1]))
        medians = np.empty((2, len(chosen.names)))
        drawn = np.empty((2, draws, len(chosen.names)))
        # Within a mechanism each pair of wells counts once.
        for side, is_pair in enumerate((np.triu(chosen.is_near), chosen.is_far)):
            for mechanism in range(len(chosen.names)):
                pairs = np.nonzero(is_pair & (chosen.mechanism == mechanism)[:, None])
                values = far[pairs]
                medians[side, mechanism] = np.median(values)
                drawn[side, :, mechanism] = nearness.drawn_medians(
                    values, pairs, weights
                )
        return medians, drawn

    def total(self, number: int) -> np.ndarray:
        """Counts wells [U, K] float of each unit and mechanism; controls have none."""
        chosen = self.chosen[number]
        judged = np.flatnonzero(chosen.is_judged)
        counts = np.zeros((len(chosen.wells), len(chosen.names)))
        counts[judged, chosen.mechanism[judged]] = 1
        return counts

    def about(self, number: int, distance: str) -> dict[str, Any]:
        """Returns the columns that rows of a comparison have in common."""
        chosen = self.chosen[number]
        return {
            "group": chosen.group,
            **held_out_part.about(self._metadata),
            "kind": distance,
            "metric": "nearness",
            "against": chosen.against,
            "normalize": chosen.reference.describe(self._options["normalize"]),
            "unit": "well",
            "chance": CHANCE,
            "records": int(chosen.is_judged.sum()),
            "mechanisms": len(chosen.names),
            "drugs": len(np.unique(chosen.drug[chosen.is_judged])),
        }

    def rows(
        self, number: int, distance: str, similarities: Mapping[str, Similarity]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields name and scores of every set; intervals draw wells again."""
        about, total = self.about(number, distance), self.total(number)
        wider = bootstrap.stretch(total, tested=len(total), trained=np.inf)
        counts = [
            (similarity.right, prior)
            for prior in (1, 2)
            for similarity in similarities.values()
        ]
        recalls = bootstrap.recalls_of_each(
            counts,
            total,
            draws=self._options["bootstrap_draws"],
            seed=self._options["seed"],
            chance=CHANCE,
        )
        drawn = [similarity.mean(1) for similarity in recalls]
        draws = dict(zip(similarities, drawn[: len(similarities)], strict=True))
        base_draws = dict(zip(similarities, drawn[len(similarities) :], strict=True))
        values = {
            name: float(similarity.values.mean())
            for name, similarity in similarities.items()
        }
        for name, similarity in similarities.items():
            low, high = bootstrap.interval(values[name], draws[name], stretch=wider)
            yield (
                name,
                about
                | ({"normalize": "none"} if name in self.floors else {})
                | {"value": values[name], "low": low, "high": high}
                | {
                    "differences": to_bases(
                        name, values, draws, base_draws, chance=CHANCE, stretch=wider
                    )
                }
                | _median_columns(similarity.medians.mean(1), similarity.drawn.mean(2))
                | {"by_mechanism": self._by_mechanism(number, similarity)},
            )

    def _by_mechanism(
        self, number: int, similarity: Similarity
    ) -> list[dict[str, Any]]:
        chosen = self.chosen[number]
        return [
            {
                "mechanism": name,
                "drugs": len(np.unique(chosen.drug[chosen.mechanism == mechanism])),
                "wells": int((chosen.mechanism == mechanism).sum()),
                "value": float(similarity.values[mechanism]),
                **_median_columns(
                    similarity.medians[:, mechanism], similarity.drawn[:, :, mechanism]
                ),
            }
            for mechanism, name in enumerate(chosen.names)
        ]


def _median_columns(medians: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Returns two medians [2] with the ends of their intervals, from draws [2, B]."""
    tails, columns = [(1 - bootstrap.LEVEL) / 2, (1 + bootstrap.LEVEL) / 2], {}
    for key, value, draws in zip(("within", "against"), medians, drawn, strict=True):
        low, high = np.quantile(draws, tails)
        columns |= {f"median_{key}": float(value)}
        columns |= {f"median_{key}_low": float(low), f"median_{key}_high": float(high)}
    return columns


def _identified(feature_set: FeatureSet) -> dict[str, Any]:
    return {
        "set": feature_set.name,
        "encoder": feature_set.encoder,
        "features": feature_set.short_name,
    }
