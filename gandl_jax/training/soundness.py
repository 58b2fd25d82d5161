"""Whether a training is still sound: are its numbers finite, its samples diverse?"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

COARSE_PX = 16  # side to which images are averaged before they are compared
KINDS = {
    "parameter_norm": "the parameters of {group}",
    "gradient_norm": "the gradient of {group}",
    "update_norm": "the optimiser's step of {group}, whose gradient is finite",
}


class Trouble(Exception):
    """A training that cannot go on from where it is.

    Attributes:
      step: the first that shows it, counting from 1: after it so many are completed.
      why: the term, and what it is.
      found: steps completed when it was noticed.
      diversity: that a checkpoint must have had to go on from it.
    """

    def __init__(self, step: int, why: str, diversity: float = 0.0):
        super().__init__(f"step {step}: {why}")
        self.step, self.why, self.found = step, why, step
        self.diversity = diversity


def in_causal_order(metrics: Mapping[str, Array]) -> dict[str, Array]:
    """A phase's metrics, each after those that it would spoil.

    Parameters as they were, losses, what is told beside them, gradients, updates.
    """
    return {name: metrics[name] for name in sorted(metrics, key=_rank)}


def _rank(name: str) -> tuple[int, str]:
    kind = name.rpartition("/")[2]
    order = ("parameter_norm", "loss", "", "gradient_norm", "update_norm")
    if kind.endswith("loss"):
        kind = "loss"
    return order.index(kind if kind in order else ""), name


def first_not_finite(steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
    """Looks for the first metric that is not finite.

    Args:
      steps: (number of the step, {"group/name": value} in causal order), oldest first.

    Raises:
      Trouble: there is one.
    """
    for step, metrics in steps:
        for name, value in metrics.items():
            if not np.isfinite(value):
                raise Trouble(step, f"{name} is {value}{_in_words(name)}")


def _in_words(name: str) -> str:
    group, _, kind = name.partition("/")
    return f" ({KINDS[kind].format(group=group)})" if kind in KINDS else ""


def finite(state: object) -> dict[str, Array]:
    """Whether all numbers are finite, for every field of a state; to be compiled.

    Args:
      state: a dataclass of trees of arrays.

    Returns:
      {field: scalar bool}.
    """
    return {name: _all_finite(value) for name, value in vars(state).items()}


def _all_finite(tree: object) -> Array:
    found = [jnp.isfinite(x).all() for x in jax.tree.leaves(tree)]
    return jnp.stack(found).all() if found else jnp.asarray(True)


def check_fields(step: int, fields: Mapping[str, Array]) -> None:
    """Looks at what `finite` said of the state after a step.

    Raises:
      Trouble: naming the fields that are not finite.
    """
    bad = [name for name, is_finite in fields.items() if not is_finite]
    if bad:
        raise Trouble(step, f"not all of {' and '.join(bad)} is finite")


def diversity(generated: np.ndarray, real: np.ndarray) -> float:
    """How far generated images are from one another, over the same of real ones.

    The distance of each to the nearest other one, root mean square over pixels and
    channels of images averaged to 16 x 16, in the median: it vanishes where a generator
    draws one image, or a few, again and again, whatever noise it adds (ours).

    Args:
      generated: [N, H, W, C] in [-1, 1].
      real: [M, H, W, C] in [-1, 1].

    Returns:
      About 1 where they are as diverse, 0 where all generated images are the same.
    """
    return _nearest(generated) / max(_nearest(real), 1e-12)


def _nearest(images: np.ndarray) -> float:
    flat = _coarse(np.asarray(images, np.float64)).reshape(len(images), -1)
    squares = np.square(flat[:, None] - flat[None]).mean(-1)
    np.fill_diagonal(squares, np.inf)
    return float(np.sqrt(np.median(squares.min(1))))


def _coarse(images: np.ndarray) -> np.ndarray:
    count, height, _, channels = images.shape
    side = min(height, COARSE_PX)
    block = height // side
    parts = images[:, : side * block, : side * block]
    parts = parts.reshape(count, side, block, side, block, channels)
    return parts.mean((2, 4))


def check_diversity(step: int, found: float, before: float, least: float) -> None:
    """Tells a generator that has collapsed.

    Args:
      step: after which `found` was measured.
      found: `diversity` now.
      before: the highest so far; one that never was diverse is still learning.
      least: `config.method.least_diversity`.

    Raises:
      Trouble: it was above twice the least, and is below the least.
    """
    if found < least and before > 2 * least:
        raise Trouble(
            step,
            f"g/diversity is {found:.3g}, below {least:.3g} and once {before:.3g}: the "
            "generator has collapsed to a few images",
            diversity=2 * least,
        )
