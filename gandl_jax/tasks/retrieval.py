"""Retrieval of profiles that should be similar, scored by mean average precision.

Replicates: wells of one treatment and dose are queries for each other, ranked with
control wells. Both lie on other plates than the query (if replicates share a plate,
both on the same one), so that the similarity of plates helps neither. Half of the
control wells normalise and the other half is ranked, as wells that determine a plate's
centre lie closer around it than other wells. Mechanisms: the mean profiles of
treatments with one mechanism are queries for each other, ranked with all others.
Similarity is the cosine; average precision is that of copairs (Kalinin et al. 2025).
"""

import dataclasses
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import dose_unit
from gandl_jax.profiles import floors, normalize
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.aggregate import group_means, well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import bootstrap, marks, remarks, score_table, steps
from gandl_jax.tasks.comparison import Counted
from gandl_jax.tasks.counting import Answer, Question
from gandl_jax.tasks.differences import bases, difference
from gandl_jax.tasks.skip import LeftOut, Skip, need_columns, need_package

TITLE = "Retrieval"
METRIC = "mean average precision"
PLACE = 40  # in the terminal
OPTIONS = {"normalize": ""}  # "" is evaluate.normalize
TELLS_DOSES = True
MAX_WELLS = 6_000  # queries for replicates, per cell model (ours)
MAX_WELLS_ALONE = 2_000  # the same, if other treatments replace controls (ours)
MAX_CONTROLS = 200  # ranked, per cell model; all if queries share a plate (ours)
MIN_CONTROLS = 5  # to rank; with fewer, other treatments replace them (ours)
MAX_TREATMENTS = 3_000  # queries for mechanisms, per cell model (ours)
NULL_DRAWS = 10_000  # random rankings behind a p value
MAX_Q = 0.05
PAIRS_AT_A_TIME = 2_000  # profiles of which fit into a processor's cache
TIES = 1e-3  # of a profile's length: breaks ties between cosines at random


@dataclasses.dataclass(frozen=True)
class Search:
    """Queries and ranked profiles of a cell model.

    Attributes:
      kind: "replicate" or "mechanism".
      group: the cell model.
      reference: [R] int, wells by which profiles are normalised.
      wells: [n] int, wells of the profiles.
      profile: [n] int, the one of the P profiles that a well belongs to.
      pairs: [P] rows: label, treatment, plate, side ("query" or "control").
      rules: copairs' pos_sameby, pos_diffby, neg_sameby, neg_diffby.
      against: profiles that the queries are ranked with.
      across_plates: whether only profiles of other plates are ranked.
      sampled_from: number of queries before sampling.
    """

    kind: str
    group: str
    reference: np.ndarray
    wells: np.ndarray
    profile: np.ndarray
    pairs: pd.DataFrame
    rules: Mapping[str, list[str]]
    against: str
    across_plates: bool
    sampled_from: int


