"""Dose response on a planted screen, and on real images with a published answer."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from gandl_jax.errors import InputError
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import curve, dose_response
from gandl_jax.tasks.skip import Skip

DOSES = np.geomspace(0.01, 3, 7)
EC50 = {"early": 0.05, "late": 0.6}
OPTIONS = {"features": "b8", "seed": 0}


def planted(sites=2, plates=2):
    """Metadata and the true response of each site: 0 active, 1 mock."""
    wells = [("response_0", "", np.nan, 0.0)] * 6 + [
        ("response_1", "", np.nan, 1.0)
    ] * 6
    for name, ec50 in EC50.items():
        rise = curve.logistic(DOSES, 0, 0.8, ec50, 1.5)
        wells += [("treated", name, *both) for both in zip(DOSES, rise, strict=True)]
    wells += [("treated", "two doses", dose, 0.5) for dose in (0.1, 1.0)]
    wells += [("treated", "late", 0.0, 0.0), ("other", "late", 0.3, 9.0)]
    rows = []
    for plate in range(plates):
        for number, (role, treatment, dose, response) in enumerate(wells):
            well = f"{'ABCDEFGH'[number // 8]}{number % 8 + 1:02d}"
            rows += [
                {
                    "Metadata_Cell_Type": "HRCE",
                    "Metadata_Experiment": "HRCE-1",
                    "Metadata_Plate": str(plate),
                    "Metadata_Well": well,
                    "Metadata_Site_ID": f"{plate}_{well}_{site}",
                    "Metadata_Role": role,
                    "Metadata_Treatment": treatment,
                    "Metadata_Concentration_uM": dose,
                    "response": response,
                }
                for site in range(sites)
            ]
    table = pd.DataFrame(rows)
    return table, table.pop("response").to_numpy()


@pytest.fixture
def screen():
    """40 features: an axis that the response moves along, noise, plates apart."""
    metadata, response = planted()
    rng = np.random.default_rng(1)
    axis = rng.normal(size=40)
    features = response[:, None] * axis + rng.normal(0, 0.1, (len(metadata), 40))
    plate = metadata["Metadata_Plate"].astype(int).to_numpy()[:, None]
    features = features * (1 + plate) + 20 * plate
    return FeatureSet("gan@9/b8", metadata, features.astype(np.float32), True)


def test_planted_curves_are_found(screen):
    assert dose_response.splits(screen.metadata, OPTIONS) == []
    rows = {
        r["treatment"]: r
        for r in dose_response.run({screen.name: screen}, [], **OPTIONS)
    }
    assert list(rows) == ["early", "late"]  # two doses are no curve
    for name, row in rows.items():
        assert row["status"] == "fitted"
        assert row["ec50_um"] == pytest.approx(EC50[name], rel=0.3)
        assert row["ec50_low_um"] < EC50[name] < row["ec50_high_um"]
        assert row["top"] == pytest.approx(0.8, abs=0.12)
        assert row["bottom"] == pytest.approx(0.0, abs=0.12)
        assert row["r2"] > 0.95 and row["wells"] == len(row["points"]) == 14
        assert {p["concentration_um"] for p in row["points"]} == set(DOSES)
        assert {p["plate"] for p in row["points"]} == {"HRCE-1/0", "HRCE-1/1"}
        assert row["encoder_saw_test_images"] is True


def test_controls_are_at_0_and_1(screen):
    (row, _) = dose_response.run({screen.name: screen}, [], **OPTIONS)
    assert np.mean(row["controls"]["response_0"]) == pytest.approx(0, abs=1e-5)
    assert np.mean(row["controls"]["response_1"]) == pytest.approx(1, abs=1e-5)
    assert len(row["controls"]["response_0"]) == 12


def test_gain_and_offset_of_a_plate_change_nothing(screen):
    factor = np.where(screen.metadata["Metadata_Plate"] == "1", 7, 1)[:, None]
    moved = FeatureSet(screen.name, screen.metadata, screen.features * factor - 3)
    for before, after in zip(
        dose_response.responses(screen), dose_response.responses(moved), strict=True
    ):
        if isinstance(before, np.ndarray):
            np.testing.assert_allclose(before, after, atol=1e-4)


def test_responses_are_a_projection_by_hand():
    """Two features, one plate: the axis is drawn by hand."""
    metadata, response = planted(sites=1, plates=1)
    features = np.stack([3 * response, -response], 1) + [[5.0, 6.0]]
    wells, found = dose_response.responses(
        FeatureSet("s", metadata, features.astype(np.float32))
    )
    np.testing.assert_allclose(
        pd.Series(found, wells["Metadata_Site_ID"])[metadata["Metadata_Site_ID"]],
        response,
        atol=1e-5,
    )


def test_only_the_headline_set_and_single_sets_are_used(screen):
    named = {
        name: FeatureSet(name, screen.metadata, screen.features)
        for name in ("gan@9/b8", "gan@9/b16", "gan@0/b8", "intensity")
    }
    rows = dose_response.run(named, [], **OPTIONS)
    assert [r["set"] for r in rows[::2]] == ["gan@9/b8", "gan@0/b8", "intensity"]


@pytest.mark.parametrize("what", ["controls", "doses"])
def test_a_screen_without_curves_is_skipped(screen, what):
    role = screen.metadata["Metadata_Role"]
    if what == "controls":
        metadata = screen.metadata.assign(
            Metadata_Role=role.replace("response_1", "other")
        )
    else:
        metadata = screen.metadata[role != "treated"]
    with pytest.raises(Skip, match=what):
        dose_response.splits(metadata, OPTIONS)


def test_sets_of_other_records_are_refused(screen):
    fewer = FeatureSet("gan@0/b8", screen.metadata[:9], screen.features[:9])
    with pytest.raises(InputError, match="not of the same records"):
        dose_response.run({"a": screen, "b": fewer}, [], **OPTIONS)


def wide_screen(signal, compounds=0, plates=4, wide=500):
    """Per plate 24 wells of response 0, 8 of response 1 and 18 of each compound.

    Every compound's wells are drawn like response 0; response 1 is `signal` standard
    deviations away.
    """
    controls = [("response_0", "", np.nan)] * 24 + [("response_1", "", np.nan)] * 8
    treated = [
        ("treated", f"compound {i}", dose)
        for i in range(compounds)
        for dose in np.tile(DOSES[:6], 3)
    ]
    rows = [
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"{'ABCDEFGHIJKLMNOP'[n % 16]}{n // 16 + 1:02d}",
            "Metadata_Site_ID": f"{plate}_{n}",
            "Metadata_Role": role,
            "Metadata_Treatment": treatment,
            "Metadata_Concentration_uM": dose,
        }
        for plate in range(plates)
        for n, (role, treatment, dose) in enumerate(controls + treated)
    ]
    metadata = pd.DataFrame(rows)
    features = np.random.default_rng(3).normal(size=(len(metadata), wide))
    features[:, 0] += signal * (metadata["Metadata_Role"] == "response_1")
    return FeatureSet("s/b8", metadata, features.astype(np.float32))


def test_wells_like_response_0_are_at_0_in_wide_profiles():
    """On an axis that is judged by the wells that drew it these would lie at .16."""
    sites = wide_screen(4.0, compounds=2, plates=12)
    wells, response = dose_response.responses(sites)
    treated = (wells["Metadata_Role"] == "treated").to_numpy()
    assert abs(response[treated].mean()) < 0.1
    for k in (0, 1):
        own = (wells["Metadata_Role"] == f"response_{k}").to_numpy()
        assert response[own].mean() == pytest.approx(k, abs=1e-9)


@pytest.mark.parametrize("plates", [4, 1])
def test_noise_is_not_told_apart(plates):
    rows = dose_response.run(
        {"s/b8": wide_screen(0.0, compounds=2, plates=plates)}, [], **OPTIONS
    )
    assert len(rows) == 2
    for row in rows:
        assert row["status"] == "not identified: the controls are not told apart"
        assert row["ec50_um"] is row["top"] is row["q_effect"] is None
        assert row["points"] == [] and row["group"] == "all"


def test_one_well_of_a_control_tells_nothing(screen):
    role = screen.metadata["Metadata_Role"].to_numpy(object)
    second = np.flatnonzero(role == "response_1")[2:]  # the first well has 2 sites
    metadata = screen.metadata.assign(
        Metadata_Role=np.where(np.isin(np.arange(len(role)), second), "other", role)
    )
    sites = FeatureSet(screen.name, metadata, screen.features)
    assert dose_response.responses(sites)[1] is None


def test_false_effects_are_the_share_that_is_promised():
    """40 compounds without effect: many have p < .05 somewhere, none is called."""
    (*rows,) = dose_response.run(
        {"s/b8": wide_screen(20.0, compounds=40, plates=2, wide=20)}, [], **OPTIONS
    )
    p = np.array([row["p_effect"] for row in rows])
    order = np.argsort(p)
    q = p[order] * len(p) / np.arange(1, len(p) + 1)  # Benjamini and Hochberg by hand
    q = np.minimum.accumulate(q[::-1])[::-1]
    found = np.array([row["q_effect"] for row in rows])
    np.testing.assert_allclose(found[order], np.minimum(q, 1), rtol=1e-9)
    for row in rows:
        assert (row["status"] == "no effect") == (row["q_effect"] >= 0.05)
        level = np.mean([point["response"] for point in row["points"]])
        if row["status"] == "no effect":
            assert row["ec50_um"] is None
            assert row["response_at_highest_dose"] == pytest.approx(level)
    assert sum(row["status"] != "no effect" for row in rows) <= 1


def test_each_set_has_its_own_false_discoveries(screen):
    """The noise's many p values must not weaken the planted set's."""
    noise = np.random.default_rng(0).normal(size=(len(screen.metadata), 3))
    strong = FeatureSet("gan@9/b8", screen.metadata, screen.features)
    both = {
        "gan@9/b8": strong,
        "intensity": FeatureSet("intensity", screen.metadata, noise.astype(np.float32)),
    }
    alone = dose_response.run({"gan@9/b8": strong}, [], **OPTIONS)
    assert dose_response.run(both, [], **OPTIONS)[:2] == alone


@pytest.mark.parametrize("column", ["Treatment", "Concentration_uM", "Role", "Well"])
def test_a_missing_column_is_a_skip(screen, column):
    metadata = screen.metadata.drop(columns=f"Metadata_{column}")
    with pytest.raises(Skip, match=f"the screen has no column Metadata_{column}"):
        dose_response.splits(metadata, OPTIONS)


@pytest.mark.real_data
def test_wortmannin_moves_fkhr_into_the_nucleus(shared):
    """BBBC013: EC50 11.3 nM by a classical ratio, 7.0 nM by another; R2 0.98."""
    image = pytest.importorskip("PIL.Image")
    folder = shared / "data/bbbc013_rows_a_d"
    raw = pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)
    roles = {"negative_control": "response_0", "positive_control": "response_1"}
    metadata = pd.DataFrame(
        {
            "Metadata_Cell_Type": raw["cell_type"],
            "Metadata_Experiment": raw["experiment"],
            "Metadata_Plate": raw["plate"],
            "Metadata_Well": raw["well"],
            "Metadata_Site_ID": raw["site_id"],
            "Metadata_Treatment": raw["treatment"],
            "Metadata_Concentration_uM": raw["treatment_conc"].astype(float),
            "Metadata_Role": raw["disease_condition"].map(roles).fillna("treated"),
        }
    )
    ratios = [
        _nucleus_over_ring(
            *(
                np.asarray(image.open(folder / f"images/U2OS-1/Plate1/{w}_s1_w{c}.png"))
                for c in (1, 2)
            )
        )
        for w in raw["well"]
    ]
    sites = FeatureSet("oracle/b8", metadata, np.array(ratios, np.float32)[:, None])
    (row,) = dose_response.run({"oracle/b8": sites}, [], **OPTIONS)
    assert row["treatment"] == "Wortmannin" and row["wells"] == 36
    assert row["status"] == "fitted" and row["r2"] > 0.9
    assert 0.0035 < row["ec50_low_um"] < row["ec50_um"] < row["ec50_high_um"] < 0.023


def _nucleus_over_ring(fkhr: np.ndarray, dna: np.ndarray) -> float:
    """Log ratio of FKHR-GFP in the nuclei to FKHR-GFP in a ring around them."""
    smooth = ndimage.gaussian_filter(dna.astype(float), 1.5)
    ground, peak = np.percentile(smooth, [50, 99.5])
    nuclei = smooth > ground + 0.25 * (peak - ground)
    grown = [ndimage.binary_dilation(nuclei, iterations=n) for n in (2, 7)]
    return float(np.log(fkhr[nuclei].mean() / fkhr[grown[1] & ~grown[0]].mean()))
