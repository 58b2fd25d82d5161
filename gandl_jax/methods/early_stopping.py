"""Early stopping of a training whose validation loss no longer falls."""

from collections.abc import Sequence


def reason(losses: Sequence[float], patience: int) -> str:
    """Returns why to stop, a sentence, or "" (Prechelt 1998).

    Args:
      losses: on the validation records, one per validation, oldest first.
      patience: validations without a loss below the lowest before; 0 never stops.
    """
    if not patience or not losses:
        return ""
    best = min(range(len(losses)), key=losses.__getitem__)
    validations_since = len(losses) - 1 - best
    if validations_since < patience:
        return ""
    return (
        f"the validation loss was lowest, {losses[best]:.4g}, {validations_since} "
        f"looks ago (config.method.patience={patience})"
    )
