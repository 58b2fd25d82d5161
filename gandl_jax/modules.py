"""Modules and folders that names in a config refer to."""

import ast
import functools
import hashlib
import importlib
import pathlib
import types
from typing import Any

PACKAGE = pathlib.Path(__file__).parent
INSIDE = {"jobs": "job", "methods": "method"}  # main module of a folder with parts


def names(folder: str, marker: str) -> list[str]:
    """Lists the modules of `gandl_jax/<folder>` that define `marker` at top level.

    They are read, not imported, so that a wrong name is refused before slow imports. A
    module whose name Python reserves ends in an underscore, which its name here lacks.

    Args:
      folder: "screens", "methods", "tasks" or "jobs".
      marker: "SCREEN", "Method" or "run".
    """
    return sorted(
        name for name, file in _files(folder).items() if marker in _top_level(file)
    )


def load(folder: str, name: str) -> types.ModuleType:
    """Imports the module of a name from `names`."""
    path = _files(folder)[name].relative_to(PACKAGE.parent).with_suffix("")
    return importlib.import_module(".".join(path.parts))


def constant(folder: str, name: str, marker: str, default: Any = None) -> Any:
    """Reads a constant of a module, such as OPTIONS; else returns the default.

    The module is not run: options of a task are read without importing scikit-learn.

    Raises:
      ValueError: the constant is computed, and so cannot be read.
    """
    file = _files(folder).get(name)
    node = _top_level(file).get(marker) if file else None
    try:
        return default if node is None else ast.literal_eval(node)
    except ValueError as error:
        raise ValueError(
            f"{file}: write {marker} out, without names and calls: it is read without "
            "running the file"
        ) from error


def part(folder: str, name: str, inside: str) -> types.ModuleType | None:
    """Imports a file of a folder such as methods/gan; None if it does not exist."""
    package = _files(folder)[name].parent
    if not (package / f"{inside}.py").exists():
        return None
    return importlib.import_module(f"gandl_jax.{folder}.{package.name}.{inside}")


@functools.cache
def digest() -> str:
    """SHA-256, in hex, of the package's files, as they are now."""
    hasher = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        hasher.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return hasher.hexdigest()


def _files(folder: str) -> dict[str, pathlib.Path]:
    """Returns {name: file} of single modules and of folders."""
    single = {file.stem: file for file in (PACKAGE / folder).glob("*.py")}
    main_modules = (PACKAGE / folder).glob(f"*/{INSIDE.get(folder, '')}.py")
    paths = single | {file.parent.name: file for file in main_modules}
    return {name.removesuffix("_"): file for name, file in paths.items()}


@functools.cache
def _top_level(file: pathlib.Path) -> dict[str, ast.AST]:
    """Returns {name: its value, function or class} of a file's top level."""
    nodes = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names = [
                target.id for target in node.targets if isinstance(target, ast.Name)
            ]
            nodes |= dict.fromkeys(names, node.value)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            nodes[node.name] = node
    return nodes
