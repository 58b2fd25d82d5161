"""Files of arrays: as the format's own library writes and reads them."""

import io
import json

import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import tensor_file

TYPES = "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 ?".split()


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    made = {f"of/{t}": rng.integers(0, 2, (3, 2)).astype(t) for t in TYPES}
    made["brain"] = rng.normal(size=5).astype(jnp.bfloat16)
    made["scalar"] = np.array(0.5, np.float32)
    return made | {"none": np.zeros((0, 3), np.float32)}


def written(arrays, **texts):
    file = io.BytesIO()
    tensor_file.write(file, arrays, texts)
    return file


def test_the_formats_library_reads_what_is_written(arrays, tmp_path):
    library = pytest.importorskip("safetensors")
    path = tmp_path / "a.safetensors"
    path.write_bytes(written(arrays, said="\N{GREEK SMALL LETTER ALPHA}").getvalue())
    with library.safe_open(path, "np") as file:
        assert file.metadata() == {"said": "\N{GREEK SMALL LETTER ALPHA}"}
        for name in set(arrays) - {"brain"}:
            found = file.get_tensor(name)
            assert found.dtype == arrays[name].dtype
            np.testing.assert_array_equal(found, arrays[name])


def test_what_the_formats_library_writes_is_read(arrays):
    library = pytest.importorskip("safetensors.numpy")
    file = io.BytesIO(library.save(dict(arrays), {"said": "a"}))
    assert tensor_file.texts(file) == {"said": "a"}
    found = tensor_file.read(file)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def crafted(header, data=b"12345678"):
    packed = json.dumps(header).encode()
    return io.BytesIO(len(packed).to_bytes(8, "little") + packed + data)


def told(**changes):
    one = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    return {"w": one | changes}


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"w": 1},
        told(dtype="F31"),
        told(shape=[3]),
        told(shape=[-2]),
        told(shape=[2**62]),
        told(data_offsets=[8, 16]),
        told(data_offsets=[-8, 0]),
        told(data_offsets=[0]),
    ],
)
def test_arrays_that_lie_elsewhere_are_refused(header):
    assert tensor_file.read(crafted(told()))["w"].shape == (2,)
    with pytest.raises((ValueError, KeyError, TypeError)):
        tensor_file.read(crafted(header))


def test_texts_that_are_none_are_refused():
    for texts in ({"a": 1}, ["a"]):
        with pytest.raises(ValueError, match="texts"):
            tensor_file.texts(crafted({tensor_file.TEXTS: texts}))
