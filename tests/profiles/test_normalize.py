"""Transformers against scikit-learn, pycytominer and SciPy, plate by plate."""

import numpy as np
import pandas as pd
import pytest
from pycytominer.operations.transform import RobustMAD, Spherize
from scipy import linalg, stats
from sklearn.base import clone
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from gandl_jax.errors import InputError
from gandl_jax.profiles import normalize
from gandl_jax.profiles.normalize import PlateScaler


@pytest.fixture
def screen():
    rng = np.random.default_rng(0)
    plates = rng.choice(["P1", "P2", "P10"], 90)
    gain = np.array([{"P1": 1, "P2": 5, "P10": 0.2}[p] for p in plates])
    features = gain[:, None] * rng.normal(size=(90, 4)) + gain[:, None]
    reference = rng.random(90) < 0.5
    return features.astype(np.float32), plates, reference


def test_each_plate_is_scaled_as_by_scikit_learn(screen):
    features, plates, reference = screen
    scaler = PlateScaler().fit(features[reference], plates=plates[reference])
    scaled = scaler.transform(features, plates=plates)
    assert scaled.dtype == np.float32
    for plate in np.unique(plates):
        own = plates == plate
        oracle = StandardScaler().fit(features[own & reference])
        expected = oracle.transform(features[own])
        np.testing.assert_allclose(scaled[own], expected, rtol=1e-4, atol=1e-5)


def test_a_plate_without_reference_rows_is_pooled(screen):
    features, plates, reference = screen
    features = features.astype(float)
    train = reference & (plates != "P2")
    scaler = PlateScaler().fit(features[train], plates=plates[train])
    residuals = [
        features[train & (plates == p)] - features[train & (plates == p)].mean(0)
        for p in ("P1", "P10")
    ]
    within = np.sqrt((np.concatenate(residuals) ** 2).mean(0))
    unseen = features[plates == "P2"]
    expected = (unseen - features[train].mean(0)) / within
    scaled = scaler.transform(unseen, plates=np.full(len(unseen), "P2"))
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6)


def test_a_plate_with_four_reference_rows_is_pooled():
    """Two nearly equal rows would make every other row of their plate enormous."""
    rng = np.random.default_rng(0)
    plates = np.repeat(["A", "B", "C"], [20, 4, 5])
    features = rng.normal(size=(29, 3))
    features[plates == "B"] = features[20] + 1e-3 * rng.normal(size=(4, 3))
    scaler = PlateScaler().fit(features, plates=plates)
    own = [features[plates == p] for p in "ABC"]
    within = np.concatenate([x - x.mean(0) for x in own]).std(0)
    scaled = scaler.transform(features, plates=plates)
    expected = (own[1] - features.mean(0)) / within
    np.testing.assert_allclose(scaled[plates == "B"], expected, rtol=1e-5)
    expected = StandardScaler().fit_transform(own[2])
    np.testing.assert_allclose(scaled[plates == "C"], expected, rtol=1e-4)


def test_only_reference_rows_are_looked_at(screen):
    features, plates, reference = screen
    scaler = PlateScaler().fit(features[reference], plates=plates[reference])
    changed = features.copy()
    changed[~reference] *= 100
    before = scaler.transform(features, plates=plates)
    after = scaler.transform(changed, plates=plates)
    np.testing.assert_array_equal(before[reference], after[reference])


def test_constant_columns_stay_finite_and_those_that_are_so_everywhere_are_left_out():
    plates = np.repeat(["A", "B", "C"], [10, 10, 1])
    rng = np.random.default_rng(1)
    features = rng.normal(size=(21, 3)).astype(np.float32)
    features[:, 0] = 0.1  # constant everywhere
    features[plates == "A", 1] = 0.3  # constant on one plate; on C all are
    scaler = PlateScaler().fit(features, plates=plates)
    assert scaler.plates_.tolist() == ["A", "B"]
    assert {one.kind for one in scaler.doubts()} == {"narrow", "few on a plate"}
    scaled = scaler.transform(features * 2, plates=plates)
    assert np.isfinite(scaled).all() and (scaled[:, 0] == 0).all()
    assert scaler.scales_[0, 1] == scaler.scales_[-1, 1]
    assert doubt(scaler, "left out").amount == 1  # it is not constant in other rows
    assert "1 column (0) of 3 are the same in all" in doubt(scaler, "left out").sentence


