"""When something that was diverse no longer is."""

from collections.abc import Mapping, Sequence

from gandl_jax.methods.contract import Unsound


def collapsed(
    history: Sequence[Mapping[str, float]], metric: str, least: float, words: str
) -> Unsound | None:
    """Tells what has collapsed; what never was diverse still learns.

    Args:
      history: of looks, oldest first.
      metric: of the looks, that is low where there is a collapse.
      least: below it there is one.
      words: what has happened, for the message.

    Returns:
      Why it must go back, where the metric once was above twice the least and is below
      it now.
    """
    *before, now = (look[metric] for look in history)
    most = max(before, default=0.0)
    if now >= least or most <= 2 * least:
        return None
    return Unsound(
        f"{metric} is {now:.3g}, below {least:.3g} and once {most:.3g}: {words}",
        metric=metric,
        least=2 * least,
    )
