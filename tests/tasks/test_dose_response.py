"""Dose response on a planted screen, and on real images with a published answer."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import curve, dose_response, responses
from gandl_jax.tasks.skip import Skip

DOSES = np.geomspace(0.01, 3, 7)
EC50 = {"early": 0.05, "late": 0.6}
OPTIONS = {"features": "b8", "normalize": "standard", "seed": 0}


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
                    "Metadata_Record_ID": f"{plate}_{well}_{site}",
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
    return FeatureSet(
        "gan@9/b8",
        metadata,
        features.astype(np.float32),
        Seen.alike(len(metadata), True),
    )


def test_planted_curves_are_found(screen):
    dose_response.check(screen.metadata, OPTIONS)
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


def test_rescue_is_the_planted_response_at_the_highest_dose(screen):
    for row in dose_response.run({screen.name: screen}, [], **OPTIONS):
        truth = curve.logistic(DOSES[-1:], 0, 0.8, EC50[row["treatment"]], 1.5)[0]
        assert row["rescue"] == pytest.approx(truth, abs=0.1)
        assert row["rescue_low"] < truth < row["rescue_high"]
        assert row["side_effect_low"] < 0.05 and row["side_effect_high"] > -0.05
        assert row["warnings"] == [
            "1 treatment has two doses only and no curve, such as 'two doses'"
        ]


def test_controls_are_told_by_their_quantiles(screen):
    rows = dose_response.run({screen.name: screen}, [], **OPTIONS)
    judged = responses.judge_wells(screen, "standard")
    for k in (0, 1):
        role = (judged.metadata["Metadata_Role"] == f"response_{k}").to_numpy()
        expected = np.percentile(judged.response[role], [5, 50, 95])
        for row in rows:
            found = dict(row["controls"][f"response_{k}"])
            assert found.pop("wells") == 12
            np.testing.assert_allclose(list(found.values()), expected)


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
        dose_response.check(metadata, OPTIONS)


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
            "Metadata_Record_ID": f"{plate}_{n}",
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
        assert row["rescue"] is row["side_effect"] is None and row["controls"] == {}
    told = dose_response.table(rows).splitlines()[-1]
    near = rows[0]["controls_too_near"]
    assert re.fullmatch(r"-?[0-4]\.\d standard errors apart, and more than 4 .*", near)
    assert told == f"s: the controls of E are {near}, so it has no responses"


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
            assert abs(row["rescue"]) < 0.5  # of the curve, called or not
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


def test_a_comparison_counts_the_r2_of_every_curve(screen):
    counting = dose_response.counting(screen.metadata, OPTIONS)
    ((answer,), (question,)) = counting.answers(screen), counting.questions
    rows = dose_response.run({screen.name: screen}, [], **OPTIONS)
    assert question.about["records"] == len(rows) == counting.fits
    of = {name: [] for name in sorted({row["treatment"] for row in rows})}
    for row in rows:
        of[row["treatment"]].append(row["r2"])
    assert answer.right[:, 0] == pytest.approx([sum(own) for own in of.values()])
    assert question.counted.total[:, 0].tolist() == [len(own) for own in of.values()]
    assert answer.right.sum() > 0.9 * len(rows)
    noise = np.random.default_rng(0).normal(size=screen.features.shape)
    nothing = FeatureSet("gan@0/b8", screen.metadata, noise.astype(np.float32))
    assert counting.answers(nothing)[0].right.sum() < 0.1 * len(rows)


def at(screen, role, treatment, rows, **columns):
    """The screen with some wells' columns changed."""
    metadata = screen.metadata.copy()
    mine = (metadata["Metadata_Role"] == role) & (
        metadata["Metadata_Treatment"] == treatment
    )
    for column, value in columns.items():
        metadata.loc[mine & rows(metadata), f"Metadata_{column}"] = value
    return FeatureSet(screen.name, metadata, screen.features)


@pytest.mark.parametrize(
    ("dose", "reason"),
    [
        (np.nan, r"1 treatment has no dose above 0 \(blank, 0 or negative\)"),
        (0.0, "has no dose above 0"),
        (-1.0, "has no dose above 0"),
        (0.5, "1 treatment has one dose in all wells and no curve, such as 'late'"),
    ],
)
def test_treatments_without_doses_are_named(screen, dose, reason):
    changed = at(
        screen, "treated", "late", lambda m: m.index >= 0, Concentration_uM=dose
    )
    (row,) = dose_response.run({"s": changed}, [], features="s", normalize="standard")
    assert row["treatment"] == "early" and row["status"] == "fitted"
    assert any(re.search(reason, warning) for warning in row["warnings"])
    none = changed.metadata[changed.metadata["Metadata_Treatment"] != "early"]
    with pytest.raises(Skip, match=reason):
        dose_response.check(none, OPTIONS)


