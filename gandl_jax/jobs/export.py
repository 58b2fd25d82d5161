"""The job `export`: writes feature sets as AnnData files, for other tools."""

import importlib.util

import ml_collections
from etils import epath

import gandl_jax
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import feature_set, store
from gandl_jax.raw import screen


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes the sets that config.export.sets names, or all, unless they are there.

    Args:
      config: data.name, screen and export are read.
      workdir: with profiles/<dataset>/<encoder>/.

    Raises:
      InputError: anndata is not installed, there are no profiles, or no such set.
    """
    if importlib.util.find_spec("anndata") is None:
        raise InputError('anndata is not installed: pip install "gandl_jax[report]"')
    dataset = screen.load(config).name
    profiles = epath.Path(workdir) / "profiles" / dataset
    known = _sets(profiles)
    for name in config.export.sets:
        if name not in known:
            raise InputError(
                f"config.export.sets names {name!r}, which is not in {profiles}; "
                f"{nearest(name, known)}"
            )
    target = epath.Path(workdir) / "exports" / dataset
    for name in config.export.sets or known:
        _export(name, *known[name], target / f"{name.replace('/', '_')}.h5ad")


def _sets(profiles: epath.Path) -> dict[str, tuple[epath.Path, str]]:
    """Returns full name -> folder of its encoder and short name."""
    folders = sorted(profiles.iterdir()) if profiles.is_dir() else []
    sets = {
        feature_set.full_name(folder.name, short_name): (folder, short_name)
        for folder in folders
        if folder.is_dir() and store.is_begun(folder)
        for short_name in store.widths(folder)
    }
    if not sets:
        raise InputError(f"there are no profiles in {profiles}: run --job=embed first")
    return sets


def _export(name: str, folder: epath.Path, short_name: str, path: epath.Path) -> None:
    from gandl_jax.profiles import anndata_file  # an optional library

    provenance = {
        "set": name,
        "profiles": store.fingerprint(folder),
        "made_from": store.made_from(folder),
        "version": gandl_jax.__version__,
    }
    if anndata_file.provenance(path) == provenance:
        print(f"export    {path} is there: nothing to do", flush=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    exported_set = store.read(folder, [short_name])[short_name]
    anndata_file.write(path, exported_set, provenance, store.measurements(folder))
    records, width = exported_set.features.shape
    print(f"export    {path}: {records:,} records x {width:,} features", flush=True)
