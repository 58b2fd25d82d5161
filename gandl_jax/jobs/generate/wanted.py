"""How many images of each class are wanted, and how many there are.

Imports nothing slow.
"""

from collections.abc import Mapping

import ml_collections

from gandl_jax.errors import InputError, nearest
from gandl_jax.methods.source import Source


def label_column(source: Source) -> str:
    """The column of labels that a generator draws by.

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
    """Class to the number of its training records."""
    column = label_column(source)
    names = source.classes[column]
    return dict(zip(names, source.class_counts[column], strict=True))


def of_classes(config: ml_collections.ConfigDict, source: Source) -> dict[str, int]:
    """Class to the number of images that are wanted; only those of which some are.

    Args:
      config: generate is read.
      source: of the training.

    Raises:
      InputError: a class that the generator never saw, or no image is wanted.
    """
    known, options = counts(source), config.generate
    for name in options.classes:
        if not known.get(name):
            raise InputError(
                f"config.generate.classes names {name!r}, of which the generator never "
                f"saw an image: {nearest(name, [n for n in known if known[n]])}"
            )
    chosen = [name for name in known if name in (options.classes or known)]
    most = max(known.values())
    found = {name: options.images_per_class or most - known[name] for name in chosen}
    if not any(found.values()):
        raise InputError(
            f"all classes of {label_column(source)} have {most:,} training records, so "
            "that none is to be filled up: say how many images of each are wanted, as "
            "in --config.generate.images_per_class=100"
        )
    return {name: count for name, count in found.items() if count}


def check_enough(
    config: ml_collections.ConfigDict,
    asked: Mapping[str, int],
    drawn: Mapping[str, int],
    passing: Mapping[str, int],
) -> None:
    """Refuses to ask for more images than the selection lets through.

    Args:
      config: generate is read.
      asked: class to the number of images that are wanted.
      drawn: class to the number of candidates.
      passing: class to those of them that the selection lets through.

    Raises:
      InputError: with how many there are of each class that lacks some.
    """
    lacking = [
        f"{passing[name]:,} of {drawn[name]:,} of {name!r}, where {count:,} are asked"
        for name, count in asked.items()
        if passing[name] < count
    ]
    if lacking:
        raise InputError(
            f"config.generate.select={config.generate.select} lets through "
            f"{'; '.join(lacking)}: ask for fewer (config.generate.images_per_class, "
            "classes), draw more for each (config.generate.candidates), or select "
            "otherwise; what was drawn is kept for that"
        )
