"""Methods of one network, small enough to be compiled in a second or two."""

import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax import modules, parallel
from gandl_jax.methods.contract import Source

SOURCE = Source(
    channels=("dna", "actin"),
    classes={"Treatment": ("a", "b", "c")},
    class_counts={"Treatment": (3, 2, 1)},
    blanks={"Treatment": 2},
    records=8,
)


@pytest.fixture(scope="session")
def make_method():
    """Function of a method's name and settings to (method, its first state)."""

    def make(name, **settings):
        import jax

        config = configs.default(name)
        configs.smoke(config)
        config.train.batch = 8
        config.update_from_flattened_dict(settings)
        method = modules.load("methods", name).Method(config, SOURCE)
        return method, jax.jit(method.init)(jax.random.key(0))

    return make


@pytest.fixture(scope="session")
def one_batch():
    """A batch of 8 images whose brightness tells their class; two are blank."""
    labels = np.array([0, 1, 2, -1, 0, 1, 0, -1], np.int32)
    rng = np.random.default_rng(0)
    images = rng.uniform(-0.3, 0.3, (8, 16, 16, 2)) + (labels.reshape(-1, 1, 1, 1) - 1)
    return {
        "images": images.clip(-1, 1).astype(np.float32),
        "index": np.arange(8, dtype=np.int32),
        "labels": {"Treatment": labels},
    }


@pytest.fixture(scope="session")
def trained():
    """Function that trains a method for some steps on so many devices."""

    def train(method, state, batch, steps, devices=1):
        import jax

        step = parallel.split(method.phases[0].fn, parallel.devices(devices))
        for number in range(steps):
            state, metrics = step(state, batch, jax.random.key(number))
        return jax.device_get(state), jax.device_get(metrics)

    return train


@pytest.fixture
def tiny_backbone(monkeypatch):
    """Has `model.backbone=resnet50` mean a network of two convolutions."""
    import flax.linen as nn
    import jax.numpy as jnp

    from gandl_jax.methods import backbone, trunk_options
    from gandl_jax.models import conv_norm

    class Tiny(nn.Module):
        classes: int = 0
        axis: str | None = None
        dtype: jnp.dtype = jnp.float32
        fixed: tuple[str, ...] = ()

        @nn.compact
        def __call__(self, images, *, train):
            norm = conv_norm.TORCH
            make = conv_norm.Layers(norm, train, self.axis, fixed=self.fixed)
            x = make.for_stage("stem").conv_norm(4, 3, "stem", stride=2)(images)
            maps = {"stem": x}
            x = maps["block1"] = make.for_stage("block1").conv_norm(6, 3, "block1_1")(x)
            return conv_norm.with_pooled(maps, x, self.classes)

    class Module:
        WIDTH, LEAST_PX, STAGES, network = 6, 1, ("stem", "block1"), Tiny

    load = modules.load

    def loaded(folder, name):
        is_tiny = (folder, name) == (backbone.FOLDER, "resnet50")
        return Module if is_tiny else load(folder, name)

    monkeypatch.setattr(modules, "load", loaded)
    monkeypatch.setattr(trunk_options, "stages", lambda config, side: Module.STAGES)
    return {"model.backbone": "resnet50", "method.learning_rate": 1e-2}
