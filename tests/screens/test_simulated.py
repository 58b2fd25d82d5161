"""The simulated screen: its form, its truth, and that the pictures follow the truth."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from gandl_jax.errors import InputError
from gandl_jax.raw.screen import cell_remarks, read_metadata, table
from gandl_jax.screens import simulated
from gandl_jax.simulated import drawing, plates
from gandl_jax.simulated.cells import CELL_MODELS, Traits, draw_site
from gandl_jax.simulated.stains import MECHANISMS

SMALL = {
    "seed": 3,
    "experiments_per_cell_model": 1,
    "plates_per_experiment": 2,
    "sites_per_well": 2,
    "size_px": 48,
    "rescuers": 2,
    "inactive": 1,
    "toxic": 1,
    "doses": 2,
    "replicates": 1,
    "mock_wells": 2,
    "uv_wells": 1,
    "active_wells": 3,
    "workers": 2,
}
DEMO = SMALL | {
    "plates_per_experiment": 4,
    "rescuers": 9,
    "inactive": 5,
    "toxic": 4,
    "doses": 8,
    "replicates": 2,
    "mock_wells": 16,
    "uv_wells": 4,
    "active_wells": 24,
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    simulated.generate(str(folder), SMALL)
    return folder


@pytest.fixture(scope="module")
def demo():
    truth = plates.compounds(DEMO, list(CELL_MODELS))
    return truth, plates.wells(DEMO, truth, list(CELL_MODELS))


def files(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_form_is_that_of_rxrx19a_and_a_mechanism(drawn):
    metadata = read_metadata(simulated.SCREEN, str(drawn))
    assert list(metadata) == (
        "site_id,well_id,cell_type,experiment,plate,well,site,disease_condition,"
        "treatment,treatment_conc,SMILES,mechanism"
    ).split(",")
    # 2 cell models x 2 plates x (6 controls + 4 compounds x 2 doses / 2) x 2 sites
    assert len(metadata) == 2 * 2 * (6 + 4) * 2
    for row in metadata.to_dict("records"):
        parts = [row["experiment"], row["plate"], row["well"], row["site"]]
        assert row["site_id"] == "_".join(parts)
        assert row["well_id"] == "_".join(parts[:3])
        for channel in range(1, 6):
            name = "images/{}/Plate{}/{}_s{}_w{}.png".format(*parts, channel)
            with Image.open(drawn / name) as image:
                assert (image.mode, image.size) == ("L", (48, 48))
    assert len(list((drawn / "images").rglob("*"))) == len(metadata) * 5 + 2 + 4


def test_conditions_treatments_and_doses(drawn):
    metadata = read_metadata(simulated.SCREEN, str(drawn))
    assert set(metadata["disease_condition"]) == {
        "Mock",
        "UV Inactivated SARS-CoV-2",
        "Active SARS-CoV-2",
    }
    treated = metadata["treatment"] != ""
    assert set(metadata.loc[treated, "disease_condition"]) == {"Active SARS-CoV-2"}
    assert set(metadata.loc[~treated, "treatment_conc"]) == {""}
    assert set(metadata.loc[treated, "treatment_conc"]) == {"3.0", "10.0"}
    roles = table(simulated.SCREEN, metadata)["Metadata_Role"].value_counts()
    assert roles.to_dict() == {
        "treated": 32,
        "response_0": 24,
        "response_1": 16,
        "other": 8,
    }


def test_compounds_have_the_mechanism_of_their_truth_and_controls_none(drawn):
    found = table(simulated.SCREEN, read_metadata(simulated.SCREEN, str(drawn)))
    truth = pd.read_csv(drawn / "truth_compounds.csv")
    wanted = dict(zip(truth["treatment"], truth["mechanism"], strict=True)) | {"": ""}
    treatments = found["Metadata_Treatment"].map(wanted)
    assert found["Metadata_Mechanism"].tolist() == treatments.tolist()


def test_a_screen_that_a_former_version_drew_has_no_mechanism(drawn, tmp_path):
    former = read_metadata(simulated.SCREEN, str(drawn)).drop(columns="mechanism")
    former.to_csv(tmp_path / "metadata.csv", index=False)
    read = read_metadata(simulated.SCREEN, str(tmp_path))
    pd.testing.assert_frame_equal(read, former)
    found = table(simulated.SCREEN, read)
    assert "Metadata_Mechanism" not in found
    now = table(simulated.SCREEN, read_metadata(simulated.SCREEN, str(drawn)))
    pd.testing.assert_frame_equal(found, now.drop(columns="Metadata_Mechanism"))
    assert not list(cell_remarks(simulated.SCREEN, read))


def test_bytes_do_not_depend_on_the_number_of_workers(drawn, tmp_path):
    simulated.generate(str(tmp_path), SMALL | {"workers": 1})
    assert files(tmp_path) == files(drawn)


def test_a_killed_drawing_leaves_nothing_finished_and_goes_on(
    drawn, tmp_path, monkeypatch
):
    def die(sites, workers):
        for site in sites[:3]:
            drawing.draw(site)
        (tmp_path / "images" / ".half.partial").write_bytes(b"half")
        raise KeyboardInterrupt

    def spy(sites, workers):
        before = {path: (tmp_path / path).stat().st_mtime_ns for path in first}
        draw_all(sites, workers)
        after = {path: (tmp_path / path).stat().st_mtime_ns for path in first}
        assert after == before

    for site_folder in (drawn / "images").glob("*/*"):
        (tmp_path / site_folder.relative_to(drawn)).mkdir(parents=True)
    draw_all = drawing.draw_all
    monkeypatch.setattr(drawing, "draw_all", die)
    with pytest.raises(KeyboardInterrupt):
        simulated.generate(str(tmp_path), SMALL)
    assert not (tmp_path / "metadata.csv").exists()
    (tmp_path / "images" / ".half.partial").unlink()
    first = [path for path in files(tmp_path) if path.endswith(".png")]
    assert len(first) == 15
    monkeypatch.setattr(drawing, "draw_all", spy)
    simulated.generate(str(tmp_path), SMALL)
    assert files(tmp_path) == files(drawn)


def test_a_finished_screen_is_kept_and_no_other_is_mixed_in(drawn, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    simulated.generate(str(drawn), SMALL | {"workers": 1})
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before
    with pytest.raises(InputError, match="other options .*seed"):
        simulated.generate(str(drawn), SMALL | {"seed": 4})
    (tmp_path / "metadata.csv").write_text("site_id\n")
    with pytest.raises(InputError, match="not simulated"):
        simulated.generate(str(tmp_path), SMALL)
    assert list(tmp_path.iterdir()) == [tmp_path / "metadata.csv"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"doses": 9}, "doses is 9"),
        ({"size_px": 8}, "size_px is 8"),
        ({"seed": -1}, "seed is -1"),
        ({"active_wells": 2000}, "2007 wells on a plate"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(
    tmp_path, change, message
):
    with pytest.raises(InputError, match=message):
        simulated.generate(str(tmp_path / "new"), SMALL | change)
    assert not (tmp_path / "new").exists()


def test_truth_of_compounds(demo):
    truth, _ = demo
    assert truth.groupby("mechanism")["treatment"].nunique().to_dict() == dict.fromkeys(
        MECHANISMS, 3
    )
    kinds = truth.drop_duplicates("treatment")["kind"].value_counts()
    assert kinds.to_dict() == {"rescuer": 9, "inactive": 5, "toxic": 4}
    assert (truth.groupby("mechanism")["kind"].nunique() >= 2).all()
    assert truth.loc[truth["kind"] == "inactive", "ec50_um"].isna().all()
    # An EC50 that can be measured lies between the second dose and the last but one.
    rescuers = truth.loc[truth["kind"] == "rescuer", "ec50_um"]
    assert rescuers.between(0.01, 3).all()


def test_wells_follow_the_four_parameter_curve(demo):
    truth, wells = demo
    truth = truth.set_index(["treatment", "cell_type"])
    treated = wells[wells["treatment"] != ""]
    for well in treated.to_dict("records"):
        compound = truth.loc[(well["treatment"], well["cell_type"])]
        expected = 0.0
        if compound["kind"] != "inactive":
            # The logistic in log dose, another form of the same curve.
            log_ratio = math.log(float(well["treatment_conc"]) / compound["ec50_um"])
            odds = math.exp(-compound["slope"] * log_ratio)
            expected = compound["top"] / (1 + odds)
        column = "toxicity" if compound["kind"] == "toxic" else "rescue"
        assert well[column] == pytest.approx(expected, rel=1e-9)
    rescuers = treated[treated["rescue"] > 0]
    mean = rescuers.groupby("treatment_conc")["infection"].mean()
    ordered = mean[[str(dose) for dose in plates.HALF_LOG_UM]]
    assert ordered.iloc[0] > 0.6 > 0.25 > ordered.iloc[-1]
    assert np.corrcoef(ordered, np.arange(8))[0, 1] < -0.95


def test_wells_are_placed_at_random_on_every_plate(demo):
    _, wells = demo
    mock = wells[wells["disease_condition"] == "Mock"]
    placed = [set(one["well"]) for _, one in mock.groupby(["experiment", "plate"])]
    assert len(placed) == 8 and all(len(one) == 16 for one in placed)
    assert max(len(a & b) for a in placed for b in placed if a is not b) <= 3
    # Uniform columns have mean 22.5 and sd 13.3; 128 wells: standard error 1.2.
    assert abs(mock["column"].mean() - 22.5) < 4
    assert not wells.duplicated("well_id").any()
    replicates = wells[wells["treatment"] != ""].groupby(
        ["cell_type", "treatment", "treatment_conc"]
    )
    assert (replicates["plate"].nunique() == 2).all()


def test_channels_are_as_dark_as_in_rxrx19a(drawn):
    for channel in range(1, 6):
        paths = (drawn / "images").rglob(f"*_w{channel}.png")
        mean = np.mean([np.asarray(Image.open(path)).mean() for path in paths]) / 255
        # Counted in RxRx19a: .013 to .017 for the nuclei, .04 to .08 for the others.
        low, high = (0.012, 0.018) if channel == 1 else (0.04, 0.08)
        assert low < mean < high, channel


def traits(infection, mechanism=None):
    strength = np.array([name == mechanism for name in MECHANISMS], float)
    return Traits(
        infection=infection,
        toxicity=0.0,
        mechanism=strength,
        density=1.0,
        state=np.zeros(5),
        gain=np.ones(5),
        offset=np.ones(5),
        blur_px=0.8,
    )


def sites(cell_model, state, count=12):
    """[count, 5, 96, 96] float sites of one state, the same for every state's seed."""
    model = CELL_MODELS[cell_model]
    rngs = map(np.random.default_rng, range(count))
    return np.stack([draw_site(rng, model, state, 96) for rng in rngs]).astype(float)


