"""Methods of one network: its state, its training step, its checkpoint."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gandl_jax.methods import ema
from gandl_jax.methods.augment import augment
from gandl_jax.methods.optimisers import adam
from gandl_jax.methods.updates import descend, parameter_norms


@flax.struct.dataclass
class State:
    """All arrays that training changes.

    Attributes:
      step: scalar int32, steps completed.
      net: parameters.
      net_optimiser: Adam's moments.
      net_average: moving average of the parameters.
    """

    step: Array
    net: dict
    net_optimiser: optax.OptState
    net_average: dict


@flax.struct.dataclass
class NormalisedState:
    """The state of a network that normalises by its batch.

    Attributes:
      step, net, net_optimiser, net_average: as in `State`.
      statistics: of batches, fixed in embedding.
      statistics_average: their moving average, which goes with `net_average`.
    """

    step: Array
    net: dict
    net_optimiser: optax.OptState
    net_average: dict
    statistics: dict
    statistics_average: dict


STATISTICS = "statistics"  # among a loss's means: the statistics after its batch


def new(
    config, params: dict, statistics: dict | None = None
) -> State | NormalisedState:
    """Makes a state at step 0 of parameters, and of statistics if there are any."""
    state = State(
        step=jnp.zeros((), jnp.int32),
        net=params,
        net_optimiser=adam(config.method).init(params),
        net_average=jax.tree.map(jnp.copy, params),
    )
    if statistics is None:
        return state
    return NormalisedState(
        **vars(state),
        statistics=statistics,
        statistics_average=jax.tree.map(jnp.copy, statistics),
    )


def advance(
    config,
    state: State | NormalisedState,
    group: str,
    loss: Callable[[dict, dict], tuple[Array, dict[str, Any]]],
    batch: dict,
    key: Array,
    *,
    freeze: Sequence[str] = (),
    kept: Array | None = None,
) -> tuple[State | NormalisedState, dict[str, Array]]:
    """Makes a step of Adam; moves the moving average, and counts the step.

    Args:
      config: of the experiment; its method has the options of Adam and the average.
      state: before.
      group: of the metrics.
      loss: (parameters, micro-batch with "keys") to (value, other means); for a network
        with statistics the means include those after this batch, as `STATISTICS`.
      batch: of this device.
      key: of the step and phase.
      freeze: frozen parameters, by `frozen`'s names: "net/encoder".
      kept: share of the average that the step keeps; None takes the half-life of the
        method's options.

    Returns:
      The state after; "<group>/loss", the other means, and the norms of parameters,
      gradient and update.
    """
    before = parameter_norms({group: state.net})
    state, value, metrics = descend(
        state,
        "net",
        loss,
        batch,
        key,
        adam=adam(config.method),
        parts=config.train.accumulate,
        group=group,
        freeze=freeze,
    )
    if kept is None:
        kept = _kept(config, state.step)
    average = ema.move_towards(state.net_average, state.net, kept)
    state = state.replace(step=state.step + 1, net_average=average)
    if isinstance(state, NormalisedState):
        statistics = metrics.pop(STATISTICS)
        average = ema.move_towards(state.statistics_average, statistics, kept)
        state = state.replace(statistics=statistics, statistics_average=average)
    return state, before | {f"{group}/loss": value} | metrics


def _kept(config, step: Array) -> Array:
    return ema.decay(
        step,
        config.train.batch,
        halflife_images=config.method.average_halflife_images,
        rampup_frac=config.method.average_rampup_frac,
    )


def items(state: State | NormalisedState) -> dict[str, Any]:
    """Returns a checkpoint's items: the encoder alone, and the whole state."""
    encoder = {"average": state.net_average, "raw": state.net}
    if isinstance(state, NormalisedState):
        encoder[STATISTICS] = {
            "average": state.statistics_average,
            "raw": state.statistics,
        }
    return {"encoder": encoder, "train": state}


def statistics(
    state: State | NormalisedState,
) -> tuple[dict | None, dict | None]:
    """Returns the statistics and their moving average; None for a network without."""
    if not isinstance(state, NormalisedState):
        return None, None
    return state.statistics, state.statistics_average


@dataclasses.dataclass(frozen=True)
class Networks:
    """The network that a training starts from.

    Attributes:
      net: parameters.
      average: their moving average.
      with_channels: with_channels(parameters, sources) returns those for images of
        other channels; a source is the old channel's index, or None for the mean.
      statistics, statistics_average: as in `NormalisedState`, for any channels.
    """

    net: dict
    average: dict
    with_channels: Callable[[dict, Sequence[int | None]], dict]
    statistics: dict | None = None
    statistics_average: dict | None = None

    def for_channels(self, sources: Sequence[int | None]) -> "Networks":
        """Returns the same for images of other channels."""
        net = self.with_channels(self.net, sources)
        average = self.with_channels(self.average, sources)
        return dataclasses.replace(self, net=net, average=average)

    def completed(self, state: State | NormalisedState) -> "Networks":
        """Adds the layers of a state that these networks lack, such as heads."""
        own_statistics, average = statistics(state)
        return dataclasses.replace(
            self,
            net=state.net | self.net,
            average=state.net_average | self.average,
            statistics=self.statistics or own_statistics,
            statistics_average=self.statistics_average or average,
        )


def networks(
    state: State | NormalisedState,
    with_channels: Callable[[dict, Sequence[int | None]], dict],
) -> Networks:
    """Returns the networks of a state; `with_channels` as in `Networks`."""
    return Networks(state.net, state.net_average, with_channels, *statistics(state))


def start(config, networks: Networks) -> State | NormalisedState:
    """Makes a state at step 0 of given parameters and their moving average."""
    averages = {"net_average": networks.average}
    if networks.statistics is not None:
        averages["statistics_average"] = networks.statistics_average
    net, statistics, averages = jax.tree.map(
        jnp.asarray, (networks.net, networks.statistics, averages)
    )
    return new(config, net, statistics).replace(**averages)


def augmented(config, micro_batch: dict) -> Array:
    """Augments the images of a micro-batch, [B, N, N, C]."""
    prob, kinds = config.method.augment_prob, config.method.augment_kinds
    if not prob:
        return micro_batch["images"]
    return augment(micro_batch["images"], micro_batch["keys"], prob, kinds)
