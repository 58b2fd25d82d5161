"""Do profiles that should be alike find each other? Mean average precision.

Replicates: wells of one treatment and dose look for each other among control wells.
Both lie on other plates than the well that looks (where replicates share a plate, both
on its own): so that what plates have in common helps neither. Half the control wells
normalise and the other half is searched, for the wells that made a plate's centre lie
around it as no other well does. Mechanisms: the mean profiles of treatments with one
mechanism look for each other among all others. Similarity is the cosine; average
precision is copairs' (Kalinin et al. 2025).
"""

import dataclasses
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

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
MAX_WELLS = 6_000  # that look for their replicates, per cell model (ours)
MAX_WELLS_ALONE = 2_000  # the same where no controls are searched but each other (ours)
MAX_CONTROLS = 200  # that are searched, per cell model; of one plate all (ours)
MIN_CONTROLS = 5  # to be searched; where there are fewer, other treatments are (ours)
MAX_TREATMENTS = 3_000  # that look for their mechanism, per cell model (ours)
NULL_DRAWS = 10_000  # random rankings behind a p value
MAX_Q = 0.05
PAIRS_AT_A_TIME = 2_000  # whose profiles fit into a processor's cache
TIES = 1e-3  # of a profile's length: breaks ties between cosines at random


@dataclasses.dataclass(frozen=True)
class Search:
    """Who looks for whom.

    Attributes:
      kind: "replicate" or "mechanism".
      group: the cell model.
      reference: [R] int, wells by which profiles are normalised.
      wells: [n] int, wells that are looked at.
      profile: [n] int, which of the P profiles a well belongs to.
      pairs: [P] rows: label, treatment, plate, side ("query" or "control").
      rules: copairs' pos_sameby, pos_diffby, neg_sameby, neg_diffby.
      against: what the profiles are told from.
      across_plates: whether only profiles of other plates are ranked.
      sampled_from: how many queries there would be.
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
class Found:
    """What a search found in one set of profiles.

    Attributes:
      precision: [I] average precision of each label (replicates) or treatment
        (mechanisms).
      treatment: [I] what is drawn again.
      chance: the mean precision that random rankings are expected to have.
      queries: how many profiles had something to find.
      labels: label, map, q of each.
    """

    precision: np.ndarray
    treatment: np.ndarray
    chance: float
    queries: int
    labels: pd.DataFrame


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there is something to find; warns of what is left out.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: seed; dose_unit, "uM" unless given.

    Raises:
      Skip: where a column is missing, copairs is not installed, or no treatment has a
        second well and no mechanism a second treatment.
    """
    need_columns(metadata, "Role", "Treatment")
    need_package("copairs", "copairs")
    found = list(_searches(_wells(metadata), options["seed"]))
    if not found:
        raise Skip(
            "no treatment and dose has two wells (one replicate only) beside 10 wells "
            "of response 0 or another treatment to tell them from, and no mechanism "
            "has two treatments"
        )
    for words in _left_out(_wells(metadata), found, dose_unit.named_in(options)):
        warnings.warn(words, LeftOut, stacklevel=2)
    for search in found:
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
      Per search and set a row with the mean average precision, what chance gives, and
      the share of labels that are found at a false-discovery rate of 5 %.
    """
    metadata = _wells(sets[next(iter(sets))].metadata)
    searches = list(_searches(metadata, options["seed"]))
    judged: list[dict[str, Found]] = [{} for _ in searches]
    described, own = {}, {}
    identities = floors.make(metadata)
    looks = (len(sets) + len(identities)) * len(searches)
    with (
        tempfile.TemporaryDirectory() as cache,  # of copairs' random rankings
        steps.counted(looks, "searches"),
    ):
        for name in sets:
            wells = well_means(sets[name])
            described[name], own[name] = _describe(wells), []
            for search, found in zip(searches, judged, strict=True):
                own[name].append(_mark(wells, search))
                profiles = _normalized(wells, search, options["normalize"])
                found[name] = look(profiles, search, seed=options["seed"], cache=cache)
                steps.add()
        for name, identity in identities.items():
            described[name] = _floor(name)
            own[name] = [marks.NOTHING for _ in searches]
            for search, found in zip(searches, judged, strict=True):
                profiles = _averaged(identity[search.wells].toarray(), search)
                found[name] = look(profiles, search, seed=options["seed"], cache=cache)
                steps.add()
    return [
        described[name] | own[name][i] | row
        for i, (search, found) in enumerate(zip(searches, judged, strict=True))
        for name, row in _rows(search, found, options)
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
        found = self._look(floors.make(_wells(metadata)))
        self._floors = {
            name: [Answer(_by_treatment(f), marks.NOTHING) for f in own]
            for name, own in found.items()
        }
        first = next(iter(found.values()))
        self.questions = list(map(self._question, self._searches, first))
        self.fits = len(self._searches)

    def answers(self, one: FeatureSet) -> list[Answer]:
        """The precisions of a set of the records, of each question."""
        wells, made = well_means(one), []
        with tempfile.TemporaryDirectory() as cache:
            for search in self._searches:
                right = _by_treatment(self._find(wells, search, cache))
                made.append(Answer(right, _mark(wells, search)))
                steps.add()
        return made

    def floors(self) -> dict[str, list[Answer]]:
        """The same by plate and by place."""
        return self._floors

    def _find(self, wells: FeatureSet, search: Search, cache: str) -> Found:
        profiles = _normalized(wells, search, self._options["normalize"])
        return look(profiles, search, seed=self._options["seed"], cache=cache)

    def _look(self, identities: Mapping[str, Any]) -> dict[str, list[Found]]:
        """What plates and places find."""
        seed = self._options["seed"]
        with tempfile.TemporaryDirectory() as cache:
            return {
                name: [
                    look(
                        _averaged(identity[search.wells].toarray(), search),
                        search,
                        seed=seed,
                        cache=cache,
                    )
                    for search in self._searches
                ]
                for name, identity in identities.items()
            }

    def _question(self, search: Search, found: Found) -> Question:
        units, counts = np.unique(found.treatment, return_counts=True)
        about = {
            "task": "retrieval",
            "kind": search.kind,
            "group": search.group,
            "metric": "mAP",
            "normalize": self._options["normalize"],
            "unit": "treatment",
            "chance": found.chance,
            "records": found.queries,
        }
        total = counts[:, None].astype(float)
        return Question(about, Counted(total, len(units), np.inf, found.chance))


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """How sets are compared by what they find."""
    return Counting(metadata, options)


def _by_treatment(found: Found) -> np.ndarray:
    """[U, 1] sums of precisions of each treatment, in alphabetical order."""
    _, unit = np.unique(found.treatment, return_inverse=True)
    return np.bincount(unit, found.precision)[:, None]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores as text for a terminal: a line per search, a column per encoder."""
    title = f"{TITLE}: {METRIC} [95 % interval]"
    keys = {"cell model": score_table.group, "of the same": _kind}
    return score_table.scores(title, keys, rows)


