"""Layers that training leaves as they are (Freeze-D, Mo et al. 2020, arXiv 2002.10964).

They are named by the paths of their parameters, the network first: "encoder/conv0" is
one layer of the network "encoder", "encoder" all of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax import lax

from gandl_jax.errors import InputError


def check(named: Sequence[str], params: Mapping[str, Any]) -> None:
    """Refuses unknown layers.

    Args:
      named: `config.method.freeze`.
      params: {network: its parameters, arrays or shapes}.

    Raises:
      InputError: names the layers at the level where a name leaves the tree.
    """
    for name in named:
        subtree, passed = params, []
        for part in name.split("/"):
            if not isinstance(subtree, Mapping) or part not in subtree:
                known = sorted(subtree) if isinstance(subtree, Mapping) else ["nothing"]
                raise InputError(
                    f"config.method.freeze names {name!r}, but there is no {part!r} in "
                    f"{'/'.join(passed) or 'the networks'}, which holds "
                    f"{', '.join(known)}"
                )
            subtree = subtree[part]
            passed.append(part)


def mask(named: Sequence[str], network: str, params: Any) -> Any:
    """Returns a tree like the parameters, True for those that are frozen.

    Args:
      named: `config.method.freeze`, checked.
      network: its name, such as "encoder".
      params: of that network.
    """
    wanted = [tuple(name.split("/")) for name in named]

    def is_frozen(path, _):
        path_names = network, *(key.key for key in path)
        return any(path_names[: len(name)] == name for name in wanted)

    return jax.tree_util.tree_map_with_path(is_frozen, params)


def without_gradient(frozen: Any, params: Any) -> Any:
    """Returns the parameters, without gradients for those that are frozen."""
    return jax.tree.map(
        lambda is_frozen, array: lax.stop_gradient(array) if is_frozen else array,
        frozen,
        params,
    )


def keep_frozen(frozen: Any, before: Any, after: Any) -> Any:
    """Returns `after` with the frozen parameters as in `before`, bit for bit."""
    return jax.tree.map(
        lambda is_frozen, old, new: old if is_frozen else new, frozen, before, after
    )
