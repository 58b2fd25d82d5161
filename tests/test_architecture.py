"""Imports go one way, and each library has one owner."""

import ast
import pathlib

import pytest

import gandl_jax

ROOT = pathlib.Path(gandl_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LAYERS = {
    "main": {
        "jobs",
        "hosts",
        "preemption",
        "lock",
        "config",
        "workdir",
        "files",
        "profiles",
        "paths",
        "errors",
        "terminal",
    },
    "jobs": {
        "jobs",
        "methods",
        "datasets",
        "profiles",
        "tasks",
        "figures",
        "pictures",
        "hosts",
        "parallel",
        "tpu",
        "compilation",
        "checkpoint",
        "logs",
        "events",
        "lock",
        "preemption",
        "file_hashes",
        "memory",
        "progress",
        "config",
        "workdir",
        "files",
        "errors",
        "modules",
    },
    "methods": {"methods", "models", "parallel", "errors"},
    "models": {"models", "errors"},
    "datasets": {
        "datasets",
        "progress",
        "child_processes",
        "files",
        "errors",
        "modules",
    },
    "profiles": {"profiles", "files", "errors"},
    "tasks": {"tasks", "profiles", "child_processes", "errors"},
    "figures": {"figures"},
    "workdir": {"config", "files", "errors"},
    "config": {"errors", "modules"},
    "logs": {"files"},
    "pictures": {"files"},
    "hosts": {"terminal", "errors"},
    "parallel": {"compilation", "hosts", "errors"},
    "tpu": {"compilation", "hosts", "errors"},
    "compilation": set(),
    "checkpoint": {"parallel", "hosts", "errors", "files", "file_hashes"},
    "file_hashes": {"files"},
    "lock": {"files", "errors"},
    "preemption": {"hosts", "terminal"},
    "events": set(),
    "memory": set(),
    "progress": set(),
    "files": set(),
    "paths": {"files", "errors"},
    "literal_paths": set(),
    "child_processes": set(),
    "errors": set(),
    "terminal": set(),
    "modules": set(),
}
OWNERS = {
    "tensorflow": {"datasets"},
    "gandl_jax.datasets.host_tensorflow": {"datasets"},  # which gives it on
    "tensorflow_datasets": {"datasets"},
    "tifffile": {"datasets"},
    "apache_beam": {"datasets"},
    "flax.linen": {"models"},
    "optax": {"methods"},
    "orbax": {"checkpoint"},
    "sklearn": {"profiles", "tasks"},
    "anndata": {"profiles"},
    "h5py": {"profiles"},
    "copairs": {"tasks"},
    "umap": {"tasks"},
    "matplotlib": {"figures"},
    "tensorboardX": {"logs"},
}


def layer(file):
    part = file.relative_to(ROOT).parts[0]
    return part.removesuffix(".py")


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_go_one_way(file):
    for name in imports(file):
        if name.startswith("gandl_jax.") and layer(file) != "__init__":
            target = name.split(".")[1]
            if target != "__version__":
                assert target in LAYERS[layer(file)], f"{file} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_each_library_has_one_owner(file):
    for name in imports(file):
        for library, owners in OWNERS.items():
            if name == library or name.startswith(library + "."):
                assert layer(file) in owners, f"{file} imports {name}"


def test_only_parallel_knows_devices():
    for file in FILES:
        if layer(file) != "parallel":
            text = file.read_text()
            for word in ("jax.pmap", "jax.devices(", "local_devices", "shard_map"):
                assert word not in text, f"{file} says {word}"
