"""The checkpoint with the lowest loss on the records that are set aside.

A classifier's loss is of labels, those of the validation records.
"""

METRIC = "validation/loss"
NEEDS = "set --config.train.validation in training, of a method that validates"


def badness(value: float) -> float:
    """Returns the loss."""
    return value
