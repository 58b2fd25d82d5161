"""Figures show the numbers of the rows that they are drawn from."""

import numpy as np
import pandas as pd
import pytest

import gandl_jax as gj
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.figures import plate

NAMES = ("treatment", "group", "experiment", "set")


def curve(treatment, ec50_um, **changes):
    points = [
        {"concentration_um": d, "response": d / (d + ec50_um)} for d in (0.1, 1.0, 10.0)
    ]
    row = dict.fromkeys(NAMES, "x") | {"treatment": treatment, "points": points}
    row |= {"ec50_um": ec50_um, "ec50_low_um": ec50_um / 2, "ec50_high_um": ec50_um * 2}
    row |= {"status": "fitted", "bottom": 0.0, "top": 1.0, "slope": 1.0}
    row |= {"rescue": 0.9, "side_effect": 0.2, "controls": {}}
    return row | changes


@pytest.fixture
def rows():
    lost = {"ec50_um": None, "status": "no effect", "rescue": 0.1}
    made = [curve("strong", 0.5), curve("weak", 2.0), curve("none", 1.0, **lost)]
    return pd.DataFrame(made)


def drawn(figure):
    """The points of each line of the first panel."""
    return [np.array(line.get_xydata()) for line in figure.axes[0].lines]


def test_a_curve_is_that_of_its_compound(rows):
    wanted = [[d, d / (d + 2)] for d in (0.1, 1.0, 10.0)]
    found = drawn(gj.plot.dose_response(rows, "weak"))
    assert any(x.shape == (3, 2) and np.allclose(x, wanted) for x in found)
    first = drawn(gj.plot.dose_response(rows))  # the most potent one
    wanted = [[d, d / (d + 0.5)] for d in (0.1, 1.0, 10.0)]
    assert any(x.shape == (3, 2) and np.allclose(x, wanted) for x in first)
    with pytest.raises(InputError, match="no curve of 'wek': did you mean 'weak'"):
        gj.plot.dose_response(rows, "wek")
    with pytest.raises(InputError, match="no curve of 'weak', set 'y'"):
        gj.plot.dose_response(rows, "weak", set="y")


def test_compounds_stand_at_side_effect_and_rescue(rows):
    found = np.concatenate(drawn(gj.plot.compounds(rows)))
    for point in ([0.2, 0.9], [0.2, 0.1]):
        assert np.isclose(found, point).all(1).any()
    with pytest.raises(InputError, match="no curve has a rescue"):
        gj.plot.compounds(rows.assign(rescue=np.nan))


def score(name, value, **changes):
    row = {"set": name, "group": "HRCE", "split": "plate", "metric": "recall"}
    row |= {"value": value, "low": value - 0.1, "high": value + 0.1, "chance": 0.5}
    return row | {"arm": name, "question": "q", "lower_is_better": False} | changes


def test_scores_stand_with_their_intervals():
    rows = pd.DataFrame([score("gan@9/b8", 0.75), score("intensity", 0.5)])
    figure = gj.plot.scores(rows, "recall")
    values = {x for line in drawn(figure) for x in line[:, 0].tolist()}
    assert {0.75, 0.5} <= values
    ends = [
        p.vertices[:, 0].tolist()
        for c in figure.axes[0].collections
        for p in c.get_paths()
    ]
    assert any(np.allclose(one, [0.65, 0.85]) for one in ends)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "HRCE\nplate"
    with pytest.raises(InputError, match="no score by 'recal': did you mean 'recall'"):
        gj.plot.scores(rows, "recal")


def test_arms_stand_best_first_and_floors_last():
    rows = [
        score("ae", 0.6, role="trained"),
        score("gan", 0.8, role="trained"),
        score("gan", 0.7, role="untrained"),
        score("plate", 0.9, role="floor"),
    ]
    figure = gj.plot.comparison(pd.DataFrame(rows))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["gan", "ae", "plate"]
    with pytest.raises(InputError, match="there is no question 'r'"):
        gj.plot.comparison(pd.DataFrame(rows), "r")


def test_training_is_drawn_against_the_images_seen(tmp_path):
    workdirs.record(tmp_path, configs.default("autoencoder"), "")
    with pytest.raises(InputError, match="has logged no training: run --job=train"):
        gj.plot.training(tmp_path)
    lines = [
        '{"step": 1, "images": 32, "ae/loss": 0.5}',
        '{"step": 2, "images": 64, "ae/loss": 0.25}',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    (line,) = drawn(gj.plot.training(tmp_path))
    np.testing.assert_array_equal(line, [[32, 0.5], [64, 0.25]])
    with pytest.raises(InputError, match="there is no panel 'Spead'"):
        gj.plot.training(tmp_path, "Spead")


@pytest.fixture
def wells():
    return pd.DataFrame(
        {
            "set": "b8",
            "plate": ["1", "1", "2"],
            "row": [1, 8, 1],
            "column": [1, 12, 1],
            "role": ["response_0", "treated", "treated"],
            "response": [0.0, None, 1.0],
            "umap_1": [0.0, 1.0, 2.0],
            "umap_2": [0.0, 1.0, None],
        }
    )


def test_a_plate_has_its_wells_colours_and_marks(wells):
    figure = gj.plot.plate(wells)
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert image.shape == (8, 12, 4)
    for place, colour in {(0, 0): plate.colour(0.0), (7, 11): plate.UNKNOWN}.items():
        rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        np.testing.assert_allclose(image[place][:3], rgb, atol=1e-6)
    assert (image[1, 1] == 1).all()
    assert any(np.allclose(line, [[1, 1]]) for line in drawn(figure))
    with pytest.raises(InputError, match="there is no plate '3'"):
        gj.plot.plate(wells, "3")
    with pytest.raises(InputError, match="no places on plates"):
        gj.plot.plate(wells.drop(columns="row"))


def test_wells_stand_at_their_places_on_a_map(wells):
    found = sorted(map(tuple, np.concatenate(drawn(gj.plot.well_map(wells))).tolist()))
    assert found == [(0.0, 0.0), (1.0, 1.0)]
    with pytest.raises(InputError, match="there is no map 'tsne': name umap or pca"):
        gj.plot.well_map(wells, "tsne")
