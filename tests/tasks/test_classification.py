"""The engine against scikit-learn's cross-validation, and its intervals' honesty."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from gandl_jax.errors import InputError
from gandl_jax.profiles import floors, table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.normalize import PlateScaler
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import bootstrap, classification, fold_svms, splits, threads
from gandl_jax.tasks import control_classification as controls
from gandl_jax.tasks.classification import RECALL, SITES, WELLS, Task
from gandl_jax.tasks.skip import Skip

OPTIONS = {
    "splits": ("plate",),
    "max_folds": 10,
    "repeats": 3,
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 200,
    "seed": 0,
}
CLASSES = ("a", "b", "c")


def codes_of(metadata):
    return metadata["Metadata_code"].to_numpy(), CLASSES


@pytest.fixture
def screen(control_wells):
    """3 plates of 24 wells of 3 classes, 2 sites a well, and 12 columns of features."""
    metadata = control_wells(plates=3, wells=24, sites=2)
    wells = np.unique(table.wells(metadata), return_inverse=True)[1]
    rng = np.random.default_rng(0)
    metadata["Metadata_code"] = rng.permutation(np.arange(72) % 3)[wells]
    features = rng.normal(2, 3, size=(len(metadata), 12))
    features[:, 0] += 2 * metadata["Metadata_code"]
    features[:, 1] += rng.normal(size=72)[wells]
    return metadata, features.astype(np.float32)


def plan(metadata, *wanted, **options):
    codes, _ = codes_of(metadata)
    made, said = splits.build(
        metadata,
        codes,
        wanted or ("plate",),
        key="config.evaluate.splits",
        group="M",
        label="letter",
        classes=CLASSES,
        options={**OPTIONS, **options},
    )
    assert not said
    return made


def judge(metadata, sets, task, *wanted, **options):
    options = {**OPTIONS, **options}
    sets = {name: FeatureSet(name, metadata, x) for name, x in sets.items()}
    rows = classification.judge(sets, plan(metadata, *wanted), task, options)
    return pd.DataFrame(rows)


def pick(rows, **where):
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    (row,) = rows.to_dict("records")
    return row


CONTROLS = Task(
    "controls",
    lambda metadata: (table.control_classes(metadata), CLASSES),
    floors=False,
)
TASK = Task("letters", codes_of, metrics=(SITES, WELLS, RECALL), per_plate=False)


def test_where_each_well_has_one_record_wells_are_not_asked_again(screen):
    metadata, features = screen
    is_first = ~pd.Series(table.wells(metadata)).duplicated().to_numpy()
    alone = metadata[is_first].reset_index(drop=True)
    rows = judge(alone, {"s": features[is_first]}, TASK)
    assert set(rows["metric"]) == {SITES, RECALL} and len(alone) == 72
    both = judge(metadata, {"s": features}, TASK)
    assert set(both["metric"]) == {SITES, WELLS, RECALL}


@pytest.mark.parametrize("normalize", ["none", "standard"])
def test_scores_are_those_of_scikit_learns_cross_validation(screen, normalize):
    metadata, features = screen
    codes, plates = metadata["Metadata_code"], metadata["Metadata_Plate"]
    steps = {"none": [], "standard": [StandardScaler()]}[normalize]
    pipeline = make_pipeline(
        *steps,
        FunctionTransformer(lambda x: x / math.sqrt(12)),
        LinearSVC(C=1.0, class_weight="balanced", max_iter=10_000),
    )
    decision = cross_val_predict(
        pipeline,
        features,
        codes,
        groups=plates,
        cv=LeaveOneGroupOut(),
        method="decision_function",
    )
    rows = judge(metadata, {"s": features}, TASK, normalize=normalize)
    said = decision.argmax(1)
    expected = balanced_accuracy_score(codes, said)
    row = pick(rows, set="s", metric=SITES)
    assert 0.4 < expected < 0.95 and row["value"] == pytest.approx(expected)
    assert row["chance"] == pytest.approx(1 / 3) and row["records"] == 144
    by_plate = [
        balanced_accuracy_score(codes[plates == p], said[plates == p]) for p in "012"
    ]
    np.testing.assert_allclose(row["folds"], by_plate)
    means = pd.DataFrame(decision).groupby(table.wells(metadata)).mean()
    truth = codes.groupby(table.wells(metadata)).first()
    expected = balanced_accuracy_score(truth, means.to_numpy().argmax(1))
    assert pick(rows, set="s", metric=WELLS)["value"] == pytest.approx(expected)
    for k, recall in enumerate(recall_score(codes, said, average=None)):
        row = pick(rows[rows["metric"] == RECALL], set="s", **{"class": CLASSES[k]})
        assert row["value"] == pytest.approx(recall)


def test_floors_are_an_svm_on_identities(screen):
    metadata, features = screen
    rows = judge(metadata, {"s": features}, TASK, "well")
    (split,) = plan(metadata, "well")
    codes = metadata["Metadata_code"].to_numpy()
    assert set(rows["set"]) == {"s", "plate", "position"}
    for name, x in floors.make(metadata).items():
        said = np.full(len(codes), -1)
        for train, test in split.folds:
            svm = LinearSVC(class_weight="balanced", max_iter=10_000)
            said[test] = svm.fit(x[train], codes[train]).predict(x[test])
        row = pick(rows, set=name, metric=SITES)
        expected = balanced_accuracy_score(codes, said)
        assert row["value"] == pytest.approx(expected, abs=0.02)
        assert (row["encoder"], row["features"], row["normalize"]) == (
            name,
            name,
            "none",
        )
        assert row["differences"] == {} and row["encoder_saw_test_images"] is False
        assert sparse.issparse(x)


def test_differences_are_of_the_same_draws(screen):
    """Recomputed from each set's own decisions."""
    metadata, features = screen
    rng = np.random.default_rng(1)
    noisy = features + rng.normal(0, 3, features.shape).astype(np.float32)
    sets = {"gan@5/b8": features, "gan@0/b8": noisy, "intensity": features[:, :1]}
    rows = judge(metadata, sets, TASK)
    (split,) = plan(metadata)
    codes = metadata["Metadata_code"].to_numpy()
    wells = np.unique(table.wells(metadata), return_inverse=True)[1]
    tests = np.concatenate([test for _, test in split.folds])
    total = np.zeros((72, 3))
    np.add.at(total, (wells, codes), 1)
    value, drawn, others = {}, {}, {}
    for name, x in sets.items():
        said = classification.decide(x, metadata, codes, split, TASK, OPTIONS)
        right = np.concatenate(said).argmax(1) == codes[tests]
        correct = np.zeros((72, 3))
        np.add.at(correct, (wells[tests], codes[tests]), right)
        value[name] = (correct.sum(0) / total.sum(0)).mean()
        drawn[name], others[name] = (
            bootstrap.recalls(correct, total, draws=200, seed=0, prior=p).mean(1)
            for p in (1, 2)
        )
    # 3 plates: tested / trained is 144 / 96; 72 wells of 3 kinds.
    wider = bootstrap.stretch(total, tested=144, trained=96)
    for name in sets:
        row = pick(rows, set=name, metric=SITES)
        low, high = bootstrap.interval(value[name], drawn[name], stretch=wider)
        np.testing.assert_allclose(
            [row["value"], row["low"], row["high"]], [value[name], low, high]
        )
    found = pick(rows, set="gan@5/b8", metric=SITES)["differences"]
    for kind, other in (("untrained", "gan@0/b8"), ("intensity", "intensity")):
        gain = value["gan@5/b8"] - value[other]
        low, high = bootstrap.interval(
            gain, drawn["gan@5/b8"] - others[other], stretch=wider, lowest=-1
        )
        assert found[kind]["against"] == other
        got = [found[kind][k] for k in ("value", "low", "high")]
        np.testing.assert_allclose(got, [gain, low, high], atol=1e-12)
    assert set(pick(rows, set="intensity", metric=SITES)["differences"]) == {
        "plate",
        "position",
    }