@dataclasses.dataclass(frozen=True)
class Precisions:
    """Result of a search on one set of profiles.

    Attributes:
      precision: [I] average precision of each label (replicates) or treatment
        (mechanisms).
      treatment: [I] bootstrap unit of each.
      chance: the expected mean precision of random rankings.
      queries: number of profiles with something to find.
      labels: label, map, q of each.
    """

    precision: np.ndarray
    treatment: np.ndarray
    chance: float
    queries: int
    labels: pd.DataFrame


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there is something to find; warns of wells left out.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: seed; dose_unit, "uM" unless given.

    Raises:
      Skip: a column is missing, copairs is not installed, or no treatment has a second
        well and no mechanism a second treatment.
    """
    need_columns(metadata, "Role", "Treatment")
    need_package("copairs", "copairs")
    searches = list(_searches(_wells(metadata), options["seed"]))
    if not searches:
        raise Skip(
            "no treatment and dose has two wells (one replicate only) beside 10 wells "
            "of response 0 or another treatment to tell them from, and no mechanism "
            "has two treatments"
        )
    for sentence in _left_out(_wells(metadata), searches, dose_unit.named_in(options)):
        warnings.warn(sentence, LeftOut, stacklevel=2)
    for search in searches:
        queries = int((search.pairs["side"] == "query").sum())
        if queries < search.sampled_from:
            warnings.warn(
                f"{search.kind} retrieval of {search.group}: {queries:,} of "
                f"{search.sampled_from:,} profiles, drawn at random, look for theirs",
                LeftOut,
                stacklevel=1,
            )


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set, and the floors, on the same queries and bootstrap draws.

    Args:
      sets: full name -> set.
      splits: unused.
      **options: normalize, bootstrap_draws, seed.

    Returns:
      Per search and set a row with the mean average precision, that of chance, and the
      share of labels that are retrieved at a false-discovery rate of 5 %.
    """
    metadata = _wells(sets[next(iter(sets))].metadata)
    searches = list(_searches(metadata, options["seed"]))
    results: list[dict[str, Precisions]] = [{} for _ in searches]
    described, set_marks = {}, {}
    identities = floors.make(metadata)
    total = (len(sets) + len(identities)) * len(searches)
    with (
        tempfile.TemporaryDirectory() as cache,  # of copairs' random rankings
        steps.counted(total, "searches"),
    ):
        for name in sets:
            wells = well_means(sets[name])
            described[name], set_marks[name] = _describe(wells), []
            for search, precisions in zip(searches, results, strict=True):
                set_marks[name].append(_mark(wells, search))
                profiles = _normalized(wells, search, options["normalize"])
                precisions[name] = run_search(
                    profiles, search, seed=options["seed"], cache=cache
                )
                steps.add()
        for name, identity in identities.items():
            described[name] = _floor(name)
            set_marks[name] = [marks.NOTHING for _ in searches]
            for search, precisions in zip(searches, results, strict=True):
                profiles = _averaged(identity[search.wells].toarray(), search)
                precisions[name] = run_search(
                    profiles, search, seed=options["seed"], cache=cache
                )
                steps.add()
    return [
        described[name] | set_marks[name][i] | row
        for i, (search, precisions) in enumerate(zip(searches, results, strict=True))
        for name, row in _rows(search, precisions, options)
    ]


class Counting:
    """Counts precisions for `counting`: every query of a treatment is one record."""

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Prepares the searches.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: normalize, seed.
        """
        check(metadata, options)
        self._metadata, self._options = metadata, options
        self._searches = list(_searches(_wells(metadata), options["seed"]))
        floor_precisions = self._search_floors(floors.make(_wells(metadata)))
        self._floors = {
            name: [
                Answer(_by_treatment(precisions), marks.NOTHING)
                for precisions in of_searches
            ]
            for name, of_searches in floor_precisions.items()
        }
        first = next(iter(floor_precisions.values()))
        self.questions = list(map(self._question, self._searches, first))
        self.fits = len(self._searches)

    def answers(self, feature_set: FeatureSet) -> list[Answer]:
        """Returns the precisions of a set, for each question."""
        wells, answers = well_means(feature_set), []
        with tempfile.TemporaryDirectory() as cache:
            for search in self._searches:
                right = _by_treatment(self._run_search(wells, search, cache))
                answers.append(Answer(right, _mark(wells, search)))
                steps.add()
        return answers

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the answers of the floors: plate identity and well position."""
        return self._floors

    def _run_search(self, wells: FeatureSet, search: Search, cache: str) -> Precisions:
        profiles = _normalized(wells, search, self._options["normalize"])
        return run_search(profiles, search, seed=self._options["seed"], cache=cache)

    def _search_floors(
        self, identities: Mapping[str, Any]
    ) -> dict[str, list[Precisions]]:
        """Runs the searches on the floors, plate identity and well position."""
        seed = self._options["seed"]
        with tempfile.TemporaryDirectory() as cache:
            return {
                name: [
                    run_search(
                        _averaged(identity[search.wells].toarray(), search),
                        search,
                        seed=seed,
                        cache=cache,
                    )
                    for search in self._searches
                ]
                for name, identity in identities.items()
            }

    def _question(self, search: Search, precisions: Precisions) -> Question:
        units, counts = np.unique(precisions.treatment, return_counts=True)
        about = {
            "task": "retrieval",
            "kind": search.kind,
            "group": search.group,
            "metric": "mAP",
            "normalize": self._options["normalize"],
            "unit": "treatment",
            "chance": precisions.chance,
            "records": precisions.queries,
        }
        total = counts[:, None].astype(float)
        return Question(about, Counted(total, len(units), np.inf, precisions.chance))


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """Counts for comparing sets by their precisions."""
    return Counting(metadata, options)


