"""Do a cell model's records form clusters? The third task of Dmitrenko et al. (2022).

Records, normalised per plate by the controls, are mapped by UMAP from their principal
components and clustered by HDBSCAN, by several minimum sizes of a cluster, of which the
one with the highest silhouette is told. A map of any cloud has clumps: clusters are
called where the silhouette lies above the 95th percentile of Gaussians of the same
covariance that go the same way. What clusters by plate is no finding: the score is how
far the silhouette lies above the Gaussians', less the plates' share of it, and 0 where
no clusters are called. No label is read for it; the clusters' share with a label stands
beside. Source: arXiv 2203.04107.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.decomposition import PCA

from gandl_jax.errors import InputError
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    bootstrap,
    by_controls,
    classification,
    clusters,
    held_out_part,
    marks,
    neighbor_map,
    responses,
    score_table,
    steps,
    well_map,
)
from gandl_jax.tasks.by_controls import Reference
from gandl_jax.tasks.clusters import Clusters
from gandl_jax.tasks.comparison import Counted
from gandl_jax.tasks.counting import Answer, Question
from gandl_jax.tasks.differences import to_bases
from gandl_jax.tasks.skip import need_package
from gandl_jax.tasks.splits import require

TITLE = "Clustering"
METRIC = "silhouette above a Gaussian's, less the plates' share"
PLACE = 55  # in the terminal
OPTIONS = {
    "normalize": "",  # "" is evaluate.normalize
    "records": 1_000,  # that are clustered of each cell model, at most
    "min_sizes": (10, 20, 50, 100, 150),  # of a cluster, in records
    "label": "Treatment",  # what clusters may be about: Metadata_<label>
}
LOWEST = {"records": 32}
FEWEST = 2 * (neighbor_map.NEIGHBORS + 1)  # records: each half has a map
COMPONENTS = 50  # of PCA, that UMAP starts from, as of the well map
_DECIMALS = 3  # of places on a map


@dataclasses.dataclass(frozen=True)
class Group:
    """The records of a cell model that are clustered.

    Attributes:
      name: the cell model.
      rows: [n] int, of the judged records.
      sampled_from: how many there would be.
      reference: by which features are normalised.
      min_sizes: of which a cluster is half of the records or less.
    """

    name: str
    rows: np.ndarray
    sampled_from: int
    reference: Reference
    min_sizes: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found in one feature set's records of a group.

    Attributes:
      places: [n, 2] on the map.
      by_size: clusters by each minimum size.
      gaussians: [20] the best silhouettes of Gaussians of the same covariance.
      consistency: of both halves, as of `clusters.consistency`.
      plate_share: adjusted mutual information of clusters and plates.
      label_share: the same of the label; None where the screen has none.
    """

    places: np.ndarray
    by_size: Sequence[Clusters]
    gaussians: np.ndarray
    consistency: float
    plate_share: float
    label_share: float | None

    @property
    def best(self) -> Clusters:
        """The clusters of the highest silhouette."""
        return clusters.best(self.by_size)

    @property
    def called(self) -> bool:
        """Whether there are more clusters than a Gaussian has."""
        return self.best.silhouette > clusters.threshold(self.gaussians)

    @property
    def scores(self) -> np.ndarray:
        """[n] what each record adds to the score."""
        above = self.best.silhouettes - self.gaussians.mean()
        return above * (1 - max(0.0, self.plate_share)) * self.called


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there are records to cluster; warns of what is left out.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: records, min_sizes, label, seed.

    Raises:
      InputError: a minimum size below 2.
      Skip: umap-learn is not installed, or every cell model has too few records.
    """
    need_package("umap-learn", "umap")
    sizes = options["min_sizes"]
    if not sizes or min(sizes) < 2:
        raise InputError(
            f"config.evaluate.clustering.min_sizes is {tuple(sizes)}: name sizes of 2 "
            "records or more"
        )
    made, said = _groups(metadata, options)
    require(made, [*held_out_part.remark(metadata), *said])


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Clusters the same records by every set.

    Args:
      sets: full name -> set; those that `options["features"]` names are used, and
        those whose encoder has one set only.
      splits: unused.
      **options: features, normalize, records, min_sizes, label, bootstrap_draws, seed.

    Returns:
      Per cell model and set a row: the score as "value", whether clusters are "called",
      what the best minimum size gives and, as "by_size", every one; and as "map" the
      place, cluster (-1 is noise) and plate of each record.
    """
    names = responses.judged_sets(sets, options["features"])
    bench = _Bench(sets[names[0]].metadata, options)
    found: list[dict[str, Found]] = [{} for _ in bench.groups]
    about: dict[str, list[dict[str, Any]]] = {}
    with steps.counted(bench.fits * len(names), "epochs"):
        for name in names:
            one = sets[name]
            named = {"set": name, "encoder": one.encoder, "features": one.short_name}
            about[name] = [named | mark for mark in bench.seen(one)]
            for of_group, made in zip(found, bench.look(one), strict=True):
                of_group[name] = made
    return [
        {"task": "clustering", **about[name][number], **row}
        for number, of_group in enumerate(found)
        for name, row in bench.rows(number, of_group)
    ]


