"""Tables of profiles are judged as --job=evaluate judges the same profiles."""

import json

import numpy as np
import pandas as pd
import pytest

import gandl_jax as gj
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.jobs import evaluate
from gandl_jax.profiles import seen_table, store
from gandl_jax.profiles.seen import Seen

FAST = {"bootstrap_draws": 50, "repeats": 1}


def records():
    """Two plates of 8 + 8 control wells and 8 doses of a drug, two sites each."""
    wells = [("response_0", "", np.nan)] * 8 + [("response_1", "", np.nan)] * 8
    wells += [("treated", "a drug", dose) for dose in np.geomspace(0.01, 3, 8)]
    return pd.DataFrame(
        {
            "Metadata_Record_ID": f"{plate}-{well}-{site}",
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"{'ABC'[well % 3]}{well // 3 + 1:02d}",
            "Metadata_Experiment": "M-1",
            "Metadata_Cell_Type": "M",
            "Metadata_Treatment": treatment,
            "Metadata_Concentration_uM": dose,
            "Metadata_Role": role,
        }
        for plate in (1, 2)
        for well, (role, treatment, dose) in enumerate(wells)
        for site in (1, 2)
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Made-up profiles in which the drug leads half the way by its dose."""
    folder, rng = tmp_path_factory.mktemp("judged"), np.random.default_rng(0)
    config = configs.default()
    config.evaluate.update(features="b8", **FAST)
    workdirs.record(folder, config, "")
    table = records()
    dose = table["Metadata_Concentration_uM"].to_numpy()
    way = np.select(
        [table["Metadata_Role"] == "response_1", np.isfinite(dose)],
        [1.0, dose / (dose + 0.3)],
        0.0,
    )
    seen = Seen.alike(len(table), True, "")
    for name, sets in {"gan@9": ("b8", "b16"), "intensity": ("intensity",)}.items():
        directory = folder / "profiles/simulated" / name
        note = {"saw_images": name == "gan@9"}
        told = seen_table.make(table, seen) if name == "gan@9" else None
        store.claim(directory, note, told)
        features = {}
        for i, one in enumerate(sets):
            features[one] = rng.normal(size=(len(table), 4)).astype(np.float32)
            features[one][:, 0] += (4 - 2 * i) * way
        store.write_part(directory / "part-00000.parquet", table, features)
        store.finish(directory)
    return folder


def test_profiles_come_as_the_job_wrote_them(workdir):
    assert gj.feature_sets(workdir) == ["gan@9/b8", "gan@9/b16", "intensity"]
    found = gj.profiles(workdir)
    one = store.read(workdir / "profiles/simulated/gan@9", ["b8"])["b8"]
    np.testing.assert_array_equal(found.filter(regex="^b8__"), one.features)
    assert set(found["seen_images"]) == {"yes"} and set(found["seen_labels"]) == {""}
    assert found["Metadata_Plate"].tolist() == one.metadata["Metadata_Plate"].tolist()
    other = gj.profiles(workdir, "intensity")
    assert set(other["seen_images"]) == {"no"} and "intensity__3" in other
    with pytest.raises(InputError, match="no feature set 'gan@9/b9'; did you mean"):
        gj.profiles(workdir, "gan@9/b9")
    with pytest.raises(InputError, match="is no experiment's workdir"):
        gj.profiles(workdir / "profiles")


@pytest.mark.parametrize("task", ["control_classification", "dose_response"])
def test_rows_are_those_of_the_job(workdir, task):
    config = workdirs.read_config(workdir)
    config.evaluate.tasks = task
    evaluate.run(config, workdir)
    path = workdir / f"tasks/simulated/{task}.json"
    wanted = json.loads(path.read_text())["rows"]
    given = {name: gj.profiles(workdir, name) for name in gj.feature_sets(workdir)}
    options = FAST if task == "control_classification" else {}
    found = gj.judge(task, given, features="b8", **options)
    assert len(found) == len(wanted) > 1
    for row, other in zip(found.to_dict("records"), wanted, strict=True):
        for key, value in other.items():
            if isinstance(value, float):
                assert row[key] == pytest.approx(value, rel=1e-12), key
            elif value is not None:
                assert row[key] == value, key


def test_one_table_is_judged_by_itself(workdir):
    table = gj.profiles(workdir)
    scores = gj.control_scores(table, splits=["plate"], **FAST)
    assert set(scores["split"]) == {"plate"} and (scores["value"] > 0.9).all()
    curves = gj.dose_response(table)
    (row,) = curves[curves["set"] == "b8"].to_dict("records")
    assert row["treatment"] == "a drug" and row["ec50_um"] == pytest.approx(0.3, rel=1)
    wells = pytest.importorskip("umap") and gj.wells(table)
    assert len(wells) == 48 and set(wells["plate"]) == {"1", "2"}
    controls = wells[wells["role"] == "response_1"]["response"]
    assert controls.mean() == pytest.approx(1, abs=0.1)


def test_labels_that_an_encoder_learnt_are_marked(workdir):
    table = gj.profiles(workdir).assign(seen_labels="Role")
    scores = gj.control_scores(table, splits=["plate"], **FAST)
    assert scores[scores["set"] == "b8"]["labels_seen"].all()


def test_profiles_are_normalised_by_each_plates_controls(workdir):
    table = gj.profiles(workdir)
    columns = [f"b8__{i}" for i in range(4)]
    found = gj.normalize(table)
    for _, rows in table.groupby("Metadata_Plate"):
        controls = rows[rows["Metadata_Role"] != "treated"][columns]
        wanted = (rows[columns] - controls.mean()) / controls.std(ddof=0)
        np.testing.assert_allclose(found.loc[rows.index, columns], wanted, atol=1e-5)
    assert found["seen_images"].equals(table["seen_images"])
    treated = (table["Metadata_Role"] == "treated").to_numpy()
    other = gj.normalize(table, reference=treated)
    mean = other[treated].groupby("Metadata_Plate")[columns].mean()
    np.testing.assert_allclose(mean, 0, atol=1e-5)


def test_what_cannot_be_judged_is_told(workdir):
    table = gj.profiles(workdir)
    for call, told in {
        lambda: gj.judge("retreival", table): "no task 'retreival': did you mean",
        lambda: gj.control_scores(table, split=1): "no option 'split': did you mean",
        lambda: gj.dose_response(table.drop(columns="Metadata_Role")): (
            "the task dose_response cannot be run: .*Role"
        ),
        lambda: gj.normalize(table, "sphere"): "'sphere', which is no normalisation",
        lambda: gj.normalize(table.drop(columns="Metadata_Role")): "no rows to norm",
        lambda: gj.normalize(table, reference=[True]): "for each of the 96 rows",
    }.items():
        with pytest.raises(InputError, match=told):
            call()