def _by_treatment(precisions: Precisions) -> np.ndarray:
    """Sums precisions [U, 1] of each treatment, in alphabetical order."""
    _, unit = np.unique(precisions.treatment, return_inverse=True)
    return np.bincount(unit, precisions.precision)[:, None]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per search, a column per encoder."""
    title = f"{TITLE}: {METRIC} [95 % interval]"
    keys = {"cell model": score_table.group, "of the same": _kind}
    return score_table.scores(title, keys, rows)


def _kind(row: Mapping[str, Any]) -> str:
    return "treatment" if row["kind"] == "replicate" else row["kind"]


def run_search(
    profiles: np.ndarray, search: Search, *, seed: int, cache: str
) -> Precisions:
    """Computes the average precision of every query of a search.

    Args:
      profiles: [P, D] float32, one for each row of `search.pairs`.
      search: the queries and ranked profiles.
      seed: of ties and random rankings.
      cache: a folder for the random rankings of all sets of one search.

    Returns:
      The precisions.
    """
    from copairs import map as copairs_map  # an optional library, slow to import

    ranked = copairs_map.average_precision(
        search.pairs,
        _without_ties(profiles, seed),
        **search.rules,
        distance=_cosine,
        batch_size=PAIRS_AT_A_TIME,
        progress_bar=False,
    )
    has_both = (ranked["n_pos_pairs"] > 0) & (
        ranked["n_total_pairs"] > ranked["n_pos_pairs"]
    )
    ranked = ranked[has_both & (ranked["side"] == "query")]
    labels = copairs_map.mean_average_precision(
        ranked,
        sameby=["label"],
        null_size=NULL_DRAWS,
        threshold=MAX_Q,
        seed=seed,
        progress_bar=False,
        cache_dir=cache,
    )
    names = {"mean_average_precision": "map", "corrected_p_value": "q"}
    labels = labels.rename(columns=names)[["label", "map", "q"]]
    ranked = ranked.assign(chance=_chance(ranked))
    items = ["label"] if search.kind == "replicate" else ["label", "treatment"]
    by_item = ranked.groupby(items, sort=True).agg(
        precision=("average_precision", "mean"),
        unit=("treatment", "first"),
        chance=("chance", "mean"),
    )
    return Precisions(
        by_item["precision"].to_numpy(float),
        by_item["unit"].to_numpy(object),
        float(by_item["chance"].mean()),
        len(ranked),
        labels.sort_values("map", ascending=False, kind="stable"),
    )


def expected_precision(matches: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Returns the expected average precision of a random ranking.

    ((M - 1) / (L - 1) (L - H_L) + H_L) / L, H the harmonic numbers.

    Args:
      matches: [n] int, M: number of matches.
      ranked: [n] int, L: number of ranked profiles, 2 or more.

    Returns:
      [n] float64 in (0, 1].
    """
    harmonic = np.cumsum(1 / np.arange(1, ranked.max() + 1))[ranked - 1]
    return ((matches - 1) / (ranked - 1) * (ranked - harmonic) + harmonic) / ranked


def _chance(ranked: pd.DataFrame) -> np.ndarray:
    return expected_precision(
        ranked["n_pos_pairs"].to_numpy(int), ranked["n_total_pairs"].to_numpy(int)
    )


def _without_ties(profiles: np.ndarray, seed: int) -> np.ndarray:
    """Returns profiles with a little noise, [P, D + 4] float32, rows of length 1.

    Among ties, copairs ranks matches first, which flatters features that do not
    distinguish wells: a constant, or the identity of a plate.
    """
    length = np.linalg.norm(profiles, axis=1, keepdims=True)
    noise = np.random.default_rng(seed).normal(size=(len(profiles), 4)) * TIES
    extended = np.hstack([profiles / np.where(length > 0, length, 1), noise])
    return (extended / np.linalg.norm(extended, axis=1, keepdims=True)).astype(
        np.float32
    )


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns cosines [n] of pairs of rows of length 1; copairs' normalises them."""
    return np.einsum("ij,ij->i", left, right)


def _wells(metadata: pd.DataFrame) -> pd.DataFrame:
    """Returns metadata of the wells, in the order of `well_means`."""
    no_features = np.zeros((len(metadata), 0), np.float32)
    return well_means(FeatureSet("", metadata, no_features)).metadata


