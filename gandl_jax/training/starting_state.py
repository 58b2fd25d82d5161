"""The state that a training starts from: random or given networks."""

from typing import Any

import jax
from etils import epath

from gandl_jax import checkpoint, parallel
from gandl_jax import config as configs
from gandl_jax.methods.source import Source
from gandl_jax.training import opening, sources, starting_weights


def make(config, method, source: Source, key: jax.Array) -> Any:
    """Makes the state at step 0.

    Args:
      config: of the experiment; `train.start_from` names networks, or none.
      method: of the config.
      source: of its training records.
      key: of the random numbers.

    Raises:
      InputError: the networks are missing, damaged or do not fit.
    """
    state = parallel.on_one(method.init)(key)
    if networks := published(config, method):
        print(f"train     starts from {config.model.weights}", flush=True)
        return method.start(state, networks)
    if not config.train.start_from:
        return state
    fitting = starting_weights.find(config)
    networks = fitting.networks or _trained_networks(config, source)
    note = f", their channels as ours: {fitting.channels}" if fitting.channels else ""
    print(f"train     starts from {config.train.start_from}{note}", flush=True)
    return method.start(state, networks.for_channels(fitting.sources))


def published(config, method) -> Any:
    """Returns the networks of `config.model.weights`; None if they are not used.

    Raises:
      InputError: they are missing, damaged or do not fit.
    """
    if starting_weights.named_by(config) != starting_weights.PUBLISHED:
        return None
    return method.published()


def _trained_networks(config, our_source: Source) -> Any:
    """Reads the networks of another training's newest checkpoint, averages too."""
    folder = epath.Path(config.train.start_from)
    trained_config = opening.read_trained(folder)
    saved = checkpoint.Checkpoints(folder)
    step = opening.newest_step(folder)  # a damaged one is refused as it is read
    source = sources.read(saved.notes(step))
    if "data.label" not in starting_weights.replaced(config):
        sources.refuse_other_classes(folder, source, our_source)
    elif source.classes != our_source.classes:
        print(
            f"train     note: {folder} learnt other classes; what names ours is new",
            flush=True,
        )
    saved.check(
        step,
        sources.architecture(trained_config, source),
        configs.defaults(trained_config),
    )
    method = opening.make_method(trained_config, source)
    like = jax.eval_shape(method.init, jax.random.key(0))
    state = saved.restore(step, "train", parallel.on_one_device(like))
    saved.close()
    return method.trained(state)
