"""Treatments that alter every channel by known amounts: form, truth, levels."""

import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import config_files
from gandl_jax.errors import InputError
from gandl_jax.raw.screen import read_metadata, table
from gandl_jax.screens import simulated_channels
from gandl_jax.screens.simulated_channels import AMOUNTS, CHANGES, SCREEN
from gandl_jax.simulated import drawing

SMALL = configs.default().simulate.to_dict() | {
    "seed": 3,
    "experiments_per_cell_model": 3,
    "plates_per_experiment": 1,
    "sites_per_well": 1,
    "size_px": 40,
    "sirnas": 2,
    "replicates": 3,
    "negative_wells": 4,
    "workers": 2,
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    simulated_channels.generate(str(folder), SMALL)
    return folder


def files(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_form_is_that_of_rxrx1(drawn):
    records = table(SCREEN, read_metadata(SCREEN, str(drawn)))
    assert len(records) == 3 * (2 * 3 + 4)
    assert records["Metadata_Role"].value_counts().to_dict() == {
        "treated": 3 * 2 * 3,
        "response_0": 3 * 4,
    }
    assert set(records["Metadata_Treatment"]) == {"siRNA-0001", "siRNA-0002", "EMPTY"}
    sides = records.groupby("Metadata_Experiment")["Metadata_Split"].unique()
    assert [side.tolist() for side in sides] == [["train"], ["train"], ["test"]]
    assert len(list((drawn / "images").rglob("*.png"))) == len(records) * 6
    assert list(CHANGES) == list(SCREEN.channels)


def test_truth_names_a_distinct_amount_of_every_channel(drawn):
    truth = pd.read_csv(drawn / "truth_channels.csv")
    assert list(truth) == ["treatment", "channel", "truth"]
    for _, one in truth.groupby("treatment"):
        assert sorted(one["truth"]) == sorted(AMOUNTS)
        assert list(one["channel"]) == list(SCREEN.channels)
    many = simulated_channels.channels(SMALL | {"sirnas": 18})
    strongest = many[many["truth"] == 1]["channel"].value_counts()
    assert strongest.to_dict() == dict.fromkeys(SCREEN.channels, 3)
    spread = many.groupby("channel")["truth"].nunique()
    assert (spread >= 4).all(), "no channel is always weak or always strong"


def test_sites_are_altered_as_the_truth_says(drawn, monkeypatch, tmp_path):
    wanted = []
    monkeypatch.setattr(drawing, "draw_all", lambda sites, *rest: wanted.extend(sites))
    simulated_channels.generate(str(tmp_path), SMALL)
    truth = pd.read_csv(drawn / "truth_channels.csv").set_index("treatment")
    wells = pd.read_csv(drawn / "truth_wells.csv")
    assert len(wanted) == len(wells)
    for site, sirna in zip(wanted, wells["sirna"], strict=True):
        strengths = dict(
            zip(simulated_channels.MECHANISMS, site.traits.mechanism, strict=True)
        )
        assert strengths.pop("spindle_cells") == 0
        if sirna == "EMPTY":
            assert not any(strengths.values())
            continue
        for channel, amount in truth.loc[sirna].itertuples(index=False):
            mechanism, whole, power = CHANGES[channel]
            assert strengths[mechanism] == pytest.approx(whole * amount**power)


def test_bytes_do_not_depend_on_the_number_of_workers(drawn, tmp_path):
    simulated_channels.generate(str(tmp_path), SMALL | {"workers": 1})
    assert files(tmp_path) == files(drawn)


def test_a_killed_drawing_leaves_nothing_finished_and_goes_on(
    drawn, tmp_path, monkeypatch
):
    def die(sites, workers, draw_one):
        for site in sites[:3]:
            draw_one(site)
        raise KeyboardInterrupt

    for folder in (drawn / "images").glob("*/*"):
        (tmp_path / folder.relative_to(drawn)).mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(drawing, "draw_all", die)
        with pytest.raises(KeyboardInterrupt):
            simulated_channels.generate(str(tmp_path), SMALL)
    assert not (tmp_path / "metadata.csv").exists()
    first = {p: p.stat().st_mtime_ns for p in (tmp_path / "images").rglob("*.png")}
    assert len(first) == 18
    simulated_channels.generate(str(tmp_path), SMALL)
    assert files(tmp_path) == files(drawn)
    assert {p: p.stat().st_mtime_ns for p in first} == first


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sirnas": 0}, "sirnas is 0.*least 1"),
        ({"experiments_per_cell_model": 1}, "experiments_per_cell_model is 1"),
        ({"negative_wells": 400}, "406 wells on a plate, which has 308"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(
    tmp_path, change, message
):
    with pytest.raises(InputError, match=message):
        simulated_channels.generate(str(tmp_path / "new"), SMALL | change)
    assert not (tmp_path / "new").exists()


def test_no_other_screen_is_mixed_in(drawn):
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    simulated_channels.generate(str(drawn), SMALL)
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before
    with pytest.raises(InputError, match="other options .*replicates"):
        simulated_channels.generate(str(drawn), SMALL | {"replicates": 2})


def test_its_config_asks_of_all_treatments_or_of_one(request):
    file = request.config.rootpath.parent / "configs/simulated_channels.py"
    every = config_files.load(f"{file}:method=classifier")
    assert every.data.label == "Treatment" and every.data.label_values == ()
    one = config_files.load(f"{file}:method=classifier,treatment=siRNA-0007")
    assert one.data.label_values == ("EMPTY", "siRNA-0007")
    assert one.train.hold_out == every.train.hold_out == "given"
    assert one.data.dir == every.data.dir
    drawn = simulated_channels.channels(one.simulate)
    assert drawn["treatment"].nunique() == 12
