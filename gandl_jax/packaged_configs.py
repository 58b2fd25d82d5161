"""The package's own configs, by name: gandl_jax:demo, gandl_jax:sweeps/methods.

They are the files of `configs/`: inside an installed package, beside it in a clone.
"""

import pathlib

PREFIX = "gandl_jax:"
PACKAGE = pathlib.Path(__file__).parent


def is_named(path_and_options: str) -> bool:
    """Whether the text names a config of the package, not a file."""
    return path_and_options.startswith(PREFIX)


def split(path_and_options: str) -> tuple[str, str]:
    """Divides "gandl_jax:demo:smoke" into "gandl_jax:demo" and "smoke"."""
    name, _, options = path_and_options.removeprefix(PREFIX).partition(":")
    return PREFIX + name, options


def file(name: str) -> pathlib.Path:
    """The file that "gandl_jax:demo" stands for, whether or not it exists."""
    return folder() / f"{name.removeprefix(PREFIX).removesuffix('.py')}.py"


def folder() -> pathlib.Path:
    """The folder of the package's own configs."""
    inside = PACKAGE / "configs"  # where setup.py puts them in a wheel
    return inside if inside.is_dir() else PACKAGE.parent / "configs"
