"""Rows of planted images: equal ones are at the floor, one bad channel is named."""

import numpy as np
import pytest

from gandl_jax.training.generated_quality import judged
from gandl_jax.training.generated_quality.measured import ALL
from gandl_jax.training.generated_quality.real import Part, Real
from gandl_jax.training.generated_quality.standardised import scale_of


def features(seed, shift=0.0):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(5, 3, (300, 4)), rng.normal(shift, 1, (300, 4))
    return {"space": {ALL: np.concatenate([first, second], 1), 0: first, 1: second}}


@pytest.fixture
def real():
    scales = {k: scale_of(x) for k, x in features(0)["space"].items()}
    compared, floor = (Part(np.arange(300) // 2, {}, features(s)) for s in (1, 2))
    return Real(compared, floor, {"space": scales})


def by_channel(real, generated):
    rows = judged.rows(real, generated, ("DNA", "actin"))
    return {row["channel"]: row for row in rows}


def test_images_of_the_same_kind_are_at_the_floor(real):
    for row in by_channel(real, features(3)).values():
        for kind in ("", "floor_"):
            low, high = (row[f"{kind}kernel_distance_{end}"] for end in ("low", "high"))
            assert low < 0 < high
            assert row[f"{kind}precision"] > 0.75 and row[f"{kind}recall"] > 0.75
        assert row["count"] == 300 and row["records"] == 150


def test_a_channel_that_is_off_is_named(real):
    rows = by_channel(real, features(3, shift=2.0))
    assert rows["DNA"]["kernel_distance_low"] < 0
    assert rows["actin"]["kernel_distance_low"] > 0
    assert rows[""]["kernel_distance_low"] > 0
    off = rows["actin"]["frechet_distance"]
    # 4 columns by 2 deviations each.
    assert off == pytest.approx(16, rel=0.15) and rows["DNA"]["frechet_distance"] < 1
    assert rows["actin"]["precision"] < 0.5


def test_a_space_without_any_difference_has_no_numbers(real):
    flat = {"space": {ALL: np.ones((300, 3))}}
    same = Part(np.arange(300), {}, flat)
    scales = {"space": {ALL: scale_of(flat["space"][ALL])}}
    (row,) = judged.rows(Real(same, same, scales), flat, ("DNA",))
    assert row["width"] == 0 and row["kernel_distance"] is None
