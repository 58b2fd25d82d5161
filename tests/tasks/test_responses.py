"""Responses of wells: by hand, and on screens where nothing is to be found."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks.responses import experiments, judge_wells, judged_sets


def screen(signal=8.0, plates=4, wide=300, zero=24, one=8, treated=20, sites=1):
    """Wells of response 1 are `signal` standard deviations away, others nowhere."""
    roles = np.repeat(["response_0", "response_1", "treated"], [zero, one, treated])
    rows = [
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"{'ABCDEFGHIJKLMNOP'[n % 16]}{n // 16 + 1:02d}",
            "Metadata_Record_ID": f"{plate}_{n}_{site}",
            "Metadata_Role": role,
        }
        for plate in range(plates)
        for n, role in enumerate(roles)
        for site in range(sites)
    ]
    metadata = pd.DataFrame(rows)
    rng = np.random.default_rng(3)
    features = rng.normal(size=(len(metadata), wide)) + 50
    features[:, 0] += signal * (metadata["Metadata_Role"] == "response_1")
    return FeatureSet("s", metadata, features.astype(np.float32))


def of_role(judged, role):
    return (judged.metadata["Metadata_Role"] == role).to_numpy()


@pytest.mark.parametrize("wide", [3, 60, 600])
def test_control_like_wells_are_at_0_however_wide_the_profiles(wide):
    """Judged by an axis and a length that they drew themselves, they would not be."""
    judged = judge_wells(screen(wide=wide, plates=12), "standard")
    own = of_role(judged, "treated")
    assert abs(judged.response[own].mean()) < 0.1
    assert abs(judged.side_effect[own].mean()) < 0.05
    for k in (0, 1):
        own = of_role(judged, f"response_{k}")
        assert judged.response[own].mean() == pytest.approx(k, abs=1e-9)
        assert abs(judged.side_effect[own].mean()) < 0.05


def test_few_controls_on_a_plate_make_no_side_effect():
    """Six control wells a plate: their own centre fits them better than others."""
    judged = judge_wells(screen(zero=4, one=2, plates=12, signal=30.0), "standard")
    own = of_role(judged, "treated")
    assert abs(judged.side_effect[own].mean()) < 0.05


def test_responses_are_a_projection_by_hand():
    """Two features, one plate, no scatter: the axis is drawn by hand."""
    sites = screen(plates=1, wide=2, zero=5, one=5, treated=6)
    true = np.r_[np.zeros(5), np.ones(5), np.linspace(-1, 2, 6)]
    features = np.stack([3 * true, -true], 1) + [[5.0, 6.0]]
    judged = judge_wells(
        FeatureSet("s", sites.metadata, features.astype(np.float32)), "standard"
    )
    order = pd.Index(sites.metadata["Metadata_Well"])
    np.testing.assert_allclose(
        judged.response,
        true[order.get_indexer(judged.metadata["Metadata_Well"])],
        atol=1e-5,
    )


@pytest.mark.parametrize("normalization", ["standard", "robust", "whiten", "tvn"])
def test_gain_and_offset_of_a_plate_change_nothing(normalization):
    sites = screen(wide=10, plates=2)
    factor = np.where(sites.metadata["Metadata_Plate"] == "1", 7, 1)[:, None]
    moved = FeatureSet("s", sites.metadata, sites.features * factor - 3)
    before, after = (judge_wells(one, normalization) for one in (sites, moved))
    np.testing.assert_allclose(before.response, after.response, atol=1e-3)
    np.testing.assert_allclose(before.side_effect, after.side_effect, atol=1e-3)


def test_noise_is_seldom_told_apart():
    """Folds share their wells, so the rate is above that of a t of 4 (.02 %)."""
    base = screen(0.0, plates=1, zero=8, one=4, treated=0, wide=200)
    rng = np.random.default_rng(0)
    told = [
        judge_wells(
            FeatureSet("s", base.metadata, rng.normal(size=base.features.shape)),
            "standard",
        ).response
        is not None
        for _ in range(100)
    ]
    assert np.mean(told) < 0.05


def test_one_well_of_a_control_tells_nothing():
    judged = judge_wells(screen(one=1, plates=1), "standard")
    assert judged.response is None and judged.side_effect is None


def test_sites_that_are_not_finite_are_left_out_and_counted():
    sites = screen(sites=2, wide=5)
    features = sites.features.copy()
    features[3, 2], features[100, 0] = np.nan, np.inf
    broken = judge_wells(FeatureSet("s", sites.metadata, features), "standard")
    good = np.isfinite(features).all(axis=1)
    expected = judge_wells(sites.take(good), "standard")
    np.testing.assert_array_equal(broken.response, expected.response)
    assert broken.warnings == (
        "2 sites have features that are not finite and are left out",
    )


def with_roles(sites, plates, role, becomes):
    metadata = sites.metadata.copy()
    mine = metadata["Metadata_Plate"].isin(plates) & metadata["Metadata_Role"].isin(
        role
    )
    metadata.loc[mine, "Metadata_Role"] = becomes
    return FeatureSet("s", metadata, sites.features)


def test_plates_without_controls_are_counted():
    both, sites = ["response_0", "response_1"], screen(wide=20)
    judged = judge_wells(with_roles(sites, ["2"], both, "other"), "standard")
    assert judged.warnings == (
        "1 of 4 plates have no control wells (such as E/2): they are normalised by all "
        "other plates'",
    )
    judged = judge_wells(with_roles(sites, ["2"], both[:1], "other"), "standard")
    assert "1 of 4 plates have wells of one control only" in judged.warnings[0]
    judged = judge_wells(with_roles(sites, ["1", "2", "3"], both, "other"), "standard")
    assert judged.response is not None
    assert judged.warnings[-1].startswith("control wells are on one plate only")


def test_experiments_are_those_with_both_controls():
    metadata = screen(plates=2, treated=2).metadata
    metadata["Metadata_Cell_Type"] = np.where(
        metadata["Metadata_Plate"] == "0", "A", "B"
    )
    lacks = (metadata["Metadata_Cell_Type"] == "A") & (
        metadata["Metadata_Role"] == "response_1"
    )
    ((model, experiment, rows),) = experiments(metadata[~lacks])
    assert (model, experiment) == ("B", "E")
    assert set(metadata[~lacks].iloc[rows]["Metadata_Plate"]) == {"1"}
    ((model, experiment, rows),) = experiments(
        metadata[["Metadata_Role", "Metadata_Well"]]
    )
    assert (model, experiment, len(rows)) == ("all", "all", len(metadata))


def test_headlines_and_single_sets_are_judged():
    names = ["gan@9/b8", "gan@9/b16", "gan@0/b8", "intensity", "theirs"]
    expected = ["gan@9/b8", "gan@0/b8", "intensity", "theirs"]
    assert judged_sets(names, "b8") == expected