def _searches(wells: pd.DataFrame, seed: int) -> Iterator[Search]:
    """Yields the searches of each cell model that have something to find."""
    models = profile_table.cell_models(wells)
    treated = (wells["Metadata_Role"] == "treated").to_numpy()
    controls = profile_table.control_classes(wells)
    for model in np.unique(models):
        in_model = models == model
        queries = np.flatnonzero(in_model & treated)
        ranked_controls = _half(wells, np.flatnonzero(in_model & (controls == 0)), seed)
        normalising = np.flatnonzero(in_model & (controls >= 0))
        # Without controls all wells normalise: no label is learnt.
        normalising = normalising if len(normalising) else queries
        reference = np.setdiff1d(normalising, ranked_controls)
        yield from _replicates(wells, model, reference, queries, ranked_controls, seed)
        yield from _mechanisms(wells, model, normalising, queries, seed)


def _left_out(
    wells: pd.DataFrame, searches: Sequence[Search], unit: str
) -> Iterator[str]:
    """Yields sentences on treated wells that are no queries."""
    models, role = profile_table.cell_models(wells), wells["Metadata_Role"]
    treated = (role == "treated").to_numpy()
    for model in np.unique(models[treated]):
        model_wells = wells[treated & (models == model)]
        kinds = {search.kind for search in searches if search.group == model}
        lacking = {"replicate", "mechanism"} - kinds
        if not kinds:
            yield f"{model}: nothing to find for its {len(model_wells):,} treated wells"
            continue
        if "replicate" in lacking:
            yield f"replicate retrieval of {model}: nothing to find"
        else:
            yield from _without_replicate(model_wells, model, unit)
        if "Metadata_Mechanism" in wells:
            yield from _without_mechanism(
                model_wells, model, is_searched="mechanism" in kinds
            )
    other = ~treated & (profile_table.control_classes(wells) < 0)
    if other.any():
        yield f"{int(other.sum()):,} wells are neither treated nor controls: left out"


def _without_replicate(
    model_wells: pd.DataFrame, model: str, unit: str
) -> Iterator[str]:
    labels = _labels(model_wells, unit)
    has_replicate, across = _replicated(labels, profile_table.plates(model_wells))
    single_labels = np.unique(labels[~has_replicate].astype(str))
    if len(single_labels):
        location = "on another plate" if across else "on its plate"
        yield (
            f"replicate retrieval of {model}: {len(single_labels):,} of "
            f"{len(np.unique(labels.astype(str))):,} treatments and doses "
            f"({int((~has_replicate).sum()):,} wells, such as {single_labels[0]}) are "
            f"left out, for none has a second well {location}"
        )


def _without_mechanism(
    model_wells: pd.DataFrame, model: str, *, is_searched: bool
) -> Iterator[str]:
    pairs = model_wells[["Metadata_Treatment", "Metadata_Mechanism"]].astype(str)
    pairs = pairs.drop_duplicates()
    blank = int((pairs["Metadata_Mechanism"] == "").sum())
    labelled = pairs[pairs["Metadata_Mechanism"] != ""]
    sizes = labelled["Metadata_Mechanism"].value_counts()
    single_mechanisms = int((sizes == 1).sum())
    if not is_searched:
        if len(labelled):
            yield f"mechanism retrieval of {model}: nothing to find"
        return
    if blank:
        yield (
            f"mechanism retrieval of {model}: {blank:,} of {len(pairs):,} treatments "
            "have a blank mechanism and are left out"
        )
    if single_mechanisms:
        yield (
            f"mechanism retrieval of {model}: {single_mechanisms:,} of {len(sizes):,} "
            "mechanisms have one treatment, which looks for nothing and is there to be "
            "told from"
        )


def _half(wells: pd.DataFrame, controls: np.ndarray, seed: int) -> np.ndarray:
    """Draws every other control well, evenly over the plates."""
    drawn = np.random.default_rng(seed).permutation(controls)
    by_plate = np.argsort(profile_table.plates(wells)[drawn], kind="stable")
    return np.sort(drawn[by_plate][1::2])


