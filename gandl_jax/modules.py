"""A name in a config is a module's or a folder's: these are the valid ones."""

import ast
import functools
import hashlib
import importlib
import pathlib
import types
from typing import Any

PACKAGE = pathlib.Path(__file__).parent
INSIDE = {"jobs": "job", "methods": "method"}  # of a folder with parts, what it is for


def names(folder: str, marker: str) -> list[str]:
    """The modules of `gandl_jax/<folder>` that define `marker` at top level.

    They are read, not imported: a wrong name is told before anything slow happens. A
    module whose name Python reserves ends in an underscore, its name here does not.

    Args:
      folder: "screens", "methods", "tasks" or "jobs".
      marker: "SCREEN", "Method" or "run".
    """
    return sorted(n for n, file in _files(folder).items() if marker in _top_level(file))


def load(folder: str, name: str) -> types.ModuleType:
    """Imports the module that a name of `names` stands for."""
    place = _files(folder)[name].relative_to(PACKAGE.parent).with_suffix("")
    return importlib.import_module(".".join(place.parts))


def constant(folder: str, name: str, marker: str, default: Any = None) -> Any:
    """What a module writes out at top level, such as OPTIONS; else the default.

    It is read, not run: options of a task are known before scikit-learn is imported.

    Raises:
      ValueError: it is computed there, and so cannot be read.
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
    """Imports one file of a folder such as methods/gan; None where it has none."""
    package = _files(folder)[name].parent
    if not (package / f"{inside}.py").exists():
        return None
    return importlib.import_module(f"gandl_jax.{folder}.{package.name}.{inside}")


@functools.cache
def digest() -> str:
    """SHA-256, in hex, of the package's own files, as they are now."""
    made = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        made.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return made.hexdigest()


def _files(folder: str) -> dict[str, pathlib.Path]:
    """Name to file, of single modules and of folders."""
    single = {file.stem: file for file in (PACKAGE / folder).glob("*.py")}
    parts = (PACKAGE / folder).glob(f"*/{INSIDE.get(folder, '')}.py")
    found = single | {file.parent.name: file for file in parts}
    return {name.removesuffix("_"): file for name, file in found.items()}


@functools.cache
def _top_level(file: pathlib.Path) -> dict[str, ast.AST]:
    """Name to what is assigned to it, or to the function or class of that name."""
    found = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names = [t.id for t in node.targets if isinstance(t, ast.Name)]
            found |= dict.fromkeys(names, node.value)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
    return found
