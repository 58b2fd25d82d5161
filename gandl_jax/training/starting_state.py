"""The state that a training starts from: random networks, or those that it is given."""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
from etils import epath

from gandl_jax import checkpoint, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.reading import classes
from gandl_jax.training import opening, starting_weights


def make(config, method, dataset: prepared.Prepared, key: jax.Array) -> Any:
    """A state at step 0.

    Args:
      config: of the experiment; `train.start_from` names networks, or none.
      method: of the config.
      dataset: the prepared screen.
      key: of whatever is random.

    Raises:
      InputError: the networks are not there, are damaged or do not fit.
    """
    state = parallel.on_one(method.init)(key)
    if not config.train.start_from:
        return state
    found = starting_weights.find(config)
    networks = found.networks or _of_training(config, dataset)
    words = f", their channels as ours: {found.words}" if found.words else ""
    print(f"train     starts from {config.train.start_from}{words}", flush=True)
    return method.start(state, networks.for_channels(found.sources))


def _of_training(config, dataset: prepared.Prepared) -> Any:
    """The networks of the newest checkpoint of another training, averages too."""
    folder = epath.Path(config.train.start_from)
    theirs = opening.read_trained(folder)
    saved = checkpoint.Checkpoints(folder)
    step = opening.newest_step(folder)  # a damaged one is refused as it is read
    names = saved.config(step).get("data.classes", ())
    _refuse_other_classes(folder, names, opening.read_classes(config, dataset))
    architecture = configs.architecture(theirs, theirs.data.channels, names)
    saved.check(step, architecture, configs.defaults(theirs))
    method = opening.make_method(theirs, dataset, names)
    like = jax.eval_shape(method.init, jax.random.key(0))
    state = saved.restore(step, "train", parallel.on_one_device(like))
    saved.close()
    return method.trained(state)


def _refuse_other_classes(
    folder: epath.Path, theirs: Sequence[str], ours: classes.Classes
) -> None:
    """Its first class would stand for our first, whatever they are called."""
    for number, names in enumerate(itertools.zip_longest(theirs, ours.names), 1):
        if names[0] != names[1]:
            their, our = ("none" if name is None else repr(name) for name in names)
            raise InputError(
                f"{folder} learnt {len(theirs)} classes, and config.data.label has "
                f"{len(ours.names)}: class {number} is {their} there and {our} here; "
                "start from a training with the same classes"
            )