def _kind(row: Mapping[str, Any]) -> str:
    return "treatment" if row["kind"] == "replicate" else row["kind"]


def look(profiles: np.ndarray, search: Search, *, seed: int, cache: str) -> Found:
    """Average precision of every query of a search.

    Args:
      profiles: [P, D] float32, one for each row of `search.pairs`.
      search: who looks for whom.
      seed: of ties and of the random rankings.
      cache: a folder for the random rankings of all sets of one search.

    Returns:
      What was found.
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
    return Found(
        by_item["precision"].to_numpy(float),
        by_item["unit"].to_numpy(object),
        float(by_item["chance"].mean()),
        len(ranked),
        labels.sort_values("map", ascending=False, kind="stable"),
    )


def expected_precision(found: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The average precision that a random ranking is expected to have.

    ((M - 1) / (L - 1) (L - H_L) + H_L) / L, H the harmonic numbers.

    Args:
      found: [n] int, M: how many are to be found.
      total: [n] int, L: how many are ranked, 2 or more.

    Returns:
      [n] float64 in (0, 1].
    """
    harmonic = np.cumsum(1 / np.arange(1, total.max() + 1))[total - 1]
    return ((found - 1) / (total - 1) * (total - harmonic) + harmonic) / total


def _chance(ranked: pd.DataFrame) -> np.ndarray:
    return expected_precision(
        ranked["n_pos_pairs"].to_numpy(int), ranked["n_total_pairs"].to_numpy(int)
    )