def doubt(transformer, kind):
    (found,) = (one for one in transformer.doubts() if one.kind == kind)
    return found


def test_it_is_a_scikit_learn_transformer(screen):
    assert clone(PlateScaler()).get_params() == {}
    with pytest.raises(NotFittedError):
        PlateScaler().transform(screen[0], plates=screen[1])


@pytest.fixture(scope="module")
def profiles():
    """Float32 columns like an encoder's: far from 0, few factors, two nearly one."""
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 40))
    features = 20 + factors + 0.05 * rng.normal(size=(400, 40))
    features[:, 1] = 3 * features[:, 0] + 1e-3 * rng.normal(size=400)
    plates = rng.choice(["E-1/1", "E-1/2", "E-2/1"], 400)
    features *= np.where(plates == "E-2/1", 1.5, 1.0)[:, None]
    return features.astype(np.float32), plates


def per_plate(features, plates, scaler):
    out = np.empty(features.shape)
    for plate in np.unique(plates):
        own = plates == plate
        out[own] = scaler().fit_transform(features[own].astype(np.float64))
    return out


def test_the_robust_scaler_is_pycytominers(profiles):
    features, plates = profiles
    scaled = normalize.make("robust").fit(features, plates=plates)
    scaled = scaled.transform(features, plates=plates)
    for plate in np.unique(plates):
        own = pd.DataFrame(features[plates == plate].astype(np.float64))
        expected = RobustMAD().fit(own).transform(own)
        np.testing.assert_allclose(scaled[plates == plate], expected, atol=1e-3)


def test_robust_columns_that_are_mostly_equal_get_their_standard_deviation():
    plates = np.full(20, "A")
    features = np.zeros((20, 2))
    features[:6, 0] = np.arange(1, 7)
    features[:, 1] = np.arange(20)
    scaler = normalize.make("robust").fit(features, plates=plates)
    centre = np.median(features[:, 0])
    expected = np.sqrt(((features[:, 0] - centre) ** 2).mean())
    np.testing.assert_allclose(scaler.scales_[0, 0], expected)
    expected = stats.median_abs_deviation(features[:, 1], scale="normal")
    np.testing.assert_allclose(scaler.scales_[0, 1], expected, rtol=1e-4)


def test_whitening_is_pycytominers(profiles):
    features, plates = profiles
    whitener = normalize.make("whiten").fit(features, plates=plates)
    white = whitener.transform(features, plates=plates)
    scaled = pd.DataFrame(per_plate(features, plates, StandardScaler))
    oracle = Spherize(method="PCA", epsilon=0, return_numpy=True)
    expected = oracle.fit(scaled).transform(scaled)[:, : white.shape[1]]
    signs = np.sign((white * expected).sum(0))  # of a component are arbitrary
    np.testing.assert_allclose(white * signs, expected, atol=1e-4)


def test_whitened_controls_have_unit_covariance(profiles):
    features, plates = profiles
    reference = np.arange(len(features)) % 2 == 0  # n = 200 > 2 d = 80
    whitener = normalize.make("whiten").fit(
        features[reference], plates=plates[reference]
    )
    white = whitener.transform(features[reference], plates=plates[reference])
    assert white.dtype == np.float32 and white.shape == (200, 40)
    covariance = np.cov(white.astype(np.float64), rowvar=False)
    distance = np.linalg.norm(covariance - np.eye(40)) / np.sqrt(40)
    assert distance < 1e-6


