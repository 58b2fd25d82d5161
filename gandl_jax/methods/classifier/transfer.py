"""Transfer of a classifier to another: all but heads of other classes."""

import dataclasses
from collections.abc import Mapping, Sequence

from gandl_jax.methods.one_network import Networks
from gandl_jax.models.label_heads import HEAD


@dataclasses.dataclass(frozen=True)
class Learnt:
    """A trained classifier.

    Attributes:
      networks: its networks.
      head: its `config.method.head`.
      classes: {column: names of the classes that its head tells apart}.
    """

    networks: Networks
    head: str
    classes: Mapping[str, Sequence[str]]

    def for_channels(self, sources: Sequence[int | None]) -> "Learnt":
        """Returns the same for images of other channels."""
        return dataclasses.replace(self, networks=self.networks.for_channels(sources))

    def without_others(
        self, head: str, classes: Mapping[str, Sequence[str]]
    ) -> Networks:
        """Returns its networks, with only the heads of the same kind and classes.

        Args:
          head: `config.method.head` of the new classifier.
          classes: {head: names} that the new classifier tells apart.
        """
        kept_heads = {
            HEAD + name
            for name, names in self.classes.items()
            if head == self.head and tuple(classes.get(name, ())) == tuple(names)
        }

        def without_other_heads(params: dict) -> dict:
            is_kept = {
                name: not name.startswith(HEAD) or name in kept_heads for name in params
            }
            return {name: array for name, array in params.items() if is_kept[name]}

        networks = self.networks
        return dataclasses.replace(
            networks,
            net=without_other_heads(networks.net),
            average=without_other_heads(networks.average),
        )