def _replicates(wells, model, reference, queries, controls, seed) -> Iterator[Search]:
    labels, plates = _labels(wells.iloc[queries]), profile_table.plates(wells)
    lacks_controls = len(controls) < MIN_CONTROLS
    if lacks_controls:
        reference, controls = np.union1d(reference, controls), controls[:0]
    has_replicate, across = _replicated(labels, plates[queries])
    queries, labels = queries[has_replicate], labels[has_replicate]
    chosen = _sample(labels, MAX_WELLS_ALONE if lacks_controls else MAX_WELLS, seed)
    if across and len(controls) > MAX_CONTROLS:
        rng = np.random.default_rng(seed)
        controls = np.sort(rng.choice(controls, MAX_CONTROLS, replace=False))
    pairs = _replicate_pairs(wells, queries[chosen], labels[chosen], controls)
    separating = "treatment" if lacks_controls else "side"
    if len(chosen) and _has_negatives(pairs, separating, across=across):
        wells_ranked = np.concatenate([queries[chosen], controls])
        yield Search(
            kind="replicate",
            group=model,
            reference=reference,
            wells=wells_ranked,
            profile=np.arange(len(wells_ranked)),
            pairs=pairs,
            rules={
                "pos_sameby": ["label"] if across else ["label", "plate"],
                "pos_diffby": ["plate"] if across else [],
                "neg_sameby": [] if across else ["plate"],
                "neg_diffby": [separating, "plate"] if across else [separating],
            },
            against="other treatments" if lacks_controls else "response_0",
            across_plates=across,
            sampled_from=len(queries),
        )


def _replicated(labels: np.ndarray, plates: np.ndarray) -> tuple[np.ndarray, bool]:
    """Returns [n] bool, wells with a replicate, and whether it is on another plate.

    Replicates on other plates are used if they leave at least as many wells as those on
    the same plate.
    """
    frame = pd.DataFrame({"label": labels, "plate": plates})
    across = frame.groupby("label")["plate"].transform("nunique").to_numpy() > 1
    within = frame.groupby(["label", "plate"])["label"].transform("size").to_numpy() > 1
    return (across, True) if across.sum() >= within.sum() else (within, False)


def _replicate_pairs(wells, queries, labels, controls) -> pd.DataFrame:
    wells_ranked = np.concatenate([queries, controls])
    treatments = wells["Metadata_Treatment"].astype(str).to_numpy(object)[queries]
    # All differ, so that no control is a match of another.
    control_labels = [f"control {i}" for i in range(len(controls))]
    return pd.DataFrame(
        {
            "label": [*labels, *control_labels],
            "treatment": [*treatments, *control_labels],
            "plate": profile_table.plates(wells)[wells_ranked],
            "side": ["query"] * len(queries) + ["control"] * len(controls),
        }
    )


def _has_negatives(pairs: pd.DataFrame, separating: str, *, across: bool) -> bool:
    """Tells whether any query is ranked with a profile that is no match."""
    counts = pairs.groupby("plate")[separating].nunique()
    if not across:
        return bool((counts > 1).any())
    return len(counts) > 1 and pairs[separating].nunique() > 1


def _mechanisms(wells, model, reference, queries, seed) -> Iterator[Search]:
    if "Metadata_Mechanism" not in wells:
        return
    query_wells = wells.iloc[queries]
    mechanism = query_wells["Metadata_Mechanism"].astype(str).to_numpy(object)
    treatment = query_wells["Metadata_Treatment"].astype(str).to_numpy(object)
    has_mechanism = mechanism != ""
    queries, mechanism, treatment = (
        queries[has_mechanism],
        mechanism[has_mechanism],
        treatment[has_mechanism],
    )
    keys = pd.MultiIndex.from_arrays([mechanism, treatment])
    profile, names = pd.factorize(keys)
    if not len(names):
        return
    labels = names.get_level_values(0).to_numpy(object)
    several = pd.Series(labels).groupby(labels).transform("size").to_numpy() > 1
    if not several.any() or len(np.unique(labels)) < 2:
        return
    # A treatment without others of its mechanism is ranked, too, as no match.
    chosen = _sample(np.arange(len(names)), MAX_TREATMENTS, seed)
    index_of_profile = np.full(len(names), -1)
    index_of_profile[chosen] = np.arange(len(chosen))
    is_chosen = index_of_profile[profile] >= 0
    pairs = pd.DataFrame(
        {
            "label": labels[chosen],
            "treatment": names.get_level_values(1).to_numpy(object)[chosen],
            "plate": "",
            "side": "query",
        }
    )
    rules = {
        "pos_sameby": ["label"],
        "pos_diffby": [],
        "neg_sameby": [],
        "neg_diffby": ["label", "treatment"],
    }
    yield Search(
        kind="mechanism",
        group=model,
        reference=reference,
        wells=queries[is_chosen],
        profile=index_of_profile[profile][is_chosen],
        pairs=pairs,
        rules=rules,
        against="other mechanisms",
        across_plates=False,
        sampled_from=len(names),
    )


