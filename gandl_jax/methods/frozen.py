"""Layers that training leaves as they are (Freeze-D, Mo et al. 2020, arXiv 2002.10964).

They are named by where their parameters lie, the network first: "encoder/conv0" is one
layer of the network "encoder", "encoder" all of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax import lax

from gandl_jax.errors import InputError


def check(named: Sequence[str], params: Mapping[str, Any]) -> None:
    """Refuses layers that there are not.

    Args:
      named: `config.method.freeze`.
      params: network to its parameters, arrays or shapes.

    Raises:
      InputError: naming those at the level where the name leaves the tree.
    """
    for name in named:
        at, passed = params, []
        for word in name.split("/"):
            if not isinstance(at, Mapping) or word not in at:
                known = sorted(at) if isinstance(at, Mapping) else ["nothing"]
                raise InputError(
                    f"config.method.freeze names {name!r}, but there is no {word!r} in "
                    f"{'/'.join(passed) or 'the networks'}, which holds "
                    f"{', '.join(known)}"
                )
            at = at[word]
            passed.append(word)


def mask(named: Sequence[str], network: str, params: Any) -> Any:
    """A tree like the parameters: True where they are frozen.

    Args:
      named: `config.method.freeze`, checked.
      network: its name, such as "encoder".
      params: of that network.
    """
    wanted = [tuple(name.split("/")) for name in named]

    def is_frozen(path, _):
        words = network, *(key.key for key in path)
        return any(words[: len(name)] == name for name in wanted)

    return jax.tree_util.tree_map_with_path(is_frozen, params)


def without_gradient(frozen: Any, params: Any) -> Any:
    """The same parameters; no gradients are computed for those that are frozen."""
    return jax.tree.map(lambda f, x: lax.stop_gradient(x) if f else x, frozen, params)


def kept(frozen: Any, before: Any, after: Any) -> Any:
    """`after`, but what is frozen as it was before, bit for bit."""
    return jax.tree.map(lambda f, b, a: b if f else a, frozen, before, after)
