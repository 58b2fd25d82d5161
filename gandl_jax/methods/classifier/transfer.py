"""What of a classifier goes into the next: all but heads that name other classes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gandl_jax.methods import one_network
from gandl_jax.methods.one_network import Networks, NormalisedState, State
from gandl_jax.models.side_by_side_features import takes_rows

DENSE, HEAD = "dense", "heads_"  # names among the parameters of LabelHeads


@dataclasses.dataclass(frozen=True)
class Learnt:
    """A trained classifier.

    Attributes:
      networks: all of it.
      head: its `config.method.head`.
      classes: column to the names of the classes that its head tells apart.
    """

    networks: Networks
    head: str
    classes: Mapping[str, Sequence[str]]

    def for_channels(self, sources: Sequence[int | None]) -> "Learnt":
        """The same for images of other channels."""
        return dataclasses.replace(self, networks=self.networks.for_channels(sources))

    def without_others(
        self, head: str, classes: Mapping[str, Sequence[str]]
    ) -> Networks:
        """Its networks; of its heads those of the same kind and the same classes.

        Args:
          head: `config.method.head` of who takes them.
          classes: that those tell apart.
        """
        same = {
            HEAD + name
            for name, names in self.classes.items()
            if head == self.head and tuple(classes.get(name, ())) == tuple(names)
        }

        def kept(params: dict) -> dict:
            is_kept = {n: not n.startswith(HEAD) or n in same for n in params}
            return {name: x for name, x in params.items() if is_kept[name]}

        found = self.networks
        return dataclasses.replace(
            found, net=kept(found.net), average=kept(found.average)
        )


def completed(networks: Networks, state: State | NormalisedState) -> Networks:
    """Networks with what they lack from a state: heads, an embedding, a mixing."""
    statistics, average = one_network.statistics(state)
    return dataclasses.replace(
        networks,
        net=state.net | networks.net,
        average=state.net_average | networks.average,
        statistics=networks.statistics or statistics,
        statistics_average=networks.statistics_average or average,
    )


def with_channels(
    params: dict,
    sources: Sequence[int | None],
    width: int,
    of_head: Callable[[Any, Sequence[int | None], int], Any],
) -> dict:
    """Parameters whose first layer takes other channels' features, side by side.

    Args:
      params: of the whole network.
      sources: for each new channel one of the old ones; None is their mean.
      width: of each channel's features.
      of_head: `with_channels` of the head, where that is the first layer.
    """
    if DENSE in params:
        kernel = takes_rows(params[DENSE]["kernel"], sources, width)
        return params | {DENSE: params[DENSE] | {"kernel": kernel}}
    return {
        name: of_head(x, sources, width) if name.startswith(HEAD) else x
        for name, x in params.items()
    }
