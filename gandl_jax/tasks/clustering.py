"""Clusters of a cell model's records, the third task of Dmitrenko et al. (2022).

Records, normalised per plate by the controls, are mapped by UMAP from their principal
components and clustered by HDBSCAN with several minimum cluster sizes; the result with
the highest silhouette counts. A map of any cloud has clumps: clusters are called if the
silhouette lies above the 95th percentile of Gaussians of the same covariance that are
mapped and clustered alike. Clusters of plates do not count: the score is the silhouette
minus the Gaussians' mean, less the plates' share of it, and 0 if no clusters are
called. It reads no label; the share of clusters and a label is reported beside it.
Source: arXiv 2203.04107.
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
    "records": 1_000,  # clustered per cell model, at most
    "min_sizes": (10, 20, 50, 100, 150),  # of a cluster, in records
    "label": "Treatment",  # compared with the clusters: Metadata_<label>
}
LOWEST = {"records": 32}
FEWEST = 2 * (neighbor_map.NEIGHBORS + 1)  # records: each half has a map
COMPONENTS = 50  # of PCA, that UMAP starts from, as in the well map
_DECIMALS = 3  # of positions on a map


@dataclasses.dataclass(frozen=True)
class Group:
    """Records of a cell model that are clustered.

    Attributes:
      name: the cell model.
      rows: [n] int positions among the judged records.
      sampled_from: number of records before sampling.
      reference: records by which features are normalised.
      min_sizes: minimum cluster sizes, at most half of the records.
    """

    name: str
    rows: np.ndarray
    sampled_from: int
    reference: Reference
    min_sizes: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Clustering:
    """Clusters in one feature set's records of a group.

    Attributes:
      positions: [n, 2] on the map.
      by_size: clusters for each minimum size.
      gaussians: [20] the best silhouettes of Gaussians of the same covariance.
      consistency: agreement of halves, as in `clusters.consistency`.
      plate_share: adjusted mutual information of clusters and plates.
      label_share: the same of clusters and label; None if the screen has no such label.
    """

    positions: np.ndarray
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
        """Tells whether the silhouette lies above that of Gaussians."""
        return self.best.silhouette > clusters.threshold(self.gaussians)

    @property
    def scores(self) -> np.ndarray:
        """Contribution [n] of each record to the score."""
        above = self.best.silhouettes - self.gaussians.mean()
        return above * (1 - max(0.0, self.plate_share)) * self.called


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there are records to cluster; warns of those left out.

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
    groups, notes = _groups(metadata, options)
    require(groups, [*held_out_part.remark(metadata), *notes])


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Clusters the same records by every set.

    Args:
      sets: full name -> set; those named by `options["features"]` are used, and those
        whose encoder has one set only.
      splits: unused.
      **options: features, normalize, records, min_sizes, label, bootstrap_draws, seed.

    Returns:
      Per cell model and set a row: the score as "value", whether clusters are "called",
      the clusters of the best minimum size and, as "by_size", of every one; and as
      "map" the position, cluster (-1 is noise) and plate of each record.
    """
    names = responses.judged_sets(sets, options["features"])
    bench = _Bench(sets[names[0]].metadata, options)
    results: list[dict[str, Clustering]] = [{} for _ in bench.groups]
    about: dict[str, list[dict[str, Any]]] = {}
    with steps.counted(bench.fits * len(names), "epochs"):
        for name in names:
            feature_set = sets[name]
            names_of_set = {
                "set": name,
                "encoder": feature_set.encoder,
                "features": feature_set.short_name,
            }
            about[name] = [
                names_of_set | mark for mark in bench.mark_groups(feature_set)
            ]
            for group_results, clustering in zip(
                results, bench.cluster(feature_set), strict=True
            ):
                group_results[name] = clustering
    return [
        {"task": "clustering", **about[name][number], **row}
        for number, group_results in enumerate(results)
        for name, row in bench.rows(number, group_results)
    ]