def fineness(images):
    """Contrast at 1 px over contrast at 2 px, whatever the brightness: [N, 5]."""
    blurred = [ndimage.gaussian_filter(images, (0, 0, s, s)) for s in (0.7, 1.4, 2.8)]
    fine, coarse = blurred[0] - blurred[1], blurred[1] - blurred[2]
    return fine.std((2, 3)) / coarse.std((2, 3))


@pytest.mark.parametrize("cell_model", CELL_MODELS)
def test_texture_follows_the_latent_infection(cell_model):
    levels = np.linspace(0, 1, 30)
    drawn = [
        draw_site(np.random.default_rng(i), CELL_MODELS[cell_model], traits(level), 96)
        for i, level in enumerate(levels)
    ]
    fine = fineness(np.stack(drawn).astype(float))
    correlation = [np.corrcoef(levels, fine[:, c])[0, 1] for c in range(5)]
    assert correlation[1] < -0.5, "the ER clumps"
    assert correlation[4] > 0.8, "the Golgi disperses into dots"


@pytest.mark.parametrize("cell_model", CELL_MODELS)
def test_infection_leaves_mean_intensity_alone(cell_model):
    well, ill = (sites(cell_model, traits(s), 40) for s in (0.05, 0.78))
    change = ill.mean((0, 2, 3)) / well.mean((0, 2, 3)) - 1
    # The wells' own brightness varies by 5 %, the plates' by 10 %.
    assert np.abs(change).max() < 0.05


