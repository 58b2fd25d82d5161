"""The job `export`: writes feature sets as AnnData files, for other tools.

With `export.beside_plates` it writes each OME-Zarr plate's rows beside it, as Zarr.
"""

import importlib.util
import os
from typing import Any, NamedTuple

import ml_collections
import numpy as np
from etils import epath

import gandl_jax
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import feature_set, store, table
from gandl_jax.raw import raw_images, screen
from gandl_jax.raw.ome_zarr import ZarrPlate
from gandl_jax.raw.zarr_keys import WebKeys


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes the sets that config.export.sets names, or all, unless they are there.

    Args:
      config: data, screen and export are read.
      workdir: with profiles/<dataset>/<encoder>/.

    Raises:
      InputError: anndata is not installed, there are no profiles, or no such set; or
        the screen has no OME-Zarr plate that a table can be written beside.
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
    plates = _plates(config) if config.export.beside_plates else []
    for name in config.export.sets or known:
        _export(name, *known[name], target / f"{name.replace('/', '_')}.h5ad")
        for plate in plates:
            _export_beside(plate, name, *known[name])


class _Plate(NamedTuple):
    """A plate that tables are written beside.

    Attributes:
      path: of its tables, to which a set's name is added.
      zarr_format: 2 or 3.
      records: names of its records.
    """

    path: str
    zarr_format: int
    records: set[str]


def _plates(config: ml_collections.ConfigDict) -> list[_Plate]:
    """The OME-Zarr plates of the raw screen, with the records that each has."""
    spec, data = screen.load(config), config.data
    metadata = screen.read_metadata(spec, data.source_dir)
    kept, source = raw_images.open_present(config, spec, metadata)
    ids = screen.record_ids(spec, kept).to_numpy()
    paths = [
        source.spellings.actual(spec.image_paths(row)[0])
        for row in kept.to_dict("records")
    ]
    plates = [plate for plate in source.plates if isinstance(plate, ZarrPlate)]
    if not plates:
        raise InputError(
            f"config.export.beside_plates is set, and {data.source_dir} "
            "(config.data.source_dir) holds no OME-Zarr plate: leave it out"
        )
    made = []
    for plate in plates:
        if isinstance(plate.keys, WebKeys):
            raise InputError(
                f"config.export.beside_plates is set, and {plate.name} is not on this "
                "machine's disk: leave it out, and copy exports/ to the plate"
            )
        records = {name for name, path in zip(ids, paths, strict=True) if path in plate}
        parent = os.path.dirname(os.path.abspath(plate.name))
        made.append(
            _Plate(os.path.join(parent, plate.title), plate.zarr_format, records)
        )
    return made


def _export_beside(
    plate: _Plate, name: str, folder: epath.Path, short_name: str
) -> None:
    """Writes a set's rows of a plate to <plate>.<set>.zarr beside it."""
    from gandl_jax.profiles import anndata_file  # an optional library

    path = epath.Path(f"{plate.path}.{name.replace('/', '_')}.zarr")
    provenance = _provenance(name, folder)
    if anndata_file.zarr_provenance(path) == provenance:
        print(f"export    {path} is there: nothing to do", flush=True)
        return
    whole_set = store.read(folder, [short_name])[short_name]
    rows = whole_set.take(
        np.isin(table.record_ids(whole_set.metadata), sorted(plate.records))
    )
    measured = store.measurements(folder)
    anndata_file.write_zarr(
        path, rows, provenance, measured, zarr_format=plate.zarr_format
    )
    records, width = rows.features.shape
    print(f"export    {path}: {records:,} records x {width:,} features", flush=True)


def _provenance(name: str, folder: epath.Path) -> dict[str, Any]:
    """Says in plain data what a set was made from."""
    return {
        "set": name,
        "profiles": store.fingerprint(folder),
        "made_from": store.made_from(folder),
        "version": gandl_jax.__version__,
    }


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

    provenance = _provenance(name, folder)
    if anndata_file.provenance(path) == provenance:
        print(f"export    {path} is there: nothing to do", flush=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    exported_set = store.read(folder, [short_name])[short_name]
    anndata_file.write(path, exported_set, provenance, store.measurements(folder))
    records, width = exported_set.features.shape
    print(f"export    {path}: {records:,} records x {width:,} features", flush=True)