def test_copies_of_columns_and_constants_are_not_whitened_into_noise(profiles):
    features, plates = profiles
    doubled = np.hstack([features, features[:, :5] * 4, np.full((400, 1), 7)])
    whitener = normalize.make("whiten").fit(doubled, plates=plates)
    white = whitener.transform(doubled, plates=plates).astype(np.float64)
    assert white.shape == (400, 40)
    covariance = np.cov(white, rowvar=False)
    assert np.linalg.norm(covariance - np.eye(40)) / np.sqrt(40) < 1e-6


def two_plates_and_one_without_controls(rng, narrow):
    """60 and 40 controls, the first column nearly constant on the larger plate."""
    plates = np.repeat(["E/A", "E/C", "E/B"], [60, 40, 40])
    features = 5 + rng.normal(size=(140, 4))
    features[:60, 0] = 5 + narrow * rng.normal(size=60)
    return features, plates


@pytest.mark.parametrize("name", ["standard", "robust", "whiten", "tvn", "coral"])
@pytest.mark.parametrize("narrow", [1e-2, 1e-4, 0.0])
def test_a_column_nearly_constant_on_one_plate_does_not_blow_up_another(name, narrow):
    features, plates = two_plates_and_one_without_controls(
        np.random.default_rng(0), narrow
    )
    reference = plates != "E/B"
    made = normalize.make(name).fit(features[reference], plates=plates[reference])
    assert np.abs(made.transform(features, plates=plates)).max() < 12
    moved = features + (plates == "E/A")[:, None] * [1, 0, 0, 0]
    # What moves by the others' sd moves by about one, not by 1 / narrow; a plate's
    # components have what other columns vary in them.
    before, after = (made.transform(x, plates=plates) for x in (features, moved))
    limit = 25 if name in ("tvn", "coral") else 3
    assert np.linalg.norm((after - before)[0]) < limit
    words = doubt(made, "narrow").sentence
    assert words.startswith("1 column (0) of 4 hardly vary") and "(E/A)" in words


def test_the_pooled_robust_scale_is_not_that_of_plates_that_hardly_vary():
    """It is the plates' root mean square there, as SciPy has their deviations."""
    features, plates = two_plates_and_one_without_controls(
        np.random.default_rng(1), 1e-3
    )
    reference = plates != "E/B"
    made = normalize.make("robust").fit(features[reference], plates=plates[reference])
    mads = [
        stats.median_abs_deviation(features[plates == p], scale="normal")
        for p in ("E/A", "E/C")
    ]
    expected = np.sqrt((60 * mads[0][0] ** 2 + 40 * mads[1][0] ** 2) / 100)
    np.testing.assert_allclose(made.scales_[-1, 0], expected, rtol=1e-4)
    # Columns that vary on all plates keep the deviation of all rows.
    residuals = np.concatenate(
        [
            features[plates == p] - np.median(features[plates == p], 0)
            for p in ("E/A", "E/C")
        ]
    )
    expected = 1.4826 * np.median(np.abs(residuals), 0)[1:]
    np.testing.assert_allclose(made.scales_[-1, 1:], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["standard", "robust"])
def test_a_column_that_only_tells_plates_apart_is_scaled_by_what_it_varies(name):
    """Within plates it is nearly constant, so that another plate's lies far away."""
    rng = np.random.default_rng(0)
    plates = np.repeat([f"P{i}" for i in range(9)], 20)
    offsets = np.repeat(rng.normal(size=9), 20)
    features = np.stack([offsets + 1e-3 * rng.normal(size=180), rng.normal(size=180)])
    features, reference = features.T, plates != "P8"
    made = normalize.make(name).fit(features[reference], plates=plates[reference])
    scaled = made.transform(features, plates=plates)
    assert np.abs(scaled).max() < 6 and "between" in {d.kind for d in made.doubts()}
    if name == "standard":
        expected = features[reference, 0].std()
        np.testing.assert_allclose(made.scales_[-1, 0], expected, rtol=1e-6)
    # Plates with reference rows of their own are scaled by those.
    np.testing.assert_allclose(scaled[plates == "P0", 0].std(), 1, atol=0.4)


