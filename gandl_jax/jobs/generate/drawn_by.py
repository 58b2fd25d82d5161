"""The generator of a workdir: its method, a checkpoint's state, what it learnt from."""

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
    """What draws.

    Attributes:
      method: of the config.
      state: of the training, at a step.
      step: of the checkpoint.
      source: what it learnt from.
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
        """Function of (state, {"number": [B], "code": [B]}) to images.

        It gives {SEEN: [B, px, px, C], SHOWN: [B, crop, crop, C]}, the second only
        where it is of another side. An image depends on its class and number alone.
        """
        (column,) = self.source.classes
        key, side = jax.random.key(config.generate.seed), config.data.crop_px

        def draw(state: Any, asked: Mapping[str, Array]) -> dict[str, Array]:
            of_class = jax.vmap(jax.random.fold_in, (None, 0))(key, asked["code"])
            keys = jax.vmap(jax.random.fold_in)(of_class, asked["number"])
            images = self.method.samples(state, keys, {column: asked["code"]})
            made = {SEEN: images}
            return (
                made
                if images.shape[1] == side
                else made | {SHOWN: scaled(images, side)}
            )

        return draw

    def features(self, config: ml_collections.ConfigDict, devices: list) -> Any:
        """Function of images [B, H, W, C] to the set that is shown first, [B, D]."""
        encoder = self.method.items(self.state)["encoder"]
        embed = parallel.map_batch(self.method.embed, devices)
        name = config.evaluate.features

        def of_images(images: np.ndarray) -> np.ndarray:
            found = embed(encoder, np.ascontiguousarray(images, np.float32))
            return found[name]

        return of_images


def load(config: ml_collections.ConfigDict, workdir: epath.Path) -> Generator:
    """The generator that a config asks for.

    Raises:
      InputError: there is no checkpoint of that step, or one of another architecture;
        the method makes no images; or nobody knows what it was trained on.
      RunError: no checkpoint is whole.
    """
    saved = checkpoint.Checkpoints(workdir)
    usable = saved.usable_steps(
        lambda step, why: print(f"generate  {step} is left out: {why}")
    )
    trained = [step for step in usable if step]
    (step,) = encoders.choose_steps((config.generate.step,), trained, "generate.step")
    source = sources.read(saved.notes(step))
    architecture = sources.architecture(config, source)
    saved.check(step, architecture, configs.defaults(config))
    method = opening.make_method(config, source)
    if not hasattr(method, "samples"):
        raise InputError(
            f"the method {config.method.name} draws no images: generate with a gan, or "
            "another method that has `samples`"
        )
    like = parallel.on_one_device(jax.eval_shape(method.init, jax.random.key(0)))
    state = saved.restore(step, "train", like)
    saved.close()
    listed = workdir / "checkpoints" / str(step) / file_hashes.MANIFEST
    table = trained_on.read(workdir)
    if table is None:
        raise InputError(
            f"{workdir} was trained by a former version, which did not write down what "
            "it was trained on: train again, in another --workdir"
        )
    seen = files.read_bytes(workdir / trained_on.FILE)
    return Generator(method, state, step, source, files.sha256(listed), seen)
