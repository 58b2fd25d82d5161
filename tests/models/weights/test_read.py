"""Files of weights of every form: read exactly, or refused without being executed."""

import io
import os
import pickle

import h5py
import numpy as np
import pytest
import torch_writer

from gandl_jax.errors import InputError
from gandl_jax.models.weights import read, torch_pickle

FORMS = {"zip": torch_writer.zip_file, "legacy": torch_writer.legacy_file}


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return {
        "conv.weight": rng.normal(size=(4, 3, 3, 3)).astype("<f4"),
        "half": rng.normal(size=(5,)).astype("<f2"),
        "double": rng.normal(size=(2, 3)),
        "bn.num_batches_tracked": np.array(7, "<i8"),
    }


def found(data, name="net.pth"):
    return {k: v.read() for k, v in read.arrays(io.BytesIO(data), name).items()}


@pytest.mark.parametrize("form", FORMS)
def test_a_pth_file_is_read_exactly(arrays, form):
    told = found(FORMS[form](arrays))
    assert list(told) == list(arrays)
    for name, array in arrays.items():
        assert told[name].dtype == array.dtype
        np.testing.assert_array_equal(told[name], array)


def test_a_checkpoint_s_state_dict_is_found(arrays):
    inside = torch_writer.state_dict(arrays, legacy=False)
    words = torch_writer.text
    body = b"}(" + words("epoch") + b"K\x05" + words("state_dict") + inside + b"u"
    assert list(found(torch_writer.zip_file(arrays, body))) == list(arrays)


def test_views_of_a_storage_are_read():
    numbers = np.arange(12, dtype="<f4")
    stored = torch_writer.storage("0", "Float", 12, legacy=False)
    view = torch_writer.tensor(stored, (2, 3), (1, 4), 1)
    body = torch_writer.EMPTY + b"(" + torch_writer.text("w") + view + b"u"
    told = found(torch_writer.zip_file({"w": numbers}, body))
    np.testing.assert_array_equal(told["w"], [[1, 5, 9], [2, 6, 10]])


def test_brain_floats_are_the_upper_half_of_others():
    numbers = np.array([1.5, -2.0, 0.15625], np.float32)
    halves = (numbers.view(np.uint32) >> 16).astype("<u2")
    stored = torch_writer.storage("0", "BFloat16", 3, legacy=False)
    view = torch_writer.tensor(stored, (3,), (1,))
    body = torch_writer.EMPTY + b"(" + torch_writer.text("w") + view + b"u"
    told = found(torch_writer.zip_file({"w": halves}, body))
    np.testing.assert_array_equal(told["w"], numbers)


class Harmful:
    """Runs a command when it is unpickled."""

    def __init__(self, call, *arguments):
        self._reduced = call, arguments

    def __reduce__(self):
        return self._reduced


def harmful(marker):
    command = f"touch {marker}"
    return {
        "posix.system": pickle.dumps(Harmful(os.system, command), 2),
        "posix.system ": pickle.dumps({"w": [Harmful(os.system, command)]}, 4),
        "builtins.eval": pickle.dumps(
            {"state_dict": Harmful(eval, f"open({str(marker)!r}, 'w')")}, 4
        ),
        "builtins.getattr": b"\x80\x02cbuiltins\ngetattr\nctorch\nFloatStorage\n.",
        "torch.load": b"\x80\x02ctorch\nload\n(X\x01\x00\x00\x00atR.",
        "torch.FloatStorage": b"\x80\x02ctorch\nFloatStorage\n(X\x01\x00\x00\x00atR.",
        "collections.OrderedDict.clear": (
            b"\x80\x04\x8c\x0bcollections\x8c\x11OrderedDict.clear\x93)R."
        ),
        "the pickle opcode INST": b"(X\x01\x00\x00\x00aiposix\nsystem\n.",
        "the pickle opcode EXT1": b"\x80\x02\x82\x01.",
        "the pickle opcode NEWOBJ": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    }


@pytest.mark.parametrize("case", harmful("x"))
@pytest.mark.parametrize("form", ["zip", "first", "nested"])
def test_a_pickle_that_would_do_something_is_refused_by_name(case, form, tmp_path):
    marker = tmp_path / "executed"
    data = harmful(marker)[case]
    if form == "zip":
        body = data.removeprefix(b"\x80\x02")[:-1]
        data = torch_writer.zip_file({}, body)
    elif form == "nested":
        body = data.removeprefix(b"\x80\x02")[:-1]
        data = torch_writer.legacy_file({}, body)
    with pytest.raises(InputError) as refused:
        found(data if data.startswith((b"PK", b"\x80")) else b"\x80\x02" + data)
    assert case.strip() in str(refused.value)
    assert "nothing of it was executed" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not marker.exists()


TENSORS = {
    "beyond its storage": ((3,), (1,), 2),
    "larger than its storage": ((100,), (0,), 0),
    "with an axis below 0": ((-1,), (1,), 0),
    "with a stride below 0": ((2,), (-1,), 2),
    "with too many axes": ((1,) * 40, (1,) * 40, 0),
}