def test_the_same_features_do_not_differ_but_not_for_certain(screen):
    metadata, features = screen
    rows = judge(metadata, {"gan@5/b8": features, "gan@0/b8": features}, TASK)
    for found in rows[rows["set"] == "gan@5/b8"]["differences"]:
        gain = found["untrained"]
        assert gain["against"] == "gan@0/b8" and gain["value"] == 0
        assert -0.15 < gain["low"] < -0.01 and 0.01 < gain["high"] < 0.15


def test_a_floor_below_chance_is_none():
    """With wells held out, a plate has more of the other class left."""
    rows = [
        (str(plate), f"{'ABCD'[well % 4]}{well // 4 + 1:02d}", well % 2)
        for plate in range(3)
        for well in range(8)
    ]
    columns = ["Metadata_Plate", "Metadata_Well", "Metadata_code"]
    metadata = pd.DataFrame(rows, columns=columns)
    metadata["Metadata_Record_ID"] = [str(i) for i in range(24)]
    features = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
    rows = judge(metadata, {"s": features}, TASK, "well", bootstrap_unit="record")
    floor = pick(rows, set="plate", metric=SITES)
    assert floor["value"] < 0.5 == floor["chance"]
    row = pick(rows, set="s", metric=SITES)
    assert row["differences"]["plate"]["against"] == "chance"
    assert row["differences"]["plate"]["value"] == pytest.approx(row["value"] - 0.5)


