"""A name in a config is a module's: these are the valid ones."""

import ast
import functools
import pathlib

PACKAGE = pathlib.Path(__file__).parent


def names(folder: str, marker: str) -> list[str]:
    """The modules of `gandl_jax/<folder>` that define `marker` at top level.

    They are read, not imported: a wrong name is told before anything slow happens.

    Args:
      folder: "datasets", "methods", "tasks" or "jobs".
      marker: "SCREEN", "Method" or "run".
    """
    files = sorted((PACKAGE / folder).glob("*.py"))
    return [file.stem for file in files if marker in _top_level(file)]


@functools.cache
def _top_level(file: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            found.update(t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found