@pytest.mark.parametrize("name", ["standard", "robust", "whiten", "tvn", "coral"])
def test_no_value_lies_beyond_a_hundred_deviations(name):
    """One plate, and a column that varies in other rows only: nothing to compare."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3))
    features[:40, 0] = 1 + 1e-4 * rng.normal(size=40)
    plates = np.full(60, "1")
    made = normalize.make(name).fit(features[:40], plates=plates[:40])
    scaled = made.transform(features, plates=plates)
    assert np.abs(scaled).max() <= 100 and np.abs(scaled[:40]).max() < 10
    words = doubt(made, "bounded").sentence
    assert "are taken for 100" in words and "plate 1" in words


@pytest.mark.parametrize("name", ["standard", "robust", "whiten", "tvn", "coral"])
def test_a_column_nearly_constant_on_the_only_plate_with_controls_is_left_out_elsewhere(
    name,
):
    """On the other plate it is an ordinary one; every other column is as without it."""
    rng = np.random.default_rng(0)
    features, plates = rng.normal(size=(80, 3)), np.repeat(["A", "B"], 40)
    features[:40, 0] *= 1e-3
    made = normalize.make(name).fit(features[:40], plates=plates[:40])
    scaled = made.transform(features, plates=plates)
    assert np.abs(scaled).max() < 6
    assert doubt(made, "strange").sentence.startswith(
        "1 column (0) of 3 lie farther off"
    )
    if name in ("standard", "robust"):
        assert (scaled[40:, 0] == 0).all() and (scaled[:40, 0] != 0).any()
        alone = normalize.make(name).fit(features[:40, 1:], plates=plates[:40])
        alone = alone.transform(features[:, 1:], plates=plates)
        np.testing.assert_array_equal(scaled[:, 1:], alone)


@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("name", ["standard", "robust", "whiten", "tvn", "coral"])
def test_fewer_than_five_reference_rows_are_told(name, rows):
    rng = np.random.default_rng(0)
    features, plates = rng.normal(size=(30, 8)), np.full(30, "1")
    features[:rows] = features[0] + 1e-5 * rng.normal(size=(rows, 8))
    made = normalize.make(name).fit(features[:rows], plates=plates[:rows])
    assert np.abs(made.transform(features, plates=plates)).max() <= 100
    assert f"only {rows} reference records" in doubt(made, "few").sentence


@pytest.mark.parametrize("name", ["none", "standard", "robust", "whiten", "tvn"])
def test_ordinary_features_leave_no_doubt(name, profiles):
    features, plates = profiles
    made = normalize.make(name).fit(features[::2], plates=plates[::2])
    made.transform(features, plates=plates)
    assert made.doubts() == []


def few_factors(rng, count):
    """128 columns, six of them free and the others nearly as those."""
    loadings = np.random.default_rng(9).normal(size=(6, 128))
    noise = 0.3 * rng.normal(size=(count, 128))
    return rng.normal(size=(count, 6)) @ loadings + noise


@pytest.mark.parametrize("rows", [64, 140])
@pytest.mark.parametrize("name", ["whiten", "tvn", "coral"])
def test_few_reference_rows_do_not_make_all_others_strange(name, rows):
    """New rows like those that were fitted on lie about as far out as those do.

    Without shrinking, 140 rows for 128 columns make others lie several times as far.
    """
    features, plates = few_factors(np.random.default_rng(0), 640), np.full(640, "1")
    made = normalize.make(name).fit(features[:rows], plates=plates[:rows])
    white = made.transform(features, plates=plates).astype(np.float64)
    assert white.shape == (640, 128)
    size = np.square(white).sum(1)
    assert size[rows:].mean() < 2 * size[:rows].mean()
    words = doubt(made, "shrunken").sentence
    assert words.startswith(f"{rows} reference records are too few") and "128" in words


def test_few_reference_rows_are_whitened_by_scikit_learns_shrunken_covariance():
    rng = np.random.default_rng(1)
    features, plates = few_factors(rng, 100), np.full(100, "1")
    made = normalize.make("whiten").fit(features[:64], plates=plates[:64])
    white = made.transform(features, plates=plates).astype(np.float64)
    scaled = StandardScaler().fit(features[:64]).transform(features)
    inverse = LedoitWolf(assume_centered=True).fit(scaled[:64]).precision_
    for i, j in ((0, 1), (70, 80), (3, 99)):
        difference = scaled[i] - scaled[j]
        expected = difference @ inverse @ difference
        assert np.square(white[i] - white[j]).sum() == pytest.approx(expected, rel=1e-4)


def test_plates_cost_reference_rows_their_freedom():
    """90 rows are enough for 40 columns on 2 plates, but not on 15."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(90, 40))
    for count, few in ((2, False), (15, True)):
        made = normalize.make("whiten").fit(features, plates=np.arange(90) % count)
        assert (made.scatter_ is not None) == few


