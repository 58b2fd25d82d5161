"""Writes .pth files opcode by opcode, as torch writes them; torch is not needed."""

import io
import zipfile

STORAGES = {"<f4": "Float", "<f8": "Double", "<f2": "Half", "<i8": "Long"}
MAGIC = 0x1950A86A20F9469CFC6C


def text(word):
    return b"X" + len(word.encode()).to_bytes(4, "little") + word.encode()


def number(value):
    return b"J" + value.to_bytes(4, "little", signed=True)


def tuple_of(*parts):
    return b"(" + b"".join(parts) + b"t"


def imported(module, name):
    return f"c{module}\n{name}\n".encode()


def pickled(body):
    return b"\x80\x02" + body + b"."


EMPTY = imported("collections", "OrderedDict") + b")R"


def storage(key, kind, count, *, legacy):
    view = [b"N"] if legacy else []
    words = text("storage"), imported("torch", f"{kind}Storage"), text(key)
    return tuple_of(*words, text("cpu"), number(count), *view) + b"Q"


def tensor(stored, shape, strides, offset=0):
    numbers = (tuple_of(*map(number, n)) for n in (shape, strides))
    arguments = tuple_of(stored, number(offset), *numbers, b"\x89", EMPTY)
    return imported("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def of_array(array, key, *, legacy):
    kind = STORAGES[array.dtype.str]
    strides = [n // array.itemsize for n in array.strides]
    return tensor(storage(key, kind, array.size, legacy=legacy), array.shape, strides)


def state_dict(arrays, *, legacy):
    pairs = (
        text(name) + of_array(array, str(i), legacy=legacy)
        for i, (name, array) in enumerate(arrays.items())
    )
    return EMPTY + b"(" + b"".join(pairs) + b"u"


def zip_file(arrays, body=None):
    """The form of torch 1.6 and later."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        body = body or state_dict(arrays, legacy=False)
        archive.writestr("archive/data.pkl", pickled(body))
        archive.writestr("archive/byteorder", "little")
        for i, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{i}", array.tobytes())
    return file.getvalue()


def legacy_file(arrays, body=None):
    """The form before torch 1.6."""
    keys = b"](" + b"".join(text(str(i)) for i in range(len(arrays))) + b"e"
    facts = b"}(" + text("little_endian") + b"\x88u"
    magic = MAGIC.to_bytes(10, "little")
    parts = [
        b"\x8a\x0a" + magic,
        b"M" + (1001).to_bytes(2, "little"),
        facts,
        body or state_dict(arrays, legacy=True),
        keys,
    ]
    data = (
        array.size.to_bytes(8, "little") + array.tobytes() for array in arrays.values()
    )
    return b"".join(map(pickled, parts)) + b"".join(data)