def _without_ties(profiles: np.ndarray, seed: int) -> np.ndarray:
    """[P, D + 4] float32: profiles and a little noise, rows of length 1.

    copairs ranks equals with those to be found first, which flatters whatever cannot
    tell wells apart: a constant, or the identity of a plate.
    """
    length = np.linalg.norm(profiles, axis=1, keepdims=True)
    noise = np.random.default_rng(seed).normal(size=(len(profiles), 4)) * TIES
    both = np.hstack([profiles / np.where(length > 0, length, 1), noise])
    return (both / np.linalg.norm(both, axis=1, keepdims=True)).astype(np.float32)


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """[n] of pairs of rows whose length is 1; copairs' own would measure it again."""
    return np.einsum("ij,ij->i", left, right)


def _wells(metadata: pd.DataFrame) -> pd.DataFrame:
    """Metadata of the wells, in the order that `well_means` has."""
    nothing = np.zeros((len(metadata), 0), np.float32)
    return well_means(FeatureSet("", metadata, nothing)).metadata


def _searches(wells: pd.DataFrame, seed: int) -> Iterator[Search]:
    """The searches of each cell model that have anything to find."""
    models = profile_table.cell_models(wells)
    treated = (wells["Metadata_Role"] == "treated").to_numpy()
    controls = profile_table.control_classes(wells)
    for model in np.unique(models):
        own = models == model
        queries = np.flatnonzero(own & treated)
        searched = _half(wells, np.flatnonzero(own & (controls == 0)), seed)
        every = np.flatnonzero(own & (controls >= 0))
        every = every if len(every) else queries  # no label is learnt: all wells do
        reference = np.setdiff1d(every, searched)
        yield from _replicates(wells, model, reference, queries, searched, seed)
        yield from _mechanisms(wells, model, every, queries, seed)


def _left_out(wells: pd.DataFrame, found: Sequence[Search], unit: str) -> Iterator[str]:
    """Sentences on treated wells that look for nothing, and on what is found alone."""
    models, role = profile_table.cell_models(wells), wells["Metadata_Role"]
    treated = (role == "treated").to_numpy()
    for model in np.unique(models[treated]):
        own = wells[treated & (models == model)]
        searches = {search.kind for search in found if search.group == model}
        lacking = {"replicate", "mechanism"} - searches
        if not searches:
            yield f"{model}: nothing to find for its {len(own):,} treated wells"
            continue
        if "replicate" in lacking:
            yield f"replicate retrieval of {model}: nothing to find"
        else:
            yield from _without_replicate(own, model, unit)
        if "Metadata_Mechanism" in wells:
            yield from _without_mechanism(own, model, asked="mechanism" in searches)
    other = ~treated & (profile_table.control_classes(wells) < 0)
    if other.any():
        yield f"{int(other.sum()):,} wells are neither treated nor controls: left out"


def _without_replicate(own: pd.DataFrame, model: str, unit: str) -> Iterator[str]:
    labels = _labels(own, unit)
    has, across = _replicated(labels, profile_table.plates(own))
    alone = np.unique(labels[~has].astype(str))
    if len(alone):
        where = "on another plate" if across else "on its plate"
        yield (
            f"replicate retrieval of {model}: {len(alone):,} of "
            f"{len(np.unique(labels.astype(str))):,} treatments and doses "
            f"({int((~has).sum()):,} wells, such as {alone[0]}) are left out, for none "
            f"has a second well {where}"
        )


def _without_mechanism(own: pd.DataFrame, model: str, *, asked: bool) -> Iterator[str]:
    pairs = own[["Metadata_Treatment", "Metadata_Mechanism"]].astype(str)
    pairs = pairs.drop_duplicates()
    blank = int((pairs["Metadata_Mechanism"] == "").sum())
    known = pairs[pairs["Metadata_Mechanism"] != ""]
    sizes = known["Metadata_Mechanism"].value_counts()
    alone = int((sizes == 1).sum())
    if not asked:
        if len(known):
            yield f"mechanism retrieval of {model}: nothing to find"
        return
    if blank:
        yield (
            f"mechanism retrieval of {model}: {blank:,} of {len(pairs):,} treatments "
            "have a blank mechanism and are left out"
        )
    if alone:
        yield (
            f"mechanism retrieval of {model}: {alone:,} of {len(sizes):,} mechanisms "
            "have one treatment, which looks for nothing and is there to be told from"
        )


