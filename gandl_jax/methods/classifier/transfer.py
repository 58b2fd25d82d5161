"""What of a classifier goes into the next: all but heads that name other classes."""

import dataclasses
from collections.abc import Mapping, Sequence

from gandl_jax.methods.one_network import Networks
from gandl_jax.models.label_heads import HEAD


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
        """Returns the same for images of other channels."""
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
