"""The simulated RxRx1: its form, its truth, and that the pictures follow the truth."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.raw.screen import read_metadata, table
from gandl_jax.screens import simulated_rxrx1
from gandl_jax.screens.simulated_rxrx1 import CELL_MODELS, MECHANISMS, SCREEN
from gandl_jax.simulated.cells import Traits, draw_site

SMALL = {
    "seed": 3,
    "experiments_per_cell_model": 2,
    "plates_per_experiment": 2,
    "sites_per_well": 2,
    "size_px": 32,
    "sirnas": 2,
    "positive_sirnas": 1,
    "negative_wells": 1,
    "replicates": 1,
    "workers": 2,
}
DEMO = config.default().simulate.to_dict() | {
    "experiments_per_cell_model": 3,
    "plates_per_experiment": 2,
    "replicates": 1,
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    simulated_rxrx1.generate(str(folder), SMALL)
    return folder


@pytest.fixture(scope="module")
def demo():
    truth = simulated_rxrx1.sirnas(DEMO)
    return truth, simulated_rxrx1.wells(DEMO, truth)


def files(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_form_is_that_of_rxrx1(drawn):
    metadata = read_metadata(SCREEN, str(drawn))
    assert list(metadata) == (
        "site_id,well_id,cell_type,dataset,experiment,plate,well,site,well_type,"
        "sirna,sirna_id"
    ).split(",")
    # 4 cell types x 2 experiments x (2 plates x 2 controls + 2 siRNAs) x 2 sites
    assert len(metadata) == 4 * 2 * (2 * 2 + 2) * 2
    for row in metadata.to_dict("records"):
        parts = [row["experiment"], row["plate"], row["well"], row["site"]]
        assert row["site_id"] == "_".join(parts)
        assert row["well_id"] == "_".join(parts[:3])
        for channel in range(1, 7):
            name = "images/{}/Plate{}/{}_s{}_w{}.png".format(*parts, channel)
            with Image.open(drawn / name) as image:
                assert (image.mode, image.size) == ("L", (32, 32))
    pngs = list((drawn / "images").rglob("*.png"))
    assert len(pngs) == len(metadata) * 6


def test_an_experiment_holds_one_cell_type_and_one_side_of_the_split(drawn):
    metadata = read_metadata(SCREEN, str(drawn))
    by = metadata.groupby("experiment")
    assert (by[["cell_type", "dataset"]].nunique() == 1).all(axis=None)
    assert set(metadata["cell_type"]) == {"HUVEC", "RPE", "HepG2", "U2OS"}
    sides = by["dataset"].first()
    assert sides["HUVEC-1"] == "train" and sides["HUVEC-2"] == "test"
    assert sides.value_counts().to_dict() == {"train": 4, "test": 4}
    records = table(SCREEN, metadata)
    assert records["Metadata_Role"].value_counts().to_dict() == {
        "response_0": 4 * 2 * 2 * 2,  # EMPTY: a well on each of 2 plates, 2 sites
        "treated": 4 * 2 * (2 + 2) * 2,
    }


def test_bytes_do_not_depend_on_the_number_of_workers(drawn, tmp_path):
    simulated_rxrx1.generate(str(tmp_path), SMALL | {"workers": 1})
    assert files(tmp_path) == files(drawn)


def test_a_finished_screen_is_kept_and_no_other_is_mixed_in(drawn):
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    simulated_rxrx1.generate(str(drawn), SMALL)
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before
    with pytest.raises(InputError, match="other options .*sirnas"):
        simulated_rxrx1.generate(str(drawn), SMALL | {"sirnas": 4})


@pytest.mark.parametrize(
    "change, message",
    [
        ({"experiments_per_cell_model": 1}, "experiments_per_cell_model is 1.*least 2"),
        ({"negative_wells": 400}, "402 wells on a plate, which has 308"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(
    tmp_path, change, message
):
    with pytest.raises(InputError, match=message):
        simulated_rxrx1.generate(str(tmp_path / "new"), SMALL | change)
    assert not (tmp_path / "new").exists()


def test_replicates_share_a_phenotype(demo):
    truth, wells = demo
    assert len(wells) == 4 * 3 * 2 * (24 / 2 + 6 + 10)
    treated = wells[wells["well_type"] == "treatment"]
    assert (treated.groupby(["sirna", "cell_type"])["experiment"].nunique() == 3).all()
    assert (wells.groupby("sirna")["mechanism"].nunique() == 1).all()
    kinds = truth.drop_duplicates("sirna")
    assert kinds["well_type"].value_counts().to_dict() == {
        "treatment": 24,
        "positive_control": 6,
        "negative_control": 1,
    }
    positive = kinds[kinds["well_type"] == "positive_control"]
    assert positive["mechanism"].nunique() == 6
    empty = wells[wells["sirna"] == "EMPTY"]
    assert not empty[["mechanism_strength", "toxicity"]].any(axis=None)
    # Drawn strengths scatter about the truth by 15 % and stop at 1.
    wanted = wells.merge(truth, on=["sirna", "cell_type"])
    rank = wanted["mechanism_strength"].corr(wanted["strength"], method="spearman")
    assert rank > 0.9


def test_wells_lie_on_the_inner_places_of_384(demo):
    _, wells = demo
    assert not wells.duplicated("well_id").any()
    assert wells["well"].str.fullmatch(r"[B-O](0[2-9]|1\d|2[0-3])").all()
    # Uniform columns have mean 10.5 and sd 6.3; 672 wells: standard error .25.
    assert abs(wells["column"].mean() - 10.5) < 1


def traits(mechanism=None):
    strength = np.array([name == mechanism for name in MECHANISMS], float)
    flat = {"state": np.zeros(6), "gain": np.ones(6), "offset": np.ones(6)}
    return Traits(0.0, 0.0, strength, density=1.0, blur_px=0.8, **flat)


def sites(cell_type, state, count=8):
    """[count, 6, 96, 96] float sites, of the same seeds for every state."""
    model = CELL_MODELS[cell_type]
    rngs = map(np.random.default_rng, range(count))
    channels = SCREEN.channels
    return np.stack([draw_site(r, model, state, 96, channels) for r in rngs]) * 1.0


def test_fragments_change_the_mitochondria_and_nothing_else():
    plain, broken = sites("RPE", traits()), sites("RPE", traits("mito_fragments"))
    change = np.abs(broken - plain).mean((0, 2, 3))
    mito = SCREEN.channels.index("mito")
    assert list(np.flatnonzero(change)) == [mito]
    light = broken[:, mito].mean() / plain[:, mito].mean()
    assert light == pytest.approx(1, abs=0.1), "light moves, none is added"


def test_cell_types_differ_in_size_but_hardly_in_light():
    area, light = {}, {}
    for name in CELL_MODELS:
        images = sites(name, traits(), 12)
        light[name] = images.mean((0, 2, 3))
        nuclei = ndimage.gaussian_filter(images[:, 0], (0, 1, 1)) > 8
        area[name] = nuclei.sum() / sum(ndimage.label(one)[1] for one in nuclei)
    assert area["U2OS"] > area["RPE"] > area["HepG2"] and area["HUVEC"] > area["HepG2"]
    mean = np.stack(list(light.values()))
    assert (np.ptp(mean, axis=0) / mean.mean(0)).max() < 0.5


def test_truth_tables_lie_beside_the_images(drawn):
    wells = pd.read_csv(drawn / "truth_wells.csv", keep_default_na=False)
    metadata = read_metadata(SCREEN, str(drawn))
    assert set(wells["well_id"]) == set(metadata["well_id"])
    truth = pd.read_csv(drawn / "truth_sirnas.csv", keep_default_na=False)
    assert set(truth["sirna"]) == set(metadata["sirna"])
    assert set(truth["mechanism"]) <= {*MECHANISMS, ""}
