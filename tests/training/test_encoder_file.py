"""An encoder's file: whole, small, and refused where it is not what it should be."""

import dataclasses
import io
import json

import numpy as np
import pytest

from gandl_jax import tensor_file
from gandl_jax.errors import InputError
from gandl_jax.training import encoder_file, workdir_encoder

IMAGES = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 5)).astype(np.uint8)


@pytest.fixture(scope="module")
def encoder(trained):
    return workdir_encoder.open_workdir(trained)


@pytest.fixture(scope="module")
def path(encoder, tmp_path_factory):
    made = tmp_path_factory.mktemp("file") / "gan.safetensors"
    encoder_file.write(made, encoder)
    return made


def test_what_is_read_is_what_was_written(encoder, path):
    found = encoder_file.read(str(path))
    for field in ("name", "bit_depth", "plates", "channels", "source", "widths"):
        mine, theirs = getattr(encoder, field), getattr(found, field)
        assert (mine() if callable(mine) else mine) == (
            theirs() if callable(theirs) else theirs
        )
    assert found.provenance["experiment"] == "demo-smoke"
    assert found.provenance["weights_sha256"] == encoder.provenance["weights_sha256"]
    wanted = encoder.embed(IMAGES)
    for name, x in found.embed(IMAGES).items():
        np.testing.assert_array_equal(x, wanted[name])


def test_it_holds_what_embedding_needs_and_no_more(path):
    data = path.read_bytes()
    groups = {tuple(name.split("/")[:2]) for name in tensor_file.read(io.BytesIO(data))}
    assert groups == {("weights", "average"), ("levels", "ranges")}
    about = json.loads(tensor_file.texts(io.BytesIO(data))["about"])
    assert not any("dir" in key for key in about["settings"])


def rewritten(path, target, **changes):
    file = io.BytesIO(path.read_bytes())
    out = io.BytesIO()
    tensor_file.write(out, tensor_file.read(file), tensor_file.texts(file) | changes)
    target.write_bytes(out.getvalue())
    return str(target)


def test_a_later_versions_file_is_refused(path, tmp_path):
    changes = {"gandl_jax_encoder": "2", "gandl_jax_version": "9.1"}
    later = rewritten(path, tmp_path / "a.safetensors", **changes)
    with pytest.raises(InputError, match="written by gandl_jax 9.1, whose .* later"):
        encoder_file.read(later)


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"model.novel": 3}, "sets model.novel, which this version does not know"),
        ({"model.channel_max": 4}, "weights that this version's network is not made"),
        ({"data.crop_px": "8"}, "weights that this version's network is not made"),
    ],
)
def test_what_this_version_makes_no_network_of_is_refused(
    encoder, changes, told, tmp_path
):
    made = dataclasses.replace(encoder, settings={**encoder.settings, **changes})
    vars(made).update(config=encoder.config, method=encoder.method)  # to write it
    encoder_file.write(tmp_path / "a.safetensors", made)
    with pytest.raises(InputError, match=told) as refused:
        encoder_file.read(str(tmp_path / "a.safetensors"))
    assert "\n" not in str(refused.value)


def test_other_files_are_refused(path, tmp_path):
    other = tmp_path / "other.safetensors"
    tensor_file.write(file := io.BytesIO(), {"w": np.zeros(3, np.float32)}, {})
    other.write_bytes(file.getvalue())
    with pytest.raises(InputError, match="holds no encoder of gandl_jax: --job=export"):
        encoder_file.read(str(other))
    for data in (b"", b"text", path.read_bytes()[:-3]):
        other.write_bytes(data)
        with pytest.raises(InputError, match="is damaged"):
            encoder_file.read(str(other))
    told = rewritten(path, other, about='{"name": "gan@1"}')
    with pytest.raises(InputError, match="damaged .it is not as it was written"):
        encoder_file.read(told)


def test_no_flipped_bit_is_read(path, tmp_path, flipped):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(path.read_bytes())
    for _ in flipped(copy, 40):
        with pytest.raises(InputError) as refused:
            encoder_file.read(str(copy))
        assert "\n" not in str(refused.value)
