"""The checkpoint at which D neither wins nor guesses (ours; docs/trials.md)."""

METRIC = "d/real_sign"
NEEDS = "the method gan logs it"
UNDECIDED = 0.5  # of the mean sign of D(real): 1 is won, 0 is guessing


def badness(value: float) -> float:
    """Returns the distance of D's mean sign on real images to a half."""
    return abs(value - UNDECIDED)
