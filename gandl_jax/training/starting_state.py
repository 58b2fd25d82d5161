"""The state that a training starts from: random networks, or those that it is given."""

from typing import Any

import jax
from etils import epath

from gandl_jax import checkpoint, parallel
from gandl_jax import config as configs
from gandl_jax.methods.source import Source
from gandl_jax.training import opening, sources, starting_weights


def make(config, method, source: Source, key: jax.Array) -> Any:
    """A state at step 0.

    Args:
      config: of the experiment; `train.start_from` names networks, or none.
      method: of the config.
      source: of its training records.
      key: of whatever is random.

    Raises:
      InputError: the networks are not there, are damaged or do not fit.
    """
    state = parallel.on_one(method.init)(key)
    if networks := published(config, method):
        print(f"train     starts from {config.model.weights}", flush=True)
        return method.start(state, networks)
    if not config.train.start_from:
        return state
    found = starting_weights.find(config)
    networks = found.networks or _of_training(config, source)
    words = f", their channels as ours: {found.words}" if found.words else ""
    print(f"train     starts from {config.train.start_from}{words}", flush=True)
    return method.start(state, networks.for_channels(found.sources))


def published(config, method) -> Any:
    """The networks of `config.model.weights`; None where a training starts otherwise.

    Raises:
      InputError: they are not there, are damaged or do not fit.
    """
    if starting_weights.named_by(config) != starting_weights.PUBLISHED:
        return None
    return method.published()


def _of_training(config, ours: Source) -> Any:
    """The networks of the newest checkpoint of another training, averages too."""
    folder = epath.Path(config.train.start_from)
    theirs = opening.read_trained(folder)
    saved = checkpoint.Checkpoints(folder)
    step = opening.newest_step(folder)  # a damaged one is refused as it is read
    source = sources.read(saved.notes(step))
    if "data.label" not in starting_weights.replaced(config):
        sources.refuse_other_classes(folder, source, ours)
    elif source.classes != ours.classes:
        print(
            f"train     note: {folder} learnt other classes; what names ours is new",
            flush=True,
        )
    saved.check(step, sources.architecture(theirs, source), configs.defaults(theirs))
    method = opening.make_method(theirs, source)
    like = jax.eval_shape(method.init, jax.random.key(0))
    state = saved.restore(step, "train", parallel.on_one_device(like))
    saved.close()
    return method.trained(state)
