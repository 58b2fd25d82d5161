"""Warnings of the libraries that tasks compute with, as sentences of our own."""

import contextlib
import warnings
from collections.abc import Iterator

from sklearn import exceptions

from gandl_jax.tasks import remarks

SENTENCES = {  # the first that a warning is one of
    exceptions.ConvergenceWarning: (
        "{} fits stopped at their largest number of iterations, short of the minimum"
    ),
    exceptions.UndefinedMetricWarning: (
        "{} scores are not defined, such as a precision where a class was never "
        "decided on, and count as 0"
    ),
}


@contextlib.contextmanager
def as_remarks() -> Iterator[None]:
    """Counts scikit-learn's warnings within the block; all others stay warnings."""
    with warnings.catch_warnings(record=True) as caught:
        for category in SENTENCES:
            warnings.simplefilter("always", category)
        yield
    for warning in caught:
        sentence = _sentence(warning.category)
        if sentence:
            remarks.count(1, sentence)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _sentence(category: type[Warning]) -> str:
    """What is said of a warning; "" where it is none of scikit-learn's."""
    for known, sentence in SENTENCES.items():
        if issubclass(category, known):
            return sentence
    return ""
