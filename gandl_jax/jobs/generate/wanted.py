"""Numbers of images of each class: wanted ones, and those of the training.

Imports nothing slow.
"""

from collections.abc import Mapping

import ml_collections

from gandl_jax.errors import InputError, nearest
from gandl_jax.methods.source import Source


def label_column(source: Source) -> str:
    """Returns the column of labels that a generator draws by.

    Raises:
      InputError: it draws without labels.
    """
    if len(source.classes) != 1:
        raise InputError(
            "the training in this workdir drew by no class, or by several columns: "
            "train with the classes of one, as in --config.data.label=Class, in "
            "another --workdir"
        )
    return next(iter(source.classes))


def counts(source: Source) -> dict[str, int]:
    """Counts the training records of each class."""
    column = label_column(source)
    names = source.classes[column]
    return dict(zip(names, source.class_counts[column], strict=True))


def per_class(config: ml_collections.ConfigDict, source: Source) -> dict[str, int]:
    """Counts the wanted images of each class; classes without any are left out.

    Args:
      config: generate is read.
      source: of the training.

    Raises:
      InputError: a class was never seen by the generator, or no image is wanted.
    """
    training_counts, options = counts(source), config.generate
    for name in options.classes:
        if not training_counts.get(name):
            raise InputError(
                f"config.generate.classes names {name!r}, of which the generator never "
                "saw an image: "
                f"{nearest(name, [n for n in training_counts if training_counts[n]])}"
            )
    chosen = [
        name for name in training_counts if name in (options.classes or training_counts)
    ]
    largest = max(training_counts.values())
    wanted_counts = {
        name: options.images_per_class or largest - training_counts[name]
        for name in chosen
    }
    if not any(wanted_counts.values()):
        raise InputError(
            f"all classes of {label_column(source)} have {largest:,} training records, "
            "so that none is to be filled up: say how many images of each are wanted, "
            "as in --config.generate.images_per_class=100"
        )
    return {name: count for name, count in wanted_counts.items() if count}


def check_enough(
    config: ml_collections.ConfigDict,
    wanted_counts: Mapping[str, int],
    drawn: Mapping[str, int],
    passing: Mapping[str, int],
) -> None:
    """Refuses to keep more images than the selection lets through.

    Args:
      config: generate is read.
      wanted_counts: class to the number of wanted images.
      drawn: class to the number of candidates.
      passing: class to the number that the selection lets through.

    Raises:
      InputError: counts the images of each class that lacks some.
    """
    lacking = [
        f"{passing[name]:,} of {drawn[name]:,} of {name!r}, where {count:,} are asked"
        for name, count in wanted_counts.items()
        if passing[name] < count
    ]
    if lacking:
        raise InputError(
            f"config.generate.select={config.generate.select} lets through "
            f"{'; '.join(lacking)}: ask for fewer (config.generate.images_per_class, "
            "classes), draw more for each (config.generate.candidates), or select "
            "otherwise; what was drawn is kept for that"
        )
