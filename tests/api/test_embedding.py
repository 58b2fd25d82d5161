"""Images in memory are embedded as --job=embed embeds the same images."""

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import gandl_jax as gj
from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.profiles import store
from gandl_jax.screens.simulated import SCREEN

ROWS = [0, 1, 50, 107]
ROOT = pathlib.Path(gj.__file__).parents[1]
# What pip installs with jax, flax and numpy; of that Orbax is not needed.
WITH_FLAX = (
    "absl etils flax fsspec importlib_resources jax jaxlib markdown_it mdurl ml_dtypes "
    "msgpack numpy opt_einsum optax pygments rich scipy treescope typing_extensions "
    "yaml zipp"
).split()
BARE = """
import importlib.abc, json, sys
blocked, before = set(json.loads(sys.argv[1])), set(sys.modules)
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
import numpy as np
import gandl_jax as gj
given = np.load(sys.argv[2])
for path in sys.argv[3:]:
    found = gj.embed(given["images"], path)
    np.savez(path + ".npz", **found)
imported = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not blocked & imported
"""


def written(workdir, encoder, rows):
    """The rows of --job=embed, as a table of all sets."""
    sets = store.read(workdir / "profiles/simulated" / encoder)
    columns = {
        f"{name}__{i}": one.features[rows, i]
        for name, one in sets.items()
        for i in range(one.features.shape[1])
    }
    return pd.DataFrame(columns)


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_rows_are_those_of_the_job(trained, raw_images):
    wanted = written(trained, "gan@1", ROWS)
    assert_same(gj.embed(raw_images(ROWS), trained), wanted)
    one = gj.embed(raw_images(ROWS), trained, sets=["first_dense"])
    assert_same(one, wanted.filter(regex="^first_dense__"))
    first = gj.open_encoder(trained, step="first")
    assert first.name == "gan@0" and first.bit_depth == 8
    assert_same(gj.embed(raw_images(ROWS), first), written(trained, "gan@0", ROWS))


def test_channels_are_found_by_name(trained, raw_images):
    images, names = raw_images(ROWS), list(SCREEN.channels)
    other = np.concatenate([images[..., ::-1], images[..., :1]], -1)
    found = gj.embed(other, trained, channels=[*names[::-1], "empty"])
    pd.testing.assert_frame_equal(found, gj.embed(images, trained))
    with pytest.raises(InputError, match="takes .*, and the images have no 'golgi'"):
        gj.embed(images, trained, channels=[*names[:-1], "gold"])


SETTINGS = {
    "small_gan": ("--config.embed.orientations=8", "--config.data.downscale=2"),
    "autoencoder": (
        "--config.data.pad_px=3",
        "--config.data.scaling=plate",
        "--config.data.illumination=plate",
        "--config.model.input_px=16",
    ),
    "deemd": ("--config.model.tile_px=4",),
}


@pytest.fixture(scope="module", params=SETTINGS)
def untrained(request, run, smoke_screen, trained, tmp_path_factory):
    """A workdir of an untrained network of another method, embedded; its method."""
    method, folder = request.param, tmp_path_factory.mktemp(request.param)
    options = [*SETTINGS[method], "--config.train.total_images=0"]
    if "--config.data.downscale=2" in options:
        options.append(f"--config.data.dir={folder}/prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "FEWEST_RECORDS", 1)
        jobs = "--job=prepare,train,embed,export_encoder"
        assert run(folder, jobs, *options, method=method) == 0
    return folder, method


def test_rows_of_any_method_however_images_come_to_it(
    untrained, raw_images, smoke_screen, monkeypatch
):
    folder, method = untrained
    monkeypatch.setattr(prepared, "FEWEST_RECORDS", 1)
    wanted = written(folder, f"{method}@0", ROWS)
    table = prepared.open_prepared(str(smoke_screen.prepared)).table
    options = {}
    if method == "autoencoder":
        options["plates"] = prepared.plates(table)[ROWS].tolist()
        with pytest.raises(InputError, match="name the plate of each"):
            gj.embed(raw_images(ROWS), folder)
        with pytest.raises(InputError, match="illumination of images of 48x48 px"):
            gj.embed(raw_images(ROWS)[:, 1:], folder, **options)
    images = raw_images(ROWS)
    assert_same(gj.embed(images, folder, **options), wanted)
    path = folder / f"exports/simulated/{method}@0.safetensors"
    assert_same(gj.embed(images, path, **options), wanted)


def test_a_file_embeds_where_jax_flax_and_numpy_are_all_there_is(
    run, trained, raw_images, tmp_path
):
    shutil.copytree(trained, tmp_path / "run")
    steps = "--config.train.total_images=32"
    assert run(tmp_path / "run", "--job=export_encoder", steps) == 0
    path = tmp_path / "run/exports/simulated/gan@1.safetensors"
    np.savez(tmp_path / "given.npz", images=raw_images(ROWS))
    blocked = set(importlib.metadata.packages_distributions()) - {*WITH_FLAX}
    words = [json.dumps(sorted(blocked - {"gandl_jax"})), tmp_path / "given.npz", path]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with np.load(f"{path}.npz") as found:
        assert_same(pd.DataFrame(dict(found)), written(trained, "gan@1", ROWS))


def test_what_cannot_be_opened_is_told(trained, tmp_path, raw_images):
    for place, told in {
        tmp_path / "none": "no workdir .*none: name one, or a file that --job=export",
        tmp_path / "none.safetensors": "no file .*none.safetensors: --job=export_enc",
        tmp_path: "no experiment's workdir",
    }.items():
        with pytest.raises(InputError, match=told):
            gj.open_encoder(place)
    with pytest.raises(InputError, match="no checkpoint '7'"):
        gj.open_encoder(trained, step=7)
    with pytest.raises(InputError, match="gan@1 has no set 'b9'"):
        gj.embed(raw_images([0]), trained, sets=["b9"])