class Counting:
    """Counts the contribution of each record to the score, for `counting`."""

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

    def answers(self, feature_set: FeatureSet) -> list[Answer]:
        """Returns the scores of a set's records, for each cell model."""
        pairs = zip(
            self._bench.cluster(feature_set),
            self._bench.mark_groups(feature_set),
            strict=True,
        )
        return [
            Answer(self._bench.sums(number, clustering.scores), mark)
            for number, (clustering, mark) in enumerate(pairs)
        ]

    def floors(self) -> dict[str, list[Answer]]:
        """Returns no floors: scores are corrected for the plates' share already."""
        return {}

    def _question(self, number: int) -> Question:
        about = {"task": "clustering", **self._bench.about(number)}
        total = self._bench.sums(number, np.ones(about["records"]))
        return Question(about, Counted(total, about["records"], np.inf, 0.0))


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """Counts for comparing sets by the clusters of their records."""
    return Counting(metadata, options)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the clusters for a terminal: a line per cell model and encoder."""
    header = [
        "cell model", "encoder", "score", "clusters", "noise", "silhouette",
        "Gaussians' 95 %", "halves agree", "share of plates",
    ]  # fmt: skip
    lines = [
        [
            row["group"],
            marks.marked(row["encoder"], row),
            score_table.with_interval(row, ".3f"),
            count_text(row),
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


def count_text(row: Mapping[str, Any]) -> str:
    """Writes the number of called clusters: "5", "none", or "none (4)" uncalled."""
    count = row["clusters"]
    return f"{count}" if row["called"] else f"none ({count})" if count else "none"


class _Bench:
    """Records of a screen that are clustered, and the clusterings of sets."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        self._options = options
        self._metadata = metadata.iloc[held_out_part.rows(metadata)]
        self._split = held_out_part.about(metadata)
        self.groups = _groups(metadata, options)[0]
        self.fits = len(self.groups) * clusters.MAPS * clusters.EPOCHS

    def mark_groups(self, feature_set: FeatureSet) -> list[marks.Mark]:
        """Returns the mark of a set on the records of each cell model."""
        seen = feature_set.seen.take(held_out_part.rows(feature_set.metadata))
        return [
            marks.mark(seen, np.union1d(group.rows, group.reference.rows))
            for group in self.groups
        ]

    def cluster(self, feature_set: FeatureSet) -> Iterator[Clustering]:
        """Clusters the records of each cell model."""
        judged = held_out_part.judged_part(feature_set)
        for group in self.groups:
            features = by_controls.normalized(
                judged, group.rows, group.reference, self._options["normalize"]
            )
            yield self._clustering(group, _components(features, self._options["seed"]))

    def _clustering(self, group: Group, points: np.ndarray) -> Clustering:
        seed = self._options["seed"]
        positions = clusters.mapped(points, seed)
        by_size = clusters.find_all(positions, group.min_sizes)
        best = clusters.best(by_size)
        metadata = self._metadata.iloc[group.rows]
        label = _label(metadata, self._options["label"])
        return Clustering(
            positions,
            by_size,
            clusters.gaussian_silhouettes(points, group.min_sizes, seed),
            clusters.consistency(points, best.min_size, seed),
            _share(best, profile_table.plates(metadata)),
            None if label is None else _share(best, label),
        )

    def about(self, number: int) -> dict[str, Any]:
        """Returns the columns that rows of a cell model have in common."""
        group = self.groups[number]
        return {
            "group": group.name,
            **self._split,
            "metric": "silhouette",
            "normalize": group.reference.describe(self._options["normalize"]),
            "unit": "well",
            "chance": 0.0,
            "records": len(group.rows),
            "sampled_from": group.sampled_from,
            "label": self._options["label"],
        }

    def sums(self, number: int, values: np.ndarray) -> np.ndarray:
        """Sums values over the records of each well of a cell model: [U, 1]."""
        wells = profile_table.wells(self._metadata.iloc[self.groups[number].rows])
        return np.bincount(pd.factorize(wells)[0], values)[:, None]

    def rows(
        self, number: int, clusterings: Mapping[str, Clustering]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields name and scores of every set; intervals draw wells, not clusters."""
        about = self.about(number)
        total = self.sums(number, np.ones(about["records"]))
        wider = bootstrap.stretch(total, tested=about["records"], trained=np.inf)
        sums = {
            name: self.sums(number, clustering.scores)
            for name, clustering in clusterings.items()
        }
        drawn = bootstrap.recalls_of_each(
            [(set_sums, prior) for prior in (1, 2) for set_sums in sums.values()],
            total,
            draws=self._options["bootstrap_draws"],
            seed=self._options["seed"],
            chance=0.0,
        )
        draws, base_draws = (
            {name: recalls[:, 0] for name, recalls in zip(sums, half, strict=True)}
            for half in (drawn[: len(sums)], drawn[len(sums) :])
        )
        values = {
            name: float(set_sums.sum() / total.sum()) for name, set_sums in sums.items()
        }
        plates = profile_table.plates(self._metadata.iloc[self.groups[number].rows])
        for name, clustering in clusterings.items():
            low, high = bootstrap.interval(values[name], draws[name], stretch=wider)
            row = about | {"value": values[name], "low": low, "high": high}
            row["differences"] = to_bases(
                name, values, draws, base_draws, chance=0.0, stretch=wider
            )
            yield (
                name,
                row | _cluster_columns(clustering) | {"map": _map(clustering, plates)},
            )


def _cluster_columns(clustering: Clustering) -> dict[str, Any]:
    """Returns the columns of a row that describe its clusters."""
    return {
        "called": clustering.called,
        **_size_columns(clustering, clustering.best),
        "gaussian_mean": float(clustering.gaussians.mean()),
        "gaussian_95": clusters.threshold(clustering.gaussians),
        "consistency": clustering.consistency,
        "plate_share": clustering.plate_share,
        "label_share": clustering.label_share,
        "by_size": [
            _size_columns(clustering, of_size) for of_size in clustering.by_size
        ],
    }


def _size_columns(clustering: Clustering, of_size: Clusters) -> dict[str, Any]:
    return {
        "min_size": of_size.min_size,
        "clusters": of_size.count,
        "noise": of_size.noise,
        "silhouette": of_size.silhouette,
        **clusters.indices(clustering.positions, of_size),
    }


def _map(clustering: Clustering, plates: np.ndarray) -> dict[str, list]:
    x, y = np.round(clustering.positions.astype(float), _DECIMALS).T
    labels = clustering.best.labels
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "cluster": labels.tolist(),
        "plate": plates.tolist(),
    }


def _components(features: np.ndarray, seed: int) -> np.ndarray:
    """Returns principal components [n, d] float64 of features [n, D]."""
    count = min(COMPONENTS, *features.shape)
    with np.errstate(invalid="ignore"):  # shares of nothing, where records are alike
        return PCA(count, random_state=seed).fit_transform(features.astype(np.float64))


def _share(clustered: Clusters, labels: np.ndarray) -> float:
    """Returns adjusted mutual information of clusters and a label, without noise."""
    in_cluster = clustered.labels >= 0
    if clustered.count < 2:
        return 0.0
    codes = pd.factorize(labels[in_cluster])[0]
    return float(
        metrics.adjusted_mutual_info_score(codes, clustered.labels[in_cluster])
    )


def _label(metadata: pd.DataFrame, name: str) -> np.ndarray | None:
    """Returns the labels [N] str objects; None if the screen has no such column."""
    column_of_name = {column.lower(): column for column in metadata}
    column = column_of_name.get(f"metadata_{name}".lower())
    return None if column is None else metadata[column].astype(str).to_numpy(object)


def _groups(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[list[Group], list[str]]:
    """Returns the records of each cell model to cluster, and notes on the rest."""
    judged = metadata.iloc[held_out_part.rows(metadata)]
    models, plates = profile_table.cell_models(judged), profile_table.plates(judged)
    is_control = classification.controls(judged)
    groups, notes = [], []
    if _label(metadata, options["label"]) is None:
        notes.append(f"the screen has no column Metadata_{options['label']}")
    for model in np.unique(models.astype(str)):
        rows = np.flatnonzero(models == model)
        count = min(len(rows), options["records"])
        sizes = tuple(s for s in sorted(set(options["min_sizes"])) if 2 * s <= count)
        if count < FEWEST or not sizes:
            least = max(FEWEST, 2 * min(options["min_sizes"]))
            notes.append(
                f"{model} has {len(rows):,} records, and {least:,} are needed for two "
                "clusters of the smallest minimum size and a map of each half"
            )
            continue
        if lost := sorted(set(options["min_sizes"]) - set(sizes)):
            notes.append(
                f"{model}: minimum cluster sizes {', '.join(map(str, lost))} are left "
                f"out, for two such clusters are more than {count:,} records"
            )
        if count < len(rows):
            notes.append(
                f"{model}: {count:,} of {len(rows):,} records, drawn at random, are "
                "clustered (config.evaluate.clustering.records)"
            )
        drawn = rows[well_map.drawn(plates[rows], count, options["seed"])]
        by = by_controls.reference(rows[is_control[rows]], rows)
        groups.append(Group(model, drawn, len(rows), by, sizes))
    return groups, notes
