"""When a training no longer gets better on what it does not learn from."""

from collections.abc import Sequence


def reason(losses: Sequence[float], patience: int) -> str:
    """Why to stop, in words; "" goes on (Prechelt 1998).

    Args:
      losses: on the validation records, one for each look, oldest first.
      patience: looks without a loss below the lowest before; 0 never stops.
    """
    if not patience or not losses:
        return ""
    best = min(range(len(losses)), key=losses.__getitem__)
    since = len(losses) - 1 - best
    if since < patience:
        return ""
    return (
        f"the validation loss was lowest, {losses[best]:.4g}, {since} looks ago "
        f"(config.method.patience={patience})"
    )