def test_one_well_per_dose_is_fitted_with_a_warning(screen):
    one = screen.metadata["Metadata_Plate"] == "0"
    role = screen.metadata["Metadata_Role"]
    few = screen.take((one | (role != "treated")).to_numpy())
    for row in dose_response.run({screen.name: few}, [], **OPTIONS):
        assert row["status"] == "fitted" and row["wells"] == 7
        assert row["ec50_low_um"] < EC50[row["treatment"]] < row["ec50_high_um"]
        assert row["warnings"][-1].startswith("one well per dose")


def test_toxic_wells_have_a_side_effect_and_others_none():
    """Beside the axis by twice the controls' distance, or not."""
    sites = wide_screen(12.0, compounds=6, plates=4, wide=40)
    toxic = sites.metadata["Metadata_Treatment"].isin(["compound 0", "compound 1"])
    features = sites.features.copy()
    dose = sites.metadata["Metadata_Concentration_uM"].to_numpy()
    features[toxic, 7] += 24 * dose[toxic] / np.nanmax(dose)
    changed = FeatureSet(sites.name, sites.metadata, features)
    for row in dose_response.run({sites.name: changed}, [], **OPTIONS):
        expected = 2.0 if row["treatment"] in ("compound 0", "compound 1") else 0.0
        assert row["side_effect"] == pytest.approx(expected, rel=0.25, abs=0.3)
        assert (row["side_effect_low"] > 0) == (expected > 0)


def test_side_effect_intervals_of_control_like_wells_cover_0():
    sites = wide_screen(12.0, compounds=60, plates=2, wide=300)
    rows = dose_response.run({sites.name: sites}, [], **OPTIONS)
    found = np.array([row["side_effect"] for row in rows])
    assert abs(found.mean()) < 0.05 and np.abs(found).max() < 0.3
    inside = np.mean([r["side_effect_low"] < 0 < r["side_effect_high"] for r in rows])
    assert inside >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)


def test_a_shift_of_all_treated_wells_loosens_the_bottom():
    """All treatments lie .5 from the untreated wells: no dose did that."""
    sites = wide_screen(12.0, compounds=30, plates=4, wide=20)
    features = sites.features.copy()
    features[(sites.metadata["Metadata_Role"] == "treated").to_numpy(), 0] += 6
    shifted = FeatureSet(sites.name, sites.metadata, features)
    rows = dose_response.run({sites.name: shifted}, [], **OPTIONS)
    assert all("at their lowest dose" in row["warnings"][0] for row in rows)
    assert sum(row["status"] != "no effect" for row in rows) <= 3
    rows = dose_response.run({sites.name: sites}, [], **OPTIONS)
    assert not any(row["warnings"] for row in rows)


def shaped_screen(noise=0.05, **compounds):
    """Two plates with controls and, per compound, a well of each of 8 doses."""
    doses = 10.0 ** np.arange(-2.5, 1.1, 0.5)
    controls = [("response_0", "", np.nan, 0.0)] * 16
    controls += [("response_1", "", np.nan, 1.0)] * 16
    treated = [
        ("treated", name, dose, response)
        for name, truth in compounds.items()
        for dose, response in zip(doses, truth(doses), strict=True)
    ]
    rows = [
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": plate,
            "Metadata_Well": f"{'ABCDEFGHIJKLMNOP'[n % 16]}{n // 16 + 1:02d}",
            "Metadata_Record_ID": f"{plate}_{n}",
            "Metadata_Role": role,
            "Metadata_Treatment": treatment,
            "Metadata_Concentration_uM": dose,
            "response": response,
        }
        for plate in ("1", "2")
        for n, (role, treatment, dose, response) in enumerate(controls + treated)
    ]
    metadata = pd.DataFrame(rows)
    response = metadata.pop("response").to_numpy()
    features = np.random.default_rng(0).normal(0, noise, (len(metadata), 2))
    features[:, 0] += response
    return FeatureSet("s/b8", metadata, features.astype(np.float32))


def rise(dose, ec50=0.5, slope=1.5):
    return curve.logistic(dose, 0, 1, ec50, slope)


SHAPES = {
    "hook": lambda d: rise(d, 0.1) * (1 - rise(d, 1.5, 4)),
    "toxic": lambda d: np.where(d > 2, -0.5, rise(d, 0.05)),
    "waves": lambda d: np.where((d > 0.02) & (d < 0.2), -1.0, 0.0),
    "normal": rise,
    "falling": lambda d: -rise(d),
    "flat": np.zeros_like,
    "rescued": np.ones_like,
    "partial": lambda d: 0.3 * rise(d, 0.1),
    "beyond": lambda d: 2 * rise(d),
    "step": lambda d: (d > 0.2) * 1.0,
}


