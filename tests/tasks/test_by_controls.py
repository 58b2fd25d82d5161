"""Features by the controls of each plate, or by all where there are none."""

import numpy as np
import pandas as pd

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import by_controls


def example():
    rng = np.random.default_rng(0)
    plates = np.repeat(["1", "2"], 20)
    features = rng.normal(size=(40, 3)) + 5.0 * (plates == "2")[:, None]
    metadata = pd.DataFrame({"Metadata_Plate": plates})
    return FeatureSet("s", metadata, features.astype(np.float32)), plates


def test_each_plate_by_its_controls():
    one, plates = example()
    controls = np.flatnonzero(np.arange(40) % 2 == 0)
    by = by_controls.reference(controls, np.arange(40))
    found = by_controls.normalized(one, np.arange(40), by, "standard")
    for plate in ("1", "2"):
        own = found[controls[plates[controls] == plate]]
        np.testing.assert_allclose(own.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(own.std(0), 1, rtol=1e-4)
    assert (by.describe("standard"), by.describe("none")) == ("standard", "none")


def test_without_controls_all_plates_are_as_one():
    one, plates = example()
    by = by_controls.reference(np.array([], int), np.arange(40))
    found = by_controls.normalized(one, np.arange(40), by, "standard")
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    assert (found[plates == "2"].mean(0) > found[plates == "1"].mean(0) + 1).all()
    assert by.describe("standard") == "standard, all plates together"
    assert by.describe("none") == "none"