def test_each_mechanism_changes_its_own_channel_and_no_other():
    plain = sites("HRCE", traits(0.0))
    own = {"chromatin_speckles": 0, "er_collapse": 1, "actin_cortex": 2}
    own |= {"rna_granules": 3, "endosome_swelling": 4}
    for name in MECHANISMS:
        change = np.abs(sites("HRCE", traits(0.0, name)) - plain).mean((0, 2, 3))
        if name == "spindle_cells":
            assert change[1:].min() > 0.5, "a cell's shape shows in all but nuclei"
        else:
            assert list(np.flatnonzero(change)) == [own[name]], name
            assert change[own[name]] > 0.5, name


def test_cell_models_differ_in_size():
    """Nuclei (pieces above half of the brightest) are fewer and larger in HRCE."""
    counts = {}
    for name in CELL_MODELS:
        nuclei = ndimage.gaussian_filter(sites(name, traits(0.0))[:, 0], (0, 1, 1))
        counts[name] = np.mean([ndimage.label(one > 8)[1] for one in nuclei])
    assert counts["VERO"] > 1.4 * counts["HRCE"] > 10


def test_importing_it_imports_nothing_slow():
    code = (
        "import sys, json, gandl_jax.screens.simulated;"
        "print(json.dumps([m for m in ('jax', 'tensorflow') if m in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert json.loads(result.stdout) == []


def test_truth_tables_lie_beside_the_images(drawn):
    wells = pd.read_csv(drawn / "truth_wells.csv", keep_default_na=False)
    metadata = read_metadata(simulated.SCREEN, str(drawn))
    assert set(wells["well_id"]) == set(metadata["well_id"])
    assert wells["infection"].between(0, 1).all()
    compounds = pd.read_csv(drawn / "truth_compounds.csv")
    assert set(compounds["treatment"]) == set(wells["treatment"]) - {""}