def test_every_shape_is_told_as_what_it_is():
    rows = {
        row["treatment"]: row
        for row in dose_response.run({"s/b8": shaped_screen(**SHAPES)}, [], **OPTIONS)
    }
    told = {name: row["status"].partition(":")[0] for name, row in rows.items()}
    assert told == {
        "hook": "falls again",
        "toxic": "falls again",
        "waves": "no curve fits",
        "normal": "fitted",
        "falling": "fitted",
        "flat": "no effect",
        "rescued": "bound",
        "partial": "fitted",
        "beyond": "fitted",
        "step": "fitted",
    }
    for name in ("hook", "toxic", "waves"):
        row, wells = rows[name], rows[name]["points"]
        assert row["ec50_um"] is row["ec50_bound"] is row["absolute_ec50_um"] is None
        assert row["top"] is row["slope"] is row["absolute_ec50_bound"] is None
        last = [w["response"] for w in wells if w["concentration_um"] > 9]
        assert row["rescue"] == pytest.approx(np.mean(last))
        assert (
            row["rescue_low"] < SHAPES[name](np.array([10.0]))[0] < row["rescue_high"]
        )
    hook = rows["hook"]
    assert hook["best_dose_low_um"] <= 1.0 <= hook["best_dose_high_um"]
    assert hook["peak_low"] < 0.80 < hook["peak_high"]
    assert hook["fall_low"] < 0.79 < hook["fall_high"]
    assert "best at" in hook["status"] and hook["q_falls_again"] < 1e-4
    for name, expected in (("normal", 0.5), ("beyond", 0.5 * (1 / 3) ** (1 / 1.5))):
        row = rows[name]
        assert row["absolute_ec50_low_um"] < expected < row["absolute_ec50_high_um"]
        assert row["ec50_low_um"] < 0.5 < row["ec50_high_um"]
        assert row["ec50_kind"] == "relative"
    for name in ("falling", "partial"):
        assert rows[name]["absolute_ec50_bound"] == "above"
        assert rows[name]["absolute_ec50_low_um"] == pytest.approx(10.0)
    assert rows["rescued"]["absolute_ec50_bound"] == "below"
    doubts = {name: "; ".join(row["doubts"]) for name, row in rows.items()}
    assert "beyond the wanted state" in doubts["beyond"]
    assert "between 0.1 and 0.316 uM" in doubts["step"]
    assert "below the lowest dose" in doubts["rescued"]
    assert doubts["normal"] == doubts["flat"] == doubts["partial"] == ""


def test_q_of_each_test_is_benjamini_and_hochbergs_over_the_set():
    rows = dose_response.run({"s/b8": shaped_screen(**SHAPES)}, [], **OPTIONS)
    for test in ("effect", "falls_again", "lack_of_fit"):
        p = np.array([row[f"p_{test}"] for row in rows])
        order = np.argsort(p)
        q = p[order] * len(p) / np.arange(1, len(p) + 1)
        q = np.minimum(np.minimum.accumulate(q[::-1])[::-1], 1)
        found = np.array([row[f"q_{test}"] for row in rows])
        np.testing.assert_allclose(found[order], q, rtol=1e-9, atol=1e-300)


def test_a_lone_hook_with_one_well_a_dose_is_seen_beside_the_controls():
    sites = shaped_screen(hook=SHAPES["hook"])
    role, plate = sites.metadata["Metadata_Role"], sites.metadata["Metadata_Plate"]
    few = sites.take(((role != "treated") | (plate == "1")).to_numpy())
    (row,) = dose_response.run({"s/b8": few}, [], **OPTIONS)
    assert row["wells"] == 8 and row["status"].startswith("falls again")
    assert row["warnings"][-1].startswith("one well per dose")


@pytest.mark.parametrize("column", ["Treatment", "Concentration_uM", "Role"])
def test_a_missing_column_is_a_skip(screen, column):
    metadata = screen.metadata.drop(columns=f"Metadata_{column}")
    with pytest.raises(Skip, match=f"the screen has no column Metadata_{column}"):
        dose_response.check(metadata, OPTIONS)


@pytest.mark.parametrize(
    "columns", [["Experiment"], ["Experiment", "Plate", "Well", "Site_ID"]]
)
def test_columns_that_are_not_needed(screen, columns):
    """Without plates and wells each record is a well: offsets are taken off first."""
    plate = screen.metadata["Metadata_Plate"].astype(int).to_numpy()[:, None]
    features = (screen.features - 20 * plate) / (1 + plate)
    metadata = screen.metadata.drop(columns=[f"Metadata_{c}" for c in columns])
    dose_response.check(metadata, OPTIONS)
    sites = FeatureSet(screen.name, metadata, features.astype(np.float32))
    for row in dose_response.run({screen.name: sites}, [], **OPTIONS):
        assert row["status"] == "fitted" and row["experiment"] == "all"
        assert row["ec50_um"] == pytest.approx(EC50[row["treatment"]], rel=0.3)
        wells = {(point["plate"], point["well"]) for point in row["points"]}
        assert len(wells) == row["wells"] == (14 if len(columns) == 1 else 28)


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
            "Metadata_Record_ID": raw["site_id"],
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
