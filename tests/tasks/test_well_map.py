"""Maps of wells: scikit-learn's PCA, neighbours that stay neighbours, bare screens."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.normalize import PlateScaler
from gandl_jax.profiles.seen import Seen
from gandl_jax.profiles.table import control_classes, plates
from gandl_jax.tasks import responses, well_map
from gandl_jax.tasks.skip import Skip

OPTIONS = {"features": "b8", "normalize": "standard", "points": 5000, "seed": 0}


@pytest.fixture
def screen(control_wells):
    """2 plates of 20 wells, 2 sites each; every fifth well is treated."""
    metadata = control_wells(plates=2, wells=20, sites=2).copy()
    metadata["Metadata_Record_ID"] = metadata["Metadata_Site_ID"]
    wells = metadata.groupby(["Metadata_Plate", "Metadata_Well"]).ngroup().to_numpy()
    treated = wells % 5 == 0
    metadata.loc[treated, "Metadata_Role"] = "treated"
    metadata.loc[treated, "Metadata_Treatment"] = "X"
    metadata.loc[treated, "Metadata_Concentration_uM"] = 1.5
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(metadata), 12)) * np.linspace(1, 3, 12)
    features[:, 2] += 30 * (metadata["Metadata_Role"] == "response_1")
    return FeatureSet(
        "gan@9/b8",
        metadata,
        features.astype(np.float32),
        Seen.alike(len(metadata), True),
    )


def mapped(one, **options):
    (row,) = well_map.run({one.name: one}, [], **{**OPTIONS, **options})
    return row, pd.DataFrame(row["wells"])


def test_pca_is_scikit_learns_on_wells_normalised_by_the_controls(screen):
    row, table = mapped(screen)
    controls = control_classes(screen.metadata) >= 0
    of = plates(screen.metadata)
    scaler = PlateScaler().fit(screen.features[controls], plates=of[controls])
    sites = FeatureSet(
        "s", screen.metadata, scaler.transform(screen.features, plates=of)
    )
    oracle = PCA(2, svd_solver="full")
    expected = oracle.fit_transform(well_means(sites).features.astype(float))
    found = table[["pca_1", "pca_2"]].to_numpy()
    sign = np.sign((found * expected).sum(0))
    np.testing.assert_allclose(found, expected * sign, atol=1e-3)
    np.testing.assert_allclose(
        row["explained"], oracle.explained_variance_ratio_, rtol=1e-4
    )
    assert row["encoder_saw_test_images"] is True and row["features"] == "b8"


def test_wells_keep_what_is_known_of_them(screen):
    row, table = mapped(screen)
    assert len(table) == 40 and json.dumps(row, allow_nan=False)
    judged = responses.judge_wells(screen, "standard")
    np.testing.assert_allclose(table["response"], judged.response, atol=1e-4)
    np.testing.assert_allclose(table["side_effect"], judged.side_effect, atol=1e-4)
    own = table[table["treatment"] == "X"]
    assert set(own["concentration_um"]) == {1.5} and set(own["role"]) == {"treated"}
    assert row["wells"]["concentration_um"].count(None) == len(table) - len(own)
    spot = table[table["well"] == "C02"].iloc[0]
    assert (spot["row"], spot["column"]) == (3, 2)
    assert not {"condition", "mechanism"} & set(table)


def test_wells_that_are_all_alike_have_a_map(screen):
    alike = FeatureSet("gan@9/b8", screen.metadata, np.ones_like(screen.features))
    row, table = mapped(alike)
    assert row["explained"] == [0, 0] and set(table["pca_1"]) == {0.0}
    assert table["response"].isna().all()


def test_umap_has_at_most_points_of_every_plate_alike(screen):
    _, table = mapped(screen, points=20)
    chosen = table["umap_1"].notna()
    assert chosen.groupby(table["plate"]).sum().tolist() == [10, 10]
    assert table["pca_1"].notna().all()
    _, again = mapped(screen, points=20)
    pd.testing.assert_frame_equal(table, again)


def test_a_draw_is_from_every_plate_by_its_size():
    of = np.repeat(["a", "b", "c"], [600, 300, 100])
    found = well_map.drawn(of, 100, seed=0)
    assert len(set(found)) == 100 and (np.diff(found) > 0).all()
    counts = pd.Series(of[found]).value_counts()
    np.testing.assert_allclose([counts[k] for k in "abc"], [60, 30, 10], atol=1)
    assert well_map.drawn(of, 5000, seed=0).tolist() == list(range(1000))


def test_a_screen_of_records_alone_has_a_map():
    metadata = pd.DataFrame({"Metadata_Record_ID": [f"r{i}" for i in range(9)]})
    features = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    row, table = mapped(FeatureSet("theirs", metadata, features))
    assert len(table) == 9 and "well" not in table and "plate" not in table
    assert table["response"].isna().all() and table["pca_2"].notna().all()
    assert row["set"] == row["encoder"] == row["features"] == "theirs"
    with pytest.raises(Skip, match="3 wells or more and the screen has 2"):
        well_map.check(metadata[:2], OPTIONS)
    well_map.check(metadata, OPTIONS)


def test_without_umap_the_map_is_skipped_and_the_others_are_judged(screen, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)  # as if it were not installed
    with pytest.raises(Skip, match=r"umap-learn is not installed: pip install"):
        well_map.check(screen.metadata, OPTIONS)


def test_a_broken_well_is_nowhere(screen):
    features = screen.features.copy()
    features[0, 0] = np.nan
    _, table = mapped(FeatureSet("gan@9/b8", screen.metadata, features))
    broken = table["well"].eq("A01") & table["plate"].eq("0")
    assert table["pca_1"].isna().tolist() == broken.tolist()


def test_well_names_of_other_forms_have_no_place(screen):
    metadata = screen.metadata.assign(
        Metadata_Well="w" + screen.metadata["Metadata_Well"]
    )
    _, table = mapped(FeatureSet("gan@9/b8", metadata, screen.features))
    assert table["row"].isna().all() and table["umap_1"].notna().all()
