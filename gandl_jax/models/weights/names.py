"""Names of a source's arrays, from the paths of ours in the network's tree."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Rules = Sequence[tuple[str, str | Callable[[re.Match], str]]]


class Names(NamedTuple):
    """One source's names of a network's arrays, and their layout.

    Attributes:
      rules: (pattern of our path of a layer, its name in the source), the first match.
      arrays: {("norm" or "layer", our name of an array): its name in the source}.
      between: separator of a layer's name and an array's.
      to_ours: to_ours(array, our name) returns it in our layout.
      to_theirs: to_theirs(shape, our name) returns the shape in the source's layout.
      ignored: pattern of other names that a file may hold.
      head: the source's name of the layer of logits.
    """

    rules: Rules
    arrays: dict[tuple[str, str], str]
    between: str
    to_ours: Callable[[np.ndarray, str], np.ndarray]
    to_theirs: Callable[[tuple[int, ...], str], tuple[int, ...]]
    ignored: str
    head: str

    def source_name(self, path: Sequence[str]) -> str:
        """Returns the source's name of an array.

        Args:
          path: such as ("params", "block1_layer1", "conv1", "kernel").
        """
        _, *layers, array = path
        layer_kind = "norm" if "norm" in layers[-1] else "layer"
        layer = "/".join(layers)
        for pattern, name in self.rules:
            if match := re.fullmatch(pattern, layer):
                source_layer = (
                    match.expand(name) if isinstance(name, str) else name(match)
                )
                return f"{source_layer}{self.between}{self.arrays[layer_kind, array]}"
        raise KeyError(layer)

    def is_ignored(self, name: str) -> bool:
        """Whether a name in the file may be ignored: the head, or a known extra."""
        is_head = name.startswith(f"{self.head}{self.between}")
        return is_head or re.fullmatch(self.ignored, name) is not None


def torch(rules: Rules, head: str) -> Names:
    """Makes the names of a torch network, whose kernels have channels first."""
    return Names(
        rules=rules,
        arrays={
            ("layer", "kernel"): "weight",
            ("layer", "bias"): "bias",
            ("norm", "scale"): "weight",
            ("norm", "bias"): "bias",
            ("norm", "mean"): "running_mean",
            ("norm", "var"): "running_var",
        },
        between=".",
        to_ours=_kernel_from_torch,
        to_theirs=_shape_in_torch,
        ignored=r".*\.num_batches_tracked",
        head=head,
    )


def keras(rules: Rules, head: str) -> Names:
    """Makes the names of a Keras network, whose layout is ours."""
    return Names(
        rules=rules,
        arrays={
            ("layer", "kernel"): "kernel",
            ("layer", "bias"): "bias",
            ("norm", "scale"): "gamma",
            ("norm", "bias"): "beta",
            ("norm", "mean"): "moving_mean",
            ("norm", "var"): "moving_variance",
        },
        between="/",
        to_ours=lambda array, name: array,
        to_theirs=lambda shape, name: shape,
        ignored=r"optimizer.*|.*/(iteration|seed_generator.*)",
        head=head,
    )


def _kernel_from_torch(array: np.ndarray, name: str) -> np.ndarray:
    """Transposes [out, in, h, w] to [h, w, in, out], [out, in] to [in, out]."""
    if name != "kernel":
        return array
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def _shape_in_torch(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    if name != "kernel":
        return shape
    return tuple(shape[axis] for axis in ((3, 2, 0, 1) if len(shape) == 4 else (1, 0)))