def test_c_means_the_same_at_every_width(screen):
    """Columns repeated four times change nothing once divided by sqrt(D)."""
    metadata, features = screen
    (split,) = plan(metadata)
    options = {**OPTIONS, "svm_c": 0.01}
    codes = metadata["Metadata_code"].to_numpy()
    narrow, wide = (
        np.concatenate(classification.decide(x, metadata, codes, split, TASK, options))
        for x in (features, np.tile(features, 4))
    )
    np.testing.assert_allclose(narrow, wide, atol=2e-3)


@pytest.mark.parametrize(
    ("role", "note"),
    [("controls", "standard"), ("other", "standard, all plates together")],
)
def test_normalised_by_what(control_wells, role, note, monkeypatch):
    """Labels of treated wells: by the controls of the training plates, or by all."""
    metadata = control_wells(plates=3, wells=16, sites=1)
    number = np.arange(len(metadata)) % 16
    codes = np.where(number < 8, number % 2, -1)
    role_of = metadata["Metadata_Role"] if role == "controls" else role
    metadata["Metadata_Role"] = np.where(codes >= 0, "treated", role_of)
    metadata["Metadata_code"] = codes
    seen = []

    class Spy(PlateScaler):
        def fit(self, X, y=None, *, plates, known=None):
            seen.append(X[:, 0].copy())
            return super().fit(X, plates=plates, known=known)

    monkeypatch.setattr(fold_svms.normalize, "make", lambda name: Spy())
    monkeypatch.setattr(threads, "cpu_count", lambda: 1)  # one after the other
    features = np.arange(len(metadata), dtype=np.float32)[:, None]
    task = Task("letters", codes_of, floors=False)
    rows = judge(metadata, {"s": features}, task)
    assert set(rows["normalize"]) == {note}
    for plate, fitted_on in zip("012", seen, strict=True):
        learnt = metadata["Metadata_Plate"] != plate
        expected = learnt & (codes < 0 if role == "controls" else codes >= 0)
        np.testing.assert_array_equal(fitted_on, np.flatnonzero(expected))


def test_thinned_takes_as_many_of_each_class_as_there_are():
    codes = np.repeat([-1, 0, 1, 2], [50, 400, 30, 200])
    kept = classification.thinned(codes, most=230, seed=0)
    assert np.bincount(kept[kept >= 0]).tolist() == [100, 30, 100]
    assert (kept[kept >= 0] == codes[kept >= 0]).all()
    again = classification.thinned(codes, most=230, seed=0)
    np.testing.assert_array_equal(kept, again)
    assert (kept != classification.thinned(codes, most=230, seed=1)).any()
    assert classification.thinned(codes, most=630, seed=0) is codes


def test_an_unknown_bootstrap_unit(screen):
    metadata, _ = screen
    with pytest.raises(InputError, match="bootstrap_unit names 'wel', .*'well'"):
        classification.check_unit(metadata, {"bootstrap_unit": "wel"})
    with pytest.raises(Skip, match="144 of 144 records have a blank Metadata_T"):
        classification.check_unit(metadata, {"bootstrap_unit": "treatment"})


def test_few_units_give_wide_intervals(screen):
    metadata, features = screen
    of = {
        unit: pick(
            judge(metadata, {"s": features}, TASK, bootstrap_unit=unit),
            set="s",
            metric=SITES,
        )
        for unit in ("well", "plate", "experiment")
    }
    assert of["plate"]["unit"] == "plate"
    width = {unit: row["high"] - row["low"] for unit, row in of.items()}
    assert width["well"] < width["plate"] < width["experiment"] == 1  # one experiment


