"""Names of a source's arrays, from the place of ours in the network's tree."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Rules = Sequence[tuple[str, str | Callable[[re.Match], str]]]


class Names(NamedTuple):
    """What one source calls the arrays of one network, and how they lie.

    Attributes:
      rules: (pattern of a layer's path here, its name there), the first that fits.
      arrays: {("norm" or "layer", array here): its name there}.
      between: a layer's name and an array's.
      to_ours: to_ours(array, its name here) gives it as it lies here.
      to_theirs: to_theirs(shape, its name here): the shape as it lies there.
      ignored: pattern of what else a file may hold.
      head: of the layer of logits there.
    """

    rules: Rules
    arrays: dict[tuple[str, str], str]
    between: str
    to_ours: Callable[[np.ndarray, str], np.ndarray]
    to_theirs: Callable[[tuple[int, ...], str], tuple[int, ...]]
    ignored: str
    head: str

    def of(self, path: Sequence[str]) -> str:
        """The source's name of an array.

        Args:
          path: such as ("params", "block1_layer1", "conv1", "kernel").
        """
        _, *layers, array = path
        kind = "norm" if "norm" in layers[-1] else "layer"
        layer = "/".join(layers)
        for pattern, name in self.rules:
            if match := re.fullmatch(pattern, layer):
                theirs = match.expand(name) if isinstance(name, str) else name(match)
                return f"{theirs}{self.between}{self.arrays[kind, array]}"
        raise KeyError(layer)

    def is_ignored(self, name: str) -> bool:
        """Whether a name of the file is neither of the network nor a stranger."""
        of_head = name.startswith(f"{self.head}{self.between}")
        return of_head or re.fullmatch(self.ignored, name) is not None


def torch(rules: Rules, head: str) -> Names:
    """Names as torch gives them: kernels have their channels first."""
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
    """Names as Keras gives them, whose arrays lie as ours do."""
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
    """[out, in, h, w] to [h, w, in, out], [out, in] to [in, out]."""
    if name != "kernel":
        return array
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def _shape_in_torch(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    if name != "kernel":
        return shape
    return tuple(shape[i] for i in ((3, 2, 0, 1) if len(shape) == 4 else (1, 0)))
