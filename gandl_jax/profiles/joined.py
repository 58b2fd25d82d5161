"""Sets that are several sets side by side, by their name: "b64+b32+classical".

The parts are sets of one encoder, or floors of images such as "classical".
"""

from collections.abc import Collection

from gandl_jax.profiles import feature_set, floors

JOIN = "+"


def short_parts(short_name: str, known: Collection[str]) -> list[str]:
    """Returns the parts that a short name names; itself alone if it is of a stored set.

    Args:
      short_name: "b64+classical", "b64".
      known: short names of the stored sets, which may contain a plus themselves.
    """
    return [short_name] if short_name in known else short_name.split(JOIN)


def parts(name: str, known: Collection[str]) -> tuple[str, ...]:
    """Returns the full names of the sets that a set is made of.

    Args:
      name: full name, "gan@500/b64+b32+classical".
      known: full names of the stored sets.

    Returns:
      Two or more of `known`; () if the name is that of a stored set, or a part is not
      there.
    """
    encoder, _, short_name = name.partition("/")
    if name in known or JOIN not in short_name:
        return ()
    full_names = tuple(
        feature_set.full_name(part if part in floors.OF_IMAGES else encoder, part)
        for part in short_name.split(JOIN)
    )
    return full_names if set(full_names) <= set(known) else ()


def floors_of(short_name: str) -> list[str]:
    """Returns the floors among the parts of a joined set's short name."""
    names = short_name.split(JOIN)
    return [name for name in names if name in floors.OF_IMAGES and len(names) > 1]