def test_two_runs_are_the_same_bit_for_bit(screen):
    metadata, features = screen
    first, second = (
        judge(metadata, {"s": features}, TASK, "record", "plate") for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.slow
def test_processes_change_nothing(screen, monkeypatch):
    metadata, features = screen
    serial = judge(metadata, {"s": features}, TASK, "record", "plate")
    monkeypatch.setattr(classification, "VALUES_PER_PROCESS", 1)
    monkeypatch.setattr(classification, "cpu_count", lambda: 2)
    parallel = judge(metadata, {"s": features}, TASK, "record", "plate")
    pd.testing.assert_frame_equal(parallel, serial, check_exact=True)


def looks(metadata, rng, signal=0.0):
    """Features of few directions in which wells vary, as real ones do."""
    wells = np.unique(table.wells(metadata), return_inverse=True)[1]
    directions = np.random.default_rng(7).normal(size=(3, 12))
    own = rng.normal(size=(wells.max() + 1, 3)) @ directions
    x = own[wells] + 0.5 * rng.normal(size=(len(wells), 12))
    x[:, 0] += signal * table.control_classes(metadata)
    return x.astype(np.float32)


def control_rows(metadata, features):
    plan = controls.splits(metadata, OPTIONS)
    sets = {"s": FeatureSet("s", metadata, features)}
    return classification.judge(sets, plan, CONTROLS, OPTIONS)


def shuffled(metadata, rng):
    """Labels dealt anew among the wells of each plate."""
    wells = metadata.drop_duplicates(["Metadata_Plate", "Metadata_Well"])
    roles = wells.groupby("Metadata_Plate")["Metadata_Role"].transform(rng.permutation)
    of = dict(zip(table.wells(wells), roles, strict=True))
    return metadata.assign(Metadata_Role=[of[w] for w in table.wells(metadata)])


def test_shuffled_wells_are_at_chance_and_intervals_say_so(control_wells, monkeypatch):
    """At most 5 % + 2 standard errors of 40 may exclude chance: 4."""
    rng = np.random.default_rng(3)
    metadata = control_wells(plates=4, wells=24, sites=2)
    features = looks(metadata, rng)
    tables = [shuffled(metadata, rng) for _ in range(40)]

    def excluded():
        rows = [row for one in tables for row in control_rows(one, features)]
        return {
            metric: sum(
                not row["low"] <= 0.5 <= row["high"]
                for row in rows
                if row["metric"] == metric
            )
            for metric in (SITES, WELLS)
        }

    found = excluded()
    assert max(found.values()) <= 4
    monkeypatch.setattr(bootstrap, "stretch", lambda total, **counts: 1.0)
    as_given = excluded()  # the classifier taken as given
    assert sum(as_given.values()) > sum(found.values())


def test_intervals_cover_the_score_on_other_wells_and_are_no_wider_than_need_be(
    control_wells,
):
    rng = np.random.default_rng(5)
    metadata = control_wells(plates=4, wells=24, sites=2)
    found = []
    for _ in range(60):
        features = rng.normal(size=(len(metadata), 2)).astype(np.float32)
        features[:, 0] += 2 * table.control_classes(metadata)
        found += [r for r in control_rows(metadata, features) if r["metric"] == SITES]
    value, low, high = (
        np.array([row[key] for row in found]) for key in ("value", "low", "high")
    )
    truth = norm.cdf(1)  # of the best classifier, which 144 sites all but find
    assert ((low <= truth) & (truth <= high)).mean() >= 0.9
    assert (high - low).mean() < 2 * 3.92 * value.std()


def test_sets_are_read_one_at_a_time(screen):
    metadata, features = screen

    class Counted(dict):
        def __getitem__(self, name):
            reads.append(name)
            return FeatureSet(name, metadata, features)

        def values(self):
            raise AssertionError("all sets at once")

        items = values

    reads = []
    options = {**OPTIONS, "bootstrap_draws": 10}
    sets = Counted(a=None, b=None)
    classification.judge(sets, plan(metadata, "plate", "record"), TASK, options)
    assert reads == ["a", "b"]


def test_rows_say_whether_the_encoder_saw_the_images(screen):
    metadata, features = screen
    sets = {
        name: FeatureSet(name, metadata, features, Seen.alike(len(metadata), saw))
        for name, saw in (("a", True), ("b", None))
    }
    rows = classification.judge(sets, plan(metadata), TASK, OPTIONS)
    saw = {row["set"]: row["encoder_saw_test_images"] for row in rows}
    assert saw == {"a": True, "b": None, "plate": False, "position": False}
