"""From grey levels to the network's range, in NumPy and TensorFlow alike."""


def stretched(levels, ends):
    """Grey levels [..., C], the low end [0] to -1 and the high one [1] to +1.

    Of 16 bits a channel may use few: only float64 keeps the differences whole.
    """
    return (levels - ends[0]) / (ends[1] - ends[0]) * 2 - 1
