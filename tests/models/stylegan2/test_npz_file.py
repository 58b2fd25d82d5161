"""Files of networks: every spelling of their names, and what is wrong with them."""

import io
import tracemalloc

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.models.stylegan2 import npz_file, npz_weights

pytestmark = pytest.mark.real_data
BOTH = ("generator", "discriminator")
BUFFERS = ("noise_const", "resample_filter")


@pytest.fixture(scope="module")
def saved(shared):
    with np.load(shared / "reference" / "stylegan2_16px_5ch.npz") as file:
        return {name: file[name] for name in file if name.startswith(BOTH)}


def packed(arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content


def read(arrays, parts=BOTH):
    content = packed(arrays)
    content.seek(0)
    return npz_file.read(content, "f.npz", parts)


def test_shapes_are_those_that_another_implementation_wrote(saved):
    found = read(saved)
    shapes = {
        "generator": npz_weights.generator_shapes(found["generator"].sizes),
        "discriminator": npz_weights.discriminator_shapes(found["discriminator"].sizes),
    }
    for part in BOTH:
        theirs = {
            name.removeprefix(f"{part}/"): array.shape
            for name, array in saved.items()
            if name.startswith(part) and not name.endswith(BUFFERS)
        }
        assert shapes[part] == theirs
    sizes = found["discriminator"].sizes
    assert (sizes.size, sizes.channels, sizes.base, sizes.widest) == (16, 5, 512, 64)


@pytest.mark.parametrize(
    "generator, discriminator",
    [("generator/", "discriminator/"), ("G_ema/", "D/"), ("G/", "D/"), ("", "")],
)
def test_names_have_several_prefixes_or_none(saved, generator, discriminator):
    prefixes = {"generator/": generator, "discriminator/": discriminator}
    renamed = {}
    for name, array in saved.items():
        (old,) = (p for p in prefixes if name.startswith(p))
        renamed[prefixes[old] + name.removeprefix(old)] = array
    if generator == "G_ema/":  # is what is taken, whatever else there is
        renamed["G/synthesis.b4.const"] = np.zeros(1)
    found = read(renamed)
    for part in BOTH:
        theirs = {k: v for k, v in saved.items() if k.startswith(part)}
        assert {f"{part}/{name}" for name in found[part].arrays} == set(theirs)
        for name, array in found[part].arrays.items():
            np.testing.assert_array_equal(array, theirs[f"{part}/{name}"])


def test_a_discriminator_may_be_alone(saved):
    prefix = "discriminator/"
    alone = {
        name.removeprefix(prefix): array
        for name, array in saved.items()
        if name.startswith(prefix)
    }
    assert read(alone, ["discriminator"])["discriminator"].sizes.size == 16
    with pytest.raises(InputError, match="f.npz holds no generator under styleg"):
        read(alone)


def test_widths_are_derived_where_few_or_all_layers_are_widest():
    for size, base, widest in ((64, 2048, 512), (64, 1024, 16), (8, 96, 64)):
        sizes = npz_weights.Architecture(size, 2, base, widest, 8, 3)
        shapes = npz_weights.discriminator_shapes(sizes)
        arrays = {name: np.zeros(shape) for name, shape in shapes.items()}
        found = npz_weights.discriminator_architecture(arrays)
        for r in sizes.resolutions:
            assert found.width(r) == min(base // r, widest)
        assert (found.size, found.channels) == (size, 2)


BLOCK = "generator/synthesis.b8.conv0"
DAMAGES = {  # name, made from the array and all others
    "lacks": (f"{BLOCK}.affine.bias", None, f"f.npz lacks {BLOCK}.affine.bias: export"),
    "nan": (
        f"{BLOCK}.weight",
        lambda x: np.where(x == x.max(), np.nan, x),
        f"{BLOCK}.weight holds values that are not finite",
    ),
    "shape": (
        "discriminator/b4.conv.weight",
        lambda x: x[:, :-1],
        r"b4.conv.weight has the shape \[64, 64, 3, 3\], its neighbours ask for \[6",
    ),
    "number": (
        "discriminator/b4.out.bias",
        lambda x: x.astype(np.int64),
        "holds int64, not numbers",
    ),
    "another filter": (
        "discriminator/b16.skip.resample_filter",
        lambda x: np.outer([1, 2, 2, 1], [1, 2, 2, 1]) / 36,
        r"b16.skip.resample_filter is not the filter \[1, 3, 3, 1\]",
    ),
    "a block is gone": (
        "generator/synthesis.b8.torgb.weight",
        None,
        "f.npz lacks generator/synthesis.b8.torgb.weight",
    ),
    "no image": (
        "discriminator/b16.fromrgb.weight",
        None,
        "cannot be read as a discriminator: the weights hold no b16.fromrgb.weight",
    ),
    "a residual generator": (
        "generator/synthesis.b8.skip.weight",
        lambda x: np.zeros((64, 64, 1, 1)),
        "synthesis.b8.skip.weight is no part of a StyleGAN2 with a skip generator",
    ),
    "half the labels of G": (
        "generator/mapping.embed.weight",
        lambda x: np.zeros((64, 3)),
        "f.npz lacks generator/mapping.embed.bias",
    ),
    "half the labels of D": (
        "discriminator/mapping.fc0.weight",
        lambda x: np.zeros((64, 64)),
        "as a discriminator: the weights hold no mapping.embed.weight of 2 axes",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_named(saved, damage):
    name, change, told = DAMAGES[damage]
    arrays = dict(saved)
    before = arrays.pop(name, None)
    if change:
        arrays[name] = change(before)
    with pytest.raises(InputError, match=told):
        read(arrays)


def test_files_that_are_cut_short_or_none_are_told(saved):
    whole = packed(saved).getvalue()
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    others = (b"\x80\x04K\x01.", b"PK\x03\x04" + b"?" * 50, array.getvalue())
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        others += (whole[:length],)
    for content in others:
        with pytest.raises(InputError, match=r"f.npz is damaged, or no .npz file"):
            npz_file.read(io.BytesIO(content), "f.npz", BOTH)


def test_no_flipped_byte_goes_into_the_networks():
    sizes = npz_weights.Architecture(8, 1, 16, 2, 2, 1)
    rng = np.random.default_rng(0)
    arrays = {
        f"{part}/{name}": rng.normal(size=shape).astype("f4")
        for part, shapes in (
            ("G", npz_weights.generator_shapes(sizes)),
            ("D", npz_weights.discriminator_shapes(sizes)),
        )
        for name, shape in shapes.items()
    }
    whole, told = packed(arrays).getvalue(), 0
    for place in rng.integers(len(whole), size=400):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            found = npz_file.read(io.BytesIO(bytes(damaged)), "f.npz", BOTH)
        except InputError:
            told += 1
            continue
        for part, prefix in (("generator", "G/"), ("discriminator", "D/")):
            for name, array in found[part].arrays.items():
                np.testing.assert_array_equal(array, arrays[prefix + name])
    assert told > 200  # the others were dates and the like


def test_one_array_in_place_of_many_is_not_read(tmp_path):
    np.save(tmp_path / "n.npy", np.zeros(2**23))
    tracemalloc.start()
    with (
        (tmp_path / "n.npy").open("rb") as file,
        pytest.raises(InputError, match="n.npz is damaged, or no .npz file"),
    ):
        npz_file.read(file, "n.npz", ["generator"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23
