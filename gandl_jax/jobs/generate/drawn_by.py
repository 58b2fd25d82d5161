"""Generator of a workdir: its method, a checkpoint's state, and its source."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import ml_collections
import numpy as np
from etils import epath
from jax import Array

from gandl_jax import checkpoint, file_hashes, files, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.scaled import scaled
from gandl_jax.methods.source import Source
from gandl_jax.training import encoders, opening, sources, trained_on

SEEN, SHOWN = "seen", "shown"  # images as networks see them, and as they are written


@dataclasses.dataclass(frozen=True)
class Generator:
    """Generator of images.

    Attributes:
      method: of the config.
      state: of the training, at a step.
      step: of the checkpoint.
      source: of its training records.
      checkpoint_sha256: hex, of the list of the checkpoint's files.
      trained_on: bytes of the table of records that it saw.
    """

    method: Any
    state: Any
    step: int
    source: Source
    checkpoint_sha256: str
    trained_on: bytes

    def function(self, config: ml_collections.ConfigDict) -> Any:
        """Makes a function of (state, {"number": [B], "code": [B]}) to images.

        It returns {SEEN: [B, px, px, C], SHOWN: [B, crop, crop, C]}, the second only if
        its side differs. An image depends on its class and number alone.
        """
        (column,) = self.source.classes
        key, side = jax.random.key(config.generate.seed), config.data.crop_px

        def draw(state: Any, request: Mapping[str, Array]) -> dict[str, Array]:
            class_keys = jax.vmap(jax.random.fold_in, (None, 0))(key, request["code"])
            keys = jax.vmap(jax.random.fold_in)(class_keys, request["number"])
            images = self.method.samples(state, keys, {column: request["code"]})
            drawn = {SEEN: images}
            return (
                drawn
                if images.shape[1] == side
                else drawn | {SHOWN: scaled(images, side)}
            )

        return draw

    def features(self, config: ml_collections.ConfigDict, devices: list) -> Any:
        """Makes a function of images [B, H, W, C] to the set shown first, [B, D]."""
        encoder = self.method.items(self.state)["encoder"]
        embed = parallel.map_batch(self.method.embed, devices)
        name = config.evaluate.features

        def features(images: np.ndarray) -> np.ndarray:
            sets = embed(encoder, np.ascontiguousarray(images, np.float32))
            return sets[name]

        return features


def load(config: ml_collections.ConfigDict, workdir: epath.Path) -> Generator:
    """Loads the generator that a config names.

    Raises:
      InputError: there is no checkpoint of that step, or it is of another architecture;
        the method draws no images; or its training records are not known.
      RunError: every checkpoint is damaged.
    """
    checkpoints = checkpoint.Checkpoints(workdir)
    usable = checkpoints.usable_steps(
        lambda step, why: print(f"generate  {step} is left out: {why}")
    )
    trained = [step for step in usable if step]
    (step,) = encoders.choose_steps((config.generate.step,), trained, "generate.step")
    source = sources.read(checkpoints.notes(step))
    architecture = sources.architecture(config, source)
    checkpoints.check(step, architecture, configs.defaults(config))
    method = opening.make_method(config, source)
    if not hasattr(method, "samples"):
        raise InputError(
            f"the method {config.method.name} draws no images: generate with a gan, or "
            "another method that has `samples`"
        )
    template = parallel.on_one_device(jax.eval_shape(method.init, jax.random.key(0)))
    state = checkpoints.restore(step, "train", template)
    checkpoints.close()
    manifest = workdir / "checkpoints" / str(step) / file_hashes.MANIFEST
    table = trained_on.read(workdir)
    if table is None:
        raise InputError(
            f"{workdir} was trained by a former version, which did not write down what "
            "it was trained on: train again, in another --workdir"
        )
    seen_table = files.read_bytes(workdir / trained_on.FILE)
    return Generator(method, state, step, source, files.sha256(manifest), seen_table)