class Counting:
    """Counts for `counting` what each record adds to the score."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Chooses the records.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: normalize, records, min_sizes, label, seed.
        """
        check(metadata, options)
        self._bench = _Bench(metadata, options)
        self.questions = list(map(self._question, range(len(self._bench.groups))))
        self.fits = self._bench.fits

    def answers(self, one: FeatureSet) -> list[Answer]:
        """The scores of a set's records, of each cell model."""
        made = zip(self._bench.look(one), self._bench.seen(one), strict=True)
        return [
            Answer(self._bench.sums(number, found.scores), mark)
            for number, (found, mark) in enumerate(made)
        ]

    def floors(self) -> dict[str, list[Answer]]:
        """There are none of the metadata: the plates' share is taken off scores."""
        return {}

    def _question(self, number: int) -> Question:
        about = {"task": "clustering", **self._bench.about(number)}
        total = self._bench.sums(number, np.ones(about["records"]))
        return Question(about, Counted(total, about["records"], np.inf, 0.0))


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """How sets are compared by how well their records cluster."""
    return Counting(metadata, options)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """What was found, as text for a terminal: a line per cell model and encoder."""
    header = [
        "cell model", "encoder", "score", "clusters", "noise", "silhouette",
        "Gaussians' 95 %", "halves agree", "share of plates",
    ]  # fmt: skip
    lines = [
        [
            row["group"],
            marks.told(row["encoder"], row),
            "{value:.3f} [{low:.3f} {high:.3f}]".format(**row),
            words(row),
            f"{row['noise']:.0%}",
            f"{row['silhouette']:.3f}",
            f"{row['gaussian_95']:.3f}",
            f"{row['consistency']:.2f}",
            f"{row['plate_share']:.2f}",
        ]
        for row in rows
    ]
    title = f"{TITLE}: {METRIC} [95 % interval]"
    return "\n".join([title, *score_table.aligned([header, *lines])])


def words(row: Mapping[str, Any]) -> str:
    """How many clusters a row calls: "5", or "none" and how many are no finding."""
    count = row["clusters"]
    return f"{count}" if row["called"] else f"none ({count})" if count else "none"


class _Bench:
    """The records of a screen that are clustered, and what sets make of them."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        self._options = options
        self._rows = held_out_part.rows(metadata)
        self._metadata = metadata.iloc[self._rows]
        self._split = held_out_part.about(metadata)
        self.groups = _groups(metadata, options)[0]
        self.fits = len(self.groups) * clusters.MAPS * clusters.EPOCHS

    def seen(self, one: FeatureSet) -> list[marks.Mark]:
        """What was seen of the records of each cell model."""
        own = one.seen.take(self._rows)
        return [
            marks.mark(own, np.union1d(group.rows, group.reference.rows))
            for group in self.groups
        ]

    def look(self, one: FeatureSet) -> Iterator[Found]:
        """Clusters the records of each cell model."""
        own = one.take(self._rows)
        for group in self.groups:
            features = by_controls.normalized(
                own, group.rows, group.reference, self._options["normalize"]
            )
            yield self._found(group, _components(features, self._options["seed"]))

    def _found(self, group: Group, points: np.ndarray) -> Found:
        seed = self._options["seed"]
        places = clusters.mapped(points, seed)
        by_size = clusters.find_all(places, group.min_sizes)
        best = clusters.best(by_size)
        metadata = self._metadata.iloc[group.rows]
        label = _label(metadata, self._options["label"])
        return Found(
            places,
            by_size,
            clusters.of_gaussians(points, group.min_sizes, seed),
            clusters.consistency(points, best.min_size, seed),
            _share(best, profile_table.plates(metadata)),
            None if label is None else _share(best, label),
        )

    def about(self, number: int) -> dict[str, Any]:
        """What rows of a cell model have in common."""
        group = self.groups[number]
        return {
            "group": group.name,
            **self._split,
            "metric": "silhouette",
            "normalize": group.reference.words(self._options["normalize"]),
            "unit": "well",
            "chance": 0.0,
            "records": len(group.rows),
            "sampled_from": group.sampled_from,
            "label": self._options["label"],
        }

    def sums(self, number: int, values: np.ndarray) -> np.ndarray:
        """[U, 1] sums over the records of each well of a cell model."""
        wells = profile_table.wells(self._metadata.iloc[self.groups[number].rows])
        return np.bincount(pd.factorize(wells)[0], values)[:, None]

    def rows(
        self, number: int, found: Mapping[str, Found]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and scores of every set; intervals draw wells again, not clusters."""
        about = self.about(number)
        total = self.sums(number, np.ones(about["records"]))
        wider = bootstrap.stretch(total, tested=about["records"], trained=np.inf)
        sums = {name: self.sums(number, one.scores) for name, one in found.items()}
        drawn = bootstrap.recalls_of_each(
            [(one, prior) for prior in (1, 2) for one in sums.values()],
            total,
            draws=self._options["bootstrap_draws"],
            seed=self._options["seed"],
            chance=0.0,
        )
        draws, others = (
            {name: one[:, 0] for name, one in zip(sums, part, strict=True)}
            for part in (drawn[: len(sums)], drawn[len(sums) :])
        )
        values = {name: float(one.sum() / total.sum()) for name, one in sums.items()}
        plates = profile_table.plates(self._metadata.iloc[self.groups[number].rows])
        for name, one in found.items():
            low, high = bootstrap.interval(values[name], draws[name], stretch=wider)
            row = about | {"value": values[name], "low": low, "high": high}
            row["differences"] = to_bases(
                name, values, draws, others, chance=0.0, stretch=wider
            )
            yield name, row | _told(one) | {"map": _map(one, plates)}