def typical_variation(features, plates):
    """The oracle, by scikit-learn."""
    scaled = per_plate(features, plates, StandardScaler)
    rotated = PCA(svd_solver="full").fit_transform(scaled)
    return per_plate(rotated, plates, StandardScaler)


def test_typical_variation_is_scikit_learns_steps(profiles):
    features, plates = profiles
    made = normalize.make("tvn").fit(features, plates=plates)
    made = made.transform(features, plates=plates)
    expected = typical_variation(features, plates)
    signs = np.sign((made * expected).sum(0))
    np.testing.assert_allclose(made * signs, expected, atol=2e-3)


def test_coral_aligns_the_covariances_of_experiments(profiles):
    features, plates = profiles
    typical = normalize.make("tvn").fit(features, plates=plates)
    typical = typical.transform(features, plates=plates).astype(np.float64)
    made = normalize.make("coral").fit(features, plates=plates)
    made = made.transform(features, plates=plates)
    half = 0.5 * np.eye(40)
    target = linalg.sqrtm(np.cov(typical, rowvar=False) + half)
    for experiment in ("E-1", "E-2"):
        own = np.array([plate.startswith(experiment) for plate in plates])
        source = linalg.sqrtm(np.cov(typical[own], rowvar=False) + half)
        expected = typical[own] @ np.linalg.inv(source) @ target
        np.testing.assert_allclose(made[own], expected, atol=1e-4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [1, 3])
def test_coral_without_a_batch_of_five_rows_is_the_typical_step(rows, profiles):
    features, plates = profiles
    made, typical = (
        normalize.make(name)
        .fit(features[:rows], plates=plates[:rows])
        .transform(features, plates=plates)
        for name in ("coral", "tvn")
    )
    np.testing.assert_array_equal(made, typical)


@pytest.mark.parametrize("name", ["standard", "robust", "whiten", "tvn", "coral"])
def test_only_reference_rows_are_learnt_from_and_unseen_plates_are_pooled(
    name, profiles
):
    features, plates = profiles
    train = plates != "E-2/1"
    changed = features.copy()
    changed[~train] += 5
    fitted = [
        normalize.make(name).fit(x[train], plates=plates[train])
        for x in (features, changed)
    ]
    one, two = (f.transform(features, plates=plates) for f in fitted)
    np.testing.assert_array_equal(one, two)
    moved = fitted[0].transform(features[train], plates=np.full(train.sum(), "E-3/1"))
    assert abs(np.median(moved)) < 1  # about the centre of all plates
    assert clone(normalize.make(name)).get_params() == {}


def test_none_changes_nothing_and_other_names_are_refused(profiles):
    features, plates = profiles
    made = normalize.make("none").fit(features, plates=plates)
    np.testing.assert_array_equal(made.transform(features, plates=plates), features)
    with pytest.raises(InputError, match="'standart'.*did you mean 'standard'"):
        normalize.make("standart")