def _labels(wells: pd.DataFrame, unit: str = dose_unit.MICROMOLAR) -> np.ndarray:
    """Returns labels [n] str objects: treatment and dose."""
    labels = wells["Metadata_Treatment"].astype(str).astype(object)
    if "Metadata_Concentration_uM" in wells:
        labels = labels + _dose_texts(wells["Metadata_Concentration_uM"], unit)
    return labels.to_numpy(object)


def _dose_texts(doses: pd.Series, unit: str) -> list[str]:
    """Writes doses [n], " 0.3 uM" or "", with as many digits as keep them distinct."""
    distinct_doses = doses.dropna().unique()
    short = len({f"{dose:g}" for dose in distinct_doses}) == len(distinct_doses)
    write = "{:g}".format if short else repr
    return [f" {write(d)} {unit}" if np.isfinite(d) else "" for d in doses.to_list()]


def _sample(labels: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """Draws positions of at most `limit` items, all of a label or none, in order."""
    codes, names = pd.factorize(labels)
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(codes, minlength=len(names))[order]
    drawn = order[np.cumsum(sizes) <= limit]
    return np.flatnonzero(np.isin(codes, drawn))


def _normalized(wells: FeatureSet, search: Search, normalization: str) -> np.ndarray:
    """Returns profiles [P, D] float32 of a search, normalised per plate."""
    plates = profile_table.plates(wells.metadata)
    scaler = normalize.make(normalization).fit(
        wells.features[search.reference], plates=plates[search.reference]
    )
    normalized = scaler.transform(
        wells.features[search.wells], plates=plates[search.wells]
    )
    remarks.add(wells.name, normalization, scaler.doubts())
    return _averaged(normalized, search)


def _averaged(rows: np.ndarray, search: Search) -> np.ndarray:
    if len(rows) == len(search.pairs):  # each well is a profile of its own, in order
        order = np.empty(len(rows), int)
        order[search.profile] = np.arange(len(rows))
        return rows[order]
    return group_means(rows, search.profile)[1]


def _describe(wells: FeatureSet) -> dict[str, Any]:
    return {
        "task": "retrieval",
        "set": wells.name,
        "encoder": wells.encoder,
        "features": wells.short_name,
    }


def _mark(wells: FeatureSet, search: Search) -> marks.Mark:
    """Returns the mark of all wells of a search, and of those that normalise."""
    return marks.mark(wells.seen, np.union1d(search.wells, search.reference))


def _floor(name: str) -> dict[str, Any]:
    names = {"set": name, "encoder": name, "features": name}
    return {"task": "retrieval", **names}


def _rows(
    search: Search, results: Mapping[str, Precisions], options
) -> Iterator[tuple]:
    """Yields name and scores of every set; intervals draw treatments again."""
    first = next(iter(results.values()))
    names, unit = np.unique(first.treatment, return_inverse=True)
    # The Bayesian bootstrap (Rubin 1981): every treatment gets a random weight.
    rng = np.random.default_rng(options["seed"])
    weights = rng.exponential(size=(options["bootstrap_draws"], len(names)))[:, unit]
    weights /= weights.sum(1, keepdims=True)
    draws = {
        name: weights @ precisions.precision for name, precisions in results.items()
    }
    stretch = bootstrap.t_over_z(len(names) - 1) if len(names) > 1 else np.inf
    for name, precisions in results.items():
        value = float(precisions.precision.mean())
        low, high = bootstrap.interval(value, draws[name], stretch=stretch)
        yield (
            name,
            {
                "kind": search.kind,
                "group": search.group,
                "against": search.against,
                "across_plates": search.across_plates,
                "normalize": options["normalize"],
                "metric": "mAP",
                "value": value,
                "low": low,
                "high": high,
                "chance": precisions.chance,
                "share_significant": float((precisions.labels["q"] < MAX_Q).mean()),
                "differences": {
                    role: difference(
                        value,
                        draws[name],
                        base_name,
                        results[base_name].precision.mean(),
                        draws[base_name],
                        chance=results[base_name].chance,
                        stretch=stretch,
                    )
                    for role, base_name in bases(name, results).items()
                },
                "queries": precisions.queries,
                "sampled_from": search.sampled_from,
                "treatments": len(names),
                "by_label": precisions.labels.to_dict("records"),
            },
        )
