"""Imports go one way, and each library has one owner."""

import ast
import pathlib

import pytest

import gandl_jax

ROOT = pathlib.Path(gandl_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LAYERS = {
    "main": {
        "config",
        "errors",
        "files",
        "hosts",
        "jobs",
        "lock",
        "paths",
        "preemption",
        "profiles",
        "terminal",
        "workdir",
    },
    "jobs": {
        "checkpoint",
        "compilation",
        "config",
        "csv_files",
        "datasets",
        "errors",
        "events",
        "figures",
        "file_hashes",
        "files",
        "hosts",
        "jobs",
        "json_lines",
        "lock",
        "logs",
        "memory",
        "methods",
        "modules",
        "names",
        "parallel",
        "pictures",
        "plain_data",
        "preemption",
        "profiles",
        "progress",
        "sealed_json",
        "tasks",
        "tpu",
        "workdir",
    },
    "methods": {"errors", "methods", "models", "parallel"},
    "models": {"errors", "models"},
    "datasets": {
        "child_processes",
        "csv_files",
        "csv_layout",
        "datasets",
        "errors",
        "files",
        "modules",
        "names",
        "progress",
        "regular_files",
        "sealed_json",
    },
    "profiles": {
        "csv_layout",
        "errors",
        "files",
        "names",
        "plain_data",
        "profiles",
        "sealed_json",
    },
    "tasks": {"child_processes", "errors", "names", "profiles", "tasks"},
    "figures": {"figures"},
    "workdir": {"config", "errors", "files", "plain_data", "sealed_json"},
    "config": {"errors", "modules", "regular_files"},
    "logs": {"files", "json_lines"},
    "pictures": {"files"},
    "hosts": {"errors", "terminal"},
    "parallel": {"compilation", "errors", "hosts"},
    "tpu": {"compilation", "errors", "hosts"},
    "compilation": set(),
    "checkpoint": {"errors", "file_hashes", "files", "hosts", "parallel"},
    "file_hashes": {"files"},
    "lock": {"errors", "files", "plain_data"},
    "preemption": {"hosts", "terminal"},
    "events": {"files", "json_lines"},
    "memory": set(),
    "progress": set(),
    "files": {"regular_files"},
    "sealed_json": {"files"},
    "errors": set(),
    "terminal": set(),
    "modules": set(),
    "names": set(),
    "csv_layout": {"errors", "names"},
    "json_lines": {"files", "sealed_json"},
    "plain_data": set(),
    "csv_files": {"files"},
    "regular_files": {"errors"},
    "paths": {"errors", "files"},
    "literal_paths": set(),
    "child_processes": set(),
}
OWNERS = {
    "tensorflow": {"datasets"},
    "gandl_jax.datasets.host_tensorflow": {"datasets"},
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


# Tables that people open go through csv_files, but for these two: a digest's text, and
# made-up screens, which are read back as they are and hold our own names.
OWN_CSV = {"csv_files.py", "jobs/prepare_shards.py", "datasets/simulated_drawing.py"}
# Whatever a user may have put there is opened by files. These read what the system or
# the package itself holds, or give a path to a folder that they made.
OPENING = {
    "files.py",
    "regular_files.py",
    "modules.py",  # the package's own text
    "jobs/judging.py",
    "jobs/report.py",
    "jobs/benchmark.py",  # /proc
    "compilation.py",
    "hosts.py",  # /sys, and the null device
    "preemption.py",  # its own pipe
    "lock.py",  # checked before
    "jobs/try_kills.py",  # for developers: two runs of its own
}
READING = {"read_text", "read_bytes", "read_parquet", "fromfile", "loadtxt"}


def calls(file):
    """Name of each function that is called, and its arguments that are constants."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            owner = getattr(getattr(node.func, "value", None), "id", "")
            values = [getattr(one, "value", None) for one in node.args]
            yield owner, name, values


def test_tables_for_people_are_written_in_one_place():
    found = {
        str(f.relative_to(ROOT)) for f in FILES for c in calls(f) if c[1] == "to_csv"
    }
    assert found == OWN_CSV


def test_files_are_opened_to_be_read_in_one_place():
    for file in FILES:
        if str(file.relative_to(ROOT)) in OPENING:
            continue
        for owner, name, values in calls(file):
            at = f"{file} calls {owner}.{name}({values})"
            if name in READING and owner != "files":
                handle = name == "read_parquet" and owner == "pd" and values == [None]
                assert handle, at
            assert not (name == "open" and owner == "" and "rb" in values), at
