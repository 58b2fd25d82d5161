"""Detection of a collapse: a metric of diversity that has fallen."""

from collections.abc import Mapping, Sequence

from gandl_jax.methods.contract import Unsound


def collapsed(
    history: Sequence[Mapping[str, float]], metric: str, least: float, words: str
) -> Unsound | None:
    """Detects a collapse; a metric that was never high does not count.

    Args:
      history: of looks, oldest first.
      metric: of the looks, low after a collapse.
      least: lowest value without a collapse.
      words: description of the collapse, for the message.

    Returns:
      The reason to go back, if the metric once was above twice `least` and is below
      `least` now; else None.
    """
    *before, now = (look[metric] for look in history)
    highest = max(before, default=0.0)
    if now >= least or highest <= 2 * least:
        return None
    return Unsound(
        f"{metric} is {now:.3g}, below {least:.3g} and once {highest:.3g}: {words}",
        metric=metric,
        least=2 * least,
    )
