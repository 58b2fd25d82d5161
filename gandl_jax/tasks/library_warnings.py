"""Conversion of libraries' warnings to remarks."""

import contextlib
import warnings
from collections.abc import Iterator

from sklearn import exceptions

from gandl_jax.tasks import remarks

SENTENCES = {  # by category; the first that matches counts
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
    """Returns the sentence for a warning; "" if it is none of scikit-learn's."""
    for base, sentence in SENTENCES.items():
        if issubclass(category, base):
            return sentence
    return ""
