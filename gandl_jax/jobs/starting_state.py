"""The state that a training starts from: random networks, or those that it is given."""

from typing import Any

import jax
from etils import epath

from gandl_jax import checkpoint, parallel
from gandl_jax import config as configs
from gandl_jax.datasets import prepared
from gandl_jax.jobs import experiment, starting_weights


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
    theirs = experiment.read_trained(folder)
    saved = checkpoint.Checkpoints(folder)
    step = saved.steps()[-1]
    classes = saved.config(step).get("data.classes", ())
    saved.check(step, configs.architecture(theirs, theirs.data.channels, classes))
    method = experiment.make_method(theirs, dataset, classes)
    like = jax.eval_shape(method.init, jax.random.key(0))
    state = saved.restore(step, "train", parallel.on_one_device(like))
    saved.close()
    return method.trained(state)