def _half(wells: pd.DataFrame, controls: np.ndarray, seed: int) -> np.ndarray:
    """Every other control well, at random but even over the plates."""
    drawn = np.random.default_rng(seed).permutation(controls)
    by_plate = np.argsort(profile_table.plates(wells)[drawn], kind="stable")
    return np.sort(drawn[by_plate][1::2])


def _replicates(wells, model, reference, queries, controls, seed) -> Iterator[Search]:
    labels, plates = _labels(wells.iloc[queries]), profile_table.plates(wells)
    alone = len(controls) < MIN_CONTROLS
    if alone:
        reference, controls = np.union1d(reference, controls), controls[:0]
    found, across = _replicated(labels, plates[queries])
    queries, labels = queries[found], labels[found]
    chosen = _sample(labels, MAX_WELLS_ALONE if alone else MAX_WELLS, seed)
    if across and len(controls) > MAX_CONTROLS:
        rng = np.random.default_rng(seed)
        controls = np.sort(rng.choice(controls, MAX_CONTROLS, replace=False))
    pairs = _replicate_pairs(wells, queries[chosen], labels[chosen], controls)
    other = "treatment" if alone else "side"
    if len(chosen) and _some_to_tell_from(pairs, other, across=across):
        both = np.concatenate([queries[chosen], controls])
        yield Search(
            kind="replicate",
            group=model,
            reference=reference,
            wells=both,
            profile=np.arange(len(both)),
            pairs=pairs,
            rules={
                "pos_sameby": ["label"] if across else ["label", "plate"],
                "pos_diffby": ["plate"] if across else [],
                "neg_sameby": [] if across else ["plate"],
                "neg_diffby": [other, "plate"] if across else [other],
            },
            against="other treatments" if alone else "response_0",
            across_plates=across,
            sampled_from=len(queries),
        )


def _replicated(labels: np.ndarray, plates: np.ndarray) -> tuple[np.ndarray, bool]:
    """Which wells have a replicate to find, and whether on another plate.

    Other plates count where that leaves at least as many wells as one's own plate.
    """
    frame = pd.DataFrame({"label": labels, "plate": plates})
    across = frame.groupby("label")["plate"].transform("nunique").to_numpy() > 1
    within = frame.groupby(["label", "plate"])["label"].transform("size").to_numpy() > 1
    return (across, True) if across.sum() >= within.sum() else (within, False)


def _replicate_pairs(wells, queries, labels, controls) -> pd.DataFrame:
    both = np.concatenate([queries, controls])
    treatments = wells["Metadata_Treatment"].astype(str).to_numpy(object)[queries]
    unlike = [f"control {i}" for i in range(len(controls))]  # none looks for another
    return pd.DataFrame(
        {
            "label": [*labels, *unlike],
            "treatment": [*treatments, *unlike],
            "plate": profile_table.plates(wells)[both],
            "side": ["query"] * len(queries) + ["control"] * len(controls),
        }
    )


def _some_to_tell_from(pairs: pd.DataFrame, other: str, *, across: bool) -> bool:
    """Whether any query meets a profile that it is to be told from."""
    kinds = pairs.groupby("plate")[other].nunique()
    if not across:
        return bool((kinds > 1).any())
    return len(kinds) > 1 and pairs[other].nunique() > 1


