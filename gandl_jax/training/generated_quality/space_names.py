"""Names of spaces in a config; imports nothing slow."""

from gandl_jax import modules
from gandl_jax.errors import known

FOLDER = "training/generated_quality/spaces"
MARKER = "open_space"


def names() -> list[str]:
    """Returns the names of all spaces."""
    return modules.names(FOLDER, MARKER)


def check(config) -> None:
    """Refuses unknown spaces.

    Args:
      config: generated_quality is read.

    Raises:
      InputError: names the nearest one.
    """
    for key in ("spaces", "every_spaces"):
        for name in config.generated_quality[key]:
            known(f"generated_quality.{key}", name, names())