@pytest.mark.parametrize("case", TENSORS)
def test_tensors_that_lie_elsewhere_are_refused(case):
    stored = torch_writer.storage("0", "Float", 4, legacy=False)
    view = torch_writer.tensor(stored, *TENSORS[case])
    body = torch_writer.EMPTY + b"(" + torch_writer.text("w") + view + b"u"
    with pytest.raises(InputError, match="damaged"):
        found(torch_writer.zip_file({"w": np.zeros(4, "<f4")}, body))


def test_a_storage_of_another_size_than_its_file_is_refused():
    stored = torch_writer.storage("0", "Float", 2**30, legacy=False)
    view = torch_writer.tensor(stored, (2**30,), (1,))
    body = torch_writer.EMPTY + b"(" + torch_writer.text("w") + view + b"u"
    whole = torch_writer.zip_file({"w": np.zeros(4, "<f4")}, body)
    with pytest.raises(ValueError, match="another size"):
        read.arrays(io.BytesIO(whole), "net.pth")["w"].read()


def test_lengths_and_depths_that_would_fill_the_memory_are_refused():
    long = b"X" + (2**32 - 1).to_bytes(4, "little") + b"abc."
    memo = b"N" + b"r" + (2**32 - 1).to_bytes(4, "little") + b"."
    doubled = b"N" + b"\x85" + b"2" * 3 + b"."
    for body in (long, doubled):
        with pytest.raises((InputError, ValueError)):
            torch_pickle.read(io.BytesIO(b"\x80\x02" + body), "net.pth")
    assert torch_pickle.read(io.BytesIO(b"\x80\x02" + memo), "net.pth") is None
    # Nested in itself 60 times: to hash or to write it out would take for ever.
    nested = b"K\x01q\x00" + b"h\x00h\x00\x86q\x00" * 60
    for body in (b"}" + nested + b"Ns.", nested + b"h\x00\x93.", nested + b"Q."):
        with pytest.raises((InputError, ValueError, AttributeError)):
            torch_pickle.read(io.BytesIO(b"\x80\x04" + body), "net.pth")


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file_is_refused_wherever_it_ends(arrays, form):
    whole = FORMS[form](arrays)
    for end in range(0, len(whole) - 1, 37):
        with pytest.raises(InputError) as refused:
            found(whole[:end])
        assert "\n" not in str(refused.value)


def test_safetensors_are_read_and_damaged_ones_refused(arrays):
    library = pytest.importorskip("safetensors.numpy")
    whole = library.save(dict(arrays))
    for name, array in found(whole, "net.safetensors").items():
        np.testing.assert_array_equal(array, arrays[name])
    for end in (0, 4, 8, 50, len(whole) - 1):
        with pytest.raises(InputError, match="damaged"):
            found(whole[:end], "net.safetensors")
    with pytest.raises(InputError, match="damaged"):
        found((2**62).to_bytes(8, "little") + b"{}", "net.safetensors")


def keras_file(write):
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        write(opened)
    return file.getvalue()


def test_h5_files_of_keras_2_are_read_at_any_depth():
    kernel = np.arange(6.0).reshape(2, 3)

    def write(file):
        file.attrs["layer_names"] = ["dense"]
        file["dense/dense/inner/kernel:0"] = kernel

    np.testing.assert_array_equal(found(keras_file(write))["dense/kernel"], kernel)


def external(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["kernel"] = np.zeros(3)
    file["dense/kernel"] = h5py.ExternalLink(str(folder / "other.h5"), "kernel")


def virtual(file, folder):
    external(h5py.File(folder / "link.h5", "w"), folder)
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "kernel", (3,))
    file.create_group("dense").create_virtual_dataset("kernel", layout)


def stored_outside(file, folder):
    (folder / "secret").write_bytes(bytes(24))
    file.create_dataset(
        "dense/kernel", (3,), "f8", external=[(str(folder / "secret"), 0, 24)]
    )


def soft(file, folder):
    file["dense/kernel"] = h5py.SoftLink("/dense")


def huge(file, folder):
    file.create_dataset("dense/kernel", (2**34,), "f4", chunks=(2**20,))


def words(file, folder):
    file["dense/kernel"] = np.array([b"a"])


ELSEWHERE = (external, virtual, stored_outside, soft, huge, words)


@pytest.mark.parametrize("write", ELSEWHERE)
def test_h5_files_that_reach_elsewhere_are_refused(write, tmp_path):
    data = keras_file(lambda file: write(file, tmp_path))
    with pytest.raises(InputError, match="damaged"):
        found(data, "net.h5")


def test_other_files_are_refused_by_name():
    for data in (b"", b"hello, I am text", b"\x89PNG\r\n\x1a\n", b"PK\3\4", b"\x89HDF"):
        with pytest.raises(InputError, match="net.pth is damaged, or is not a .safet"):
            found(data)
