"""Imports go one way, and each library has one owner."""

import ast
import pathlib

import pytest

import gandl_jax

ROOT = pathlib.Path(gandl_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ROOMS = {  # each folder's, and which others it imports
    "api": "judging training methods figures tasks profiles reading prepared raw",
    "jobs": "judging training methods figures tasks profiles reading prepared raw",
    "judging": "training tasks profiles reading prepared raw",
    "training": "classical methods profiles reading prepared raw",
    "methods": "models",
    "models": "",
    "figures": "profiles",
    "tasks": "profiles",
    "profiles": "",
    "reading": "prepared raw",
    "prepared": "raw",
    "screens": "simulated raw",
    "classical": "",
    "simulated": "raw",
    "raw": "",
}
# Files beside them that a room imports, where it is not all: these do no I/O, know no
# config, or are for every screen alike.
BESIDE = {
    "methods": "config errors modules parallel stages",
    "models": "errors files tensor_file",
    "classical": "child_processes errors",
    "figures": "dose_unit names",
    "tasks": "child_processes dose_unit errors names recipe_parts stages",
    "profiles": "csv_layout errors files names plain_data sealed_json",
    "raw": "csv_layout errors files modules names progress recipe_parts regular_files",
}
# What the files beside them import of the rooms.
OF_ROOMS = {"run_jobs": {"profiles"}, "workdir_faults": {"profiles"}}
OWNERS = {
    "tensorflow": {"host_tensorflow"},
    "tensorflow_datasets": {"prepared"},
    "tifffile": {"raw"},
    "apache_beam": {"prepared"},
    "flax.linen": {"models"},
    "optax": {"methods"},
    "orbax": {"checkpoint"},
    "sklearn": {"profiles", "tasks"},
    "anndata": {"profiles"},
    "zarr": {"profiles", "raw"},
    "numcodecs": {"raw"},
    "fsspec": {"raw"},
    "h5py": {"models", "profiles"},
    "huggingface_hub": {"models"},
    "copairs": {"tasks"},
    "umap": {"tasks"},
    "cp_measure": {"classical"},
    "skimage": {"classical"},
    "matplotlib": {"figures"},
    "tensorboardX": {"logs"},
    "dask": {"cluster_calls"},
    "distributed": {"cluster", "cluster_calls"},
    "gandl_jax.host_tensorflow": {"prepared", "reading"},
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
        target = name.split(".")[1] if name.startswith("gandl_jax.") else "__version__"
        if target != "__version__":
            assert is_allowed(layer(file), target), f"{file} imports {name}"


def is_allowed(importer, target):
    if target == importer:
        return importer in ROOMS
    if target in ROOMS:
        return target in ROOMS.get(importer, "").split() or target in OF_ROOMS.get(
            importer, ()
        )
    return target != "main" and target in BESIDE.get(importer, target).split()


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_each_library_has_one_owner(file):
    for name in imports(file):
        for library, owners in OWNERS.items():
            if name == library or name.startswith(library + "."):
                assert layer(file) in owners, f"{file} imports {name}"


def test_a_report_loads_no_tensorflow():
    """It reads files alone: importing it takes seconds."""
    reached, waiting = set(), sorted((ROOT / "jobs/report").rglob("*.py"))
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting += set(at_once(file)) - reached
    assert ROOT / "judging/task_tables.py" in reached  # of its evidence
    assert not reached & {ROOT / "host_tensorflow.py", ROOT / "jobs/embed.py"}


def at_once(file):
    """Yields the project's files that a file imports when it is imported itself."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("gandl_jax"):
            for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names)):
                path = ROOT.parent / f"{name.replace('.', '/')}.py"
                yield from [path] * path.is_file()


def test_only_parallel_knows_devices():
    for file in FILES:
        if layer(file) != "parallel":
            text = file.read_text()
            for word in ("jax.pmap", "jax.devices(", "local_devices", "shard_map"):
                assert word not in text, f"{file} says {word}"


# Tables that people open go through csv_files, but for these two: a digest's text, and
# made-up screens, which are read back as they are and hold our own names.
OWN_CSV = {"csv_files.py", "prepared/changed_table.py", "simulated/drawing.py"}
# Whatever a user may have put there is opened by files. These read what the system or
# the package itself holds, or give a path to a folder that they made.
OPENING = {
    "files.py",
    "regular_files.py",
    "modules.py",  # the package's own text
    "judging/task_results.py",
    "jobs/report/page_file.py",
    "jobs/benchmark/job.py",  # /proc
    "compilation.py",
    "hosts.py",  # /sys, and the null device
    "preemption.py",  # its own pipe
    "lock.py",  # checked before
    "jobs/try_kills/job.py",  # for developers: two runs of its own
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


# What only a method and its networks know.
BANNED = ("stylegan", "discriminator", "path_length", "r1_", '"d/', '"g/')


def test_no_method_is_known_outside_methods_and_models():
    for file in sorted(ROOT.rglob("*")):
        if file.suffix not in (".py", ".html", ".css", ".js"):
            continue
        if file.relative_to(ROOT).parts[0] not in ("methods", "models"):
            text = file.read_text().lower()
            assert [word for word in BANNED if word in text] == [], file
