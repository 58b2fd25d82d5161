"""Large arrays apart from the rest of a value."""

import numpy as np

from gandl_jax import packing

LARGE = np.arange(packing.LARGE, dtype=np.float32)


def test_a_value_comes_back_and_large_arrays_are_taken_out_once():
    by_columns = np.asfortranarray(LARGE.reshape(2, -1))
    value = {"a": LARGE, "b": (LARGE.copy(), LARGE[:3]), "c": by_columns, "d": "words"}
    packed = packing.pack(value)
    assert len(packed.arrays) == 2 and len(packed.text) < 1_000
    found = packing.unpack(packed.text, packed.arrays)
    np.testing.assert_equal(found, value)
    assert found["c"].flags.f_contiguous and found["d"] == "words"


def test_names_of_records_stay_with_the_rest():
    names = np.full(packing.LARGE, "plate", object)
    packed = packing.pack(names)
    assert not packed.arrays
    np.testing.assert_array_equal(packing.unpack(packed.text, {}), names)


def test_a_digest_is_of_values_shape_kind_and_order():
    square = np.arange(4.0).reshape(2, 2)
    others = (square + 1, square.ravel(), square.astype(int), np.asfortranarray(square))
    digests = {packing.digest(one) for one in (square, *others)}
    assert len(digests) == 5
    assert packing.digest(square.copy()) in digests
    assert packing.digest(np.arange(8.0)[::2]) == packing.digest(2 * np.arange(4.0))