def _mechanisms(wells, model, reference, queries, seed) -> Iterator[Search]:
    if "Metadata_Mechanism" not in wells:
        return
    own = wells.iloc[queries]
    mechanism = own["Metadata_Mechanism"].astype(str).to_numpy(object)
    treatment = own["Metadata_Treatment"].astype(str).to_numpy(object)
    known = mechanism != ""
    queries, mechanism, treatment = queries[known], mechanism[known], treatment[known]
    keys = pd.MultiIndex.from_arrays([mechanism, treatment])
    profile, names = pd.factorize(keys)
    if not len(names):
        return
    labels = names.get_level_values(0).to_numpy(object)
    several = pd.Series(labels).groupby(labels).transform("size").to_numpy() > 1
    if not several.any() or len(np.unique(labels)) < 2:
        return
    # One that is alone in its mechanism is there to be told from.
    chosen = _sample(np.arange(len(names)), MAX_TREATMENTS, seed)
    place = np.full(len(names), -1)
    place[chosen] = np.arange(len(chosen))
    kept = place[profile] >= 0
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
        wells=queries[kept],
        profile=place[profile][kept],
        pairs=pairs,
        rules=rules,
        against="other mechanisms",
        across_plates=False,
        sampled_from=len(names),
    )


def _labels(wells: pd.DataFrame, unit: str = dose_unit.MICROMOLAR) -> np.ndarray:
    """[n] str objects: treatment and dose."""
    labels = wells["Metadata_Treatment"].astype(str).astype(object)
    if "Metadata_Concentration_uM" in wells:
        labels = labels + _dose_words(wells["Metadata_Concentration_uM"], unit)
    return labels.to_numpy(object)


def _dose_words(doses: pd.Series, unit: str) -> list[str]:
    """[n] " 0.3 uM", "" where blank, in as many digits as keep doses apart."""
    known = doses.dropna().unique()
    short = len({f"{dose:g}" for dose in known}) == len(known)
    words = "{:g}".format if short else repr
    return [f" {words(d)} {unit}" if np.isfinite(d) else "" for d in doses.to_list()]


def _sample(labels: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """Positions of at most `limit` items, all those of a label or none, in order."""
    codes, names = pd.factorize(labels)
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(codes, minlength=len(names))[order]
    taken = order[np.cumsum(sizes) <= limit]
    return np.flatnonzero(np.isin(codes, taken))


def _normalized(wells: FeatureSet, search: Search, how: str) -> np.ndarray:
    """[P, D] float32 profiles of a search, normalised per plate."""
    plates = profile_table.plates(wells.metadata)
    scaler = normalize.make(how).fit(
        wells.features[search.reference], plates=plates[search.reference]
    )
    own = scaler.transform(wells.features[search.wells], plates=plates[search.wells])
    remarks.add(wells.name, how, scaler.doubts())
    return _averaged(own, search)


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
    """Mark of all wells that a search looks at or normalises by."""
    return marks.mark(wells.seen, np.union1d(search.wells, search.reference))


def _floor(name: str) -> dict[str, Any]:
    names = {"set": name, "encoder": name, "features": name}
    return {"task": "retrieval", **names}


def _rows(search: Search, judged: Mapping[str, Found], options) -> Iterator[tuple]:
    """Name and scores of every set; intervals draw treatments again."""
    first = next(iter(judged.values()))
    names, unit = np.unique(first.treatment, return_inverse=True)
    # The Bayesian bootstrap (Rubin 1981): every treatment gets a random weight.
    rng = np.random.default_rng(options["seed"])
    weights = rng.exponential(size=(options["bootstrap_draws"], len(names)))[:, unit]
    weights /= weights.sum(1, keepdims=True)
    draws = {name: weights @ found.precision for name, found in judged.items()}
    tail = (1 + bootstrap.LEVEL) / 2
    stretch = np.inf
    if len(names) > 1:
        stretch = stats.t.ppf(tail, len(names) - 1) / stats.norm.ppf(tail)
    for name, found in judged.items():
        value = float(found.precision.mean())
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
                "chance": found.chance,
                "share_significant": float((found.labels["q"] < MAX_Q).mean()),
                "differences": {
                    kind: difference(
                        value,
                        draws[name],
                        other,
                        judged[other].precision.mean(),
                        draws[other],
                        chance=judged[other].chance,
                        stretch=stretch,
                    )
                    for kind, other in bases(name, judged).items()
                },
                "queries": found.queries,
                "sampled_from": search.sampled_from,
                "treatments": len(names),
                "by_label": found.labels.to_dict("records"),
            },
        )
