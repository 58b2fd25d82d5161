"""A method with a published network, run whole: it starts from a file of weights.

Method and network, a very small DenseNet, are written out here, into a copy of the
package.
"""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch_writer

from gandl_jax import checkpoint
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.densenet import DenseNet
from gandl_jax.models.weights import torchvision

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
OPTIONS = """
from gandl_jax.methods import backbone_options

OPTIONS = {
    "learning_rate": 1e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "average_halflife_images": 10_000,
    "average_rampup_frac": 0.05,
}
MODEL = dict(backbone_options.MODEL)
FEATURES = "pooled"
LABELS = "none"
ARCHITECTURE = ("model.backbone", "model.dtype")
FREE, RECIPES = (), {}


def small(config):
    pass


def smoke(config):
    config.model.backbone = "tiny"


check = backbone_options.check
"""
BACKBONE = """
from gandl_jax.models.backbones.preprocessing import IMAGENET
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.densenet import DenseNet

WIDTH = 8
LEAST_PX = 8
STAGES = ("stem", "block1", "block2")


def network(**options):
    return DenseNet(8, 3, (1, 1), TORCH, IMAGENET, **options)
"""
METHOD = """
import jax
import jax.numpy as jnp

from gandl_jax.methods import backbone, one_network
from gandl_jax.methods.phase import Phase


class Method:
    unit = 1

    def __init__(self, config, source):
        self.config, self.channels = config, len(source.channels)
        self.net = backbone.network(config)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key):
        params, statistics = backbone.init(self.net, key, self.channels)
        return one_network.new(self.config, params, statistics)

    def published(self):
        sources = [None] * self.channels
        params, statistics = backbone.pretrained(self.config, self.net, sources)
        return one_network.Networks(params, params, None, statistics, statistics)

    def start(self, state, networks):
        return one_network.start(self.config, networks)

    items = staticmethod(one_network.items)

    def main(self, state, batch, key):
        def loss(params, part):
            maps, moved = backbone.maps_in_training(
                self.net, params, state.statistics, part["images"]
            )
            error = jnp.square(maps["pooled"].mean(1) - part["images"].mean((1, 2, 3)))
            return error.mean(), {one_network.STATISTICS: moved}

        return one_network.advance(self.config, state, "shade", loss, batch, key)

    def embed(self, encoder, images):
        which = self.config.embed.weights
        maps = backbone.maps(
            self.net, encoder[which], encoder["statistics"][which], images
        )
        return {"pooled": maps["pooled"]}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, smoke_screen):
    """Runs jobs of a package that has the method `shade`; gives what is printed."""
    folder = tmp_path_factory.mktemp("shade")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gandl_jax", folder / "gandl_jax", ignore=ignored)
    home = folder / "gandl_jax" / "methods" / "shade"
    home.mkdir()
    for name, text in (("options", OPTIONS), ("method", METHOD)):
        (home / f"{name}.py").write_text(text)
    models = folder / "gandl_jax" / "models"
    (models / "backbones" / "tiny.py").write_text(BACKBONE)
    with (models / "weights" / "torchvision.py").open("a") as names:
        names.write('NAMES["tiny"] = _DENSENET\n')
    return functools.partial(_run, folder, smoke_screen)


@pytest.fixture(scope="module")
def arrays():
    """The network's weights as torchvision names and lays them."""
    net, names = DenseNet(8, 3, (1, 1), TORCH, lambda x: x), torchvision.NAMES
    shapes = jax.eval_shape(
        lambda key: net.init(key, jnp.zeros((1, 16, 16, 3)), train=False),
        jax.random.key(0),
    )
    leaves, _ = jax.tree_util.tree_flatten_with_path(shapes)
    rng, found = np.random.default_rng(0), {}
    for path, leaf in leaves:
        words, shape = [key.key for key in path], leaf.shape
        if len(shape) == 4:
            shape = (shape[3], shape[2], shape[0], shape[1])
        values = rng.uniform(0.5, 1.5, shape).astype("<f4")
        found[names["densenet121"].source_name(words)] = values
    return found


def _run(folder, screen, workdir, jobs, *settings, code=0):
    words = (
        f"--config={ROOT}/configs/demo.py:smoke,method=shade",
        f"--workdir={workdir}",
        f"--job={jobs}",
        f"--config.data.source_dir={screen.source}",
        f"--config.data.dir={screen.prepared}",
        "--config.train.total_images=32",
        *(f"--config.{setting}" for setting in settings),
    )
    done = subprocess.run(
        [sys.executable, "-m", "gandl_jax.main", *words],
        env=dict(os.environ, PYTHONPATH=str(folder)),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_it_starts_from_a_file_and_keeps_its_statistics(run, arrays, tmp_path):
    (tmp_path / "net.pth").write_bytes(torch_writer.legacy_file(arrays))
    setting = f"model.weights={tmp_path}/net.pth"
    told = run(tmp_path / "run", "prepare,train,embed", setting)
    assert f"starts from {tmp_path}/net.pth" in told
    profiles = tmp_path / "run" / "profiles" / "simulated"
    found = {path.name for path in profiles.iterdir()}
    (trained,) = found - {"shade@start", "shade@0", "intensity"}
    step = int(trained.removeprefix("shade@"))
    saved = checkpoint.Checkpoints(tmp_path / "run")
    start, later = (saved.arrays(n, "encoder") for n in (0, step))
    saved.close()
    spread = start["['raw']['stem_conv']['kernel']"]
    mean = arrays["features.conv0.weight"].mean(1).transpose(1, 2, 0)
    for channel in range(spread.shape[2]):
        expected = mean * 3 / spread.shape[2]
        np.testing.assert_allclose(spread[:, :, channel], expected, rtol=1e-5)
    for which in ("average", "raw"):
        key = f"['statistics']['{which}']['final_norm']['var']"
        np.testing.assert_array_equal(start[key], arrays["features.norm5.running_var"])
        assert (later[key] != start[key]).all()
    (tmp_path / "net.pth").unlink()
    told = run(tmp_path / "run", "train", setting, "train.total_images=64")
    assert "starts from" not in told, "it goes on, and asks for no file again"


def test_bad_weights_are_refused_and_nothing_is_written(run, arrays, tmp_path):
    run(tmp_path / "prepared", "prepare")
    wrong = arrays | {"features.norm5.weight": np.ones(3, "<f4")}
    harm = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."
    for content, words in (
        (harm, "posix.system"),
        (b"these are no weights", "net.pth is damaged"),
        (torch_writer.zip_file(wrong), "features.norm5.weight has the shape [3]"),
        (None, "there is no file of weights"),
    ):
        (tmp_path / "net.pth").unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "net.pth").write_bytes(content)
        setting = f"model.weights={tmp_path}/net.pth"
        told = run(tmp_path / "new", "train", setting, code=2)
        assert words in told
        assert not (tmp_path / "new" / "checkpoints").exists()