def _told(found: Found) -> dict[str, Any]:
    """What a row says of its clusters."""
    return {
        "called": found.called,
        **_of_size(found, found.best),
        "gaussian_mean": float(found.gaussians.mean()),
        "gaussian_95": clusters.threshold(found.gaussians),
        "consistency": found.consistency,
        "plate_share": found.plate_share,
        "label_share": found.label_share,
        "by_size": [_of_size(found, one) for one in found.by_size],
    }


def _of_size(found: Found, one: Clusters) -> dict[str, Any]:
    return {
        "min_size": one.min_size,
        "clusters": one.count,
        "noise": one.noise,
        "silhouette": one.silhouette,
        **clusters.indices(found.places, one),
    }


def _map(found: Found, plates: np.ndarray) -> dict[str, list]:
    x, y = np.round(found.places.astype(float), _DECIMALS).T
    labels = found.best.labels
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "cluster": labels.tolist(),
        "plate": plates.tolist(),
    }


def _components(features: np.ndarray, seed: int) -> np.ndarray:
    """[n, d] float64 principal components of [n, D] features."""
    count = min(COMPONENTS, *features.shape)
    with np.errstate(invalid="ignore"):  # shares of nothing, where records are alike
        return PCA(count, random_state=seed).fit_transform(features.astype(np.float64))


def _share(found: Clusters, of: np.ndarray) -> float:
    """Adjusted mutual information of clusters and a label, without noise."""
    kept = found.labels >= 0
    if found.count < 2:
        return 0.0
    codes = pd.factorize(of[kept])[0]
    return float(metrics.adjusted_mutual_info_score(codes, found.labels[kept]))


def _label(metadata: pd.DataFrame, name: str) -> np.ndarray | None:
    """[N] str objects; None where the screen has no such column."""
    named = {column.lower(): column for column in metadata}
    column = named.get(f"metadata_{name}".lower())
    return None if column is None else metadata[column].astype(str).to_numpy(object)


def _groups(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[list[Group], list[str]]:
    """The records of each cell model that are clustered, and what is left out."""
    own = metadata.iloc[held_out_part.rows(metadata)]
    models, plates = profile_table.cell_models(own), profile_table.plates(own)
    is_control = classification.controls(own)
    made, said = [], []
    if _label(metadata, options["label"]) is None:
        said.append(f"the screen has no column Metadata_{options['label']}")
    for model in np.unique(models.astype(str)):
        rows = np.flatnonzero(models == model)
        count = min(len(rows), options["records"])
        sizes = tuple(s for s in sorted(set(options["min_sizes"])) if 2 * s <= count)
        if count < FEWEST or not sizes:
            least = max(FEWEST, 2 * min(options["min_sizes"]))
            said.append(
                f"{model} has {len(rows):,} records, and {least:,} are needed for two "
                "clusters of the smallest minimum size and a map of each half"
            )
            continue
        if lost := sorted(set(options["min_sizes"]) - set(sizes)):
            said.append(
                f"{model}: minimum cluster sizes {', '.join(map(str, lost))} are left "
                f"out, for two such clusters are more than {count:,} records"
            )
        if count < len(rows):
            said.append(
                f"{model}: {count:,} of {len(rows):,} records, drawn at random, are "
                "clustered (config.evaluate.clustering.records)"
            )
        drawn = rows[well_map.drawn(plates[rows], count, options["seed"])]
        by = by_controls.reference(rows[is_control[rows]], rows)
        made.append(Group(model, drawn, len(rows), by, sizes))
    return made, said
