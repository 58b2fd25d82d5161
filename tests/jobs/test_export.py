"""Feature sets as files of AnnData."""

import importlib
import os

import anndata
import numpy as np
import ome_writers
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs import export
from gandl_jax.profiles import seen_table, store
from gandl_jax.profiles.seen import Seen
from gandl_jax.raw import raw_files


@pytest.fixture
def config():
    return configs.default()


@pytest.fixture
def workdir(tmp_path):
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "Metadata_Record_ID": [f"s{i}" for i in range(8)],
            "Metadata_Plate": ["1", "2"] * 4,
            "Metadata_Role": ["response_0", "treated"] * 4,
        }
    )
    for encoder, sets in (("gan@9", ("b8", "b16")), ("intensity", ("intensity",))):
        directory = tmp_path / "profiles/simulated" / encoder
        store.claim(directory, {"prepared": "abc", "saw_images": encoder == "gan@9"})
        for number in (0, 1):
            rows = slice(4 * number, 4 * number + 4)
            features = {name: rng.normal(size=(4, 3)) for name in sets}
            path = directory / f"part-{number}.parquet"
            store.write_part(path, metadata[rows], features)
        store.finish(directory)
    return tmp_path


def test_every_set_is_exported_with_where_it_came_from(config, workdir):
    export.run(config, workdir)
    folder = workdir / "exports/simulated"
    names = {path.name for path in folder.iterdir()}
    assert names == {"gan@9_b8.h5ad", "gan@9_b16.h5ad", "intensity.h5ad"}
    annotated = importlib.import_module("gandl_jax.profiles.annotated")
    for encoder, name in (("gan@9", "b16"), ("intensity", "intensity")):
        path = folder / (f"{encoder}_{name}.h5ad" if name == "b16" else f"{name}.h5ad")
        read = anndata.read_h5ad(path)
        one = store.read(workdir / "profiles/simulated" / encoder, [name])[name]
        np.testing.assert_array_equal(read.X, one.features)
        assert read.obs_names.tolist() == [f"s{i}" for i in range(8)]
        assert read.obs["Metadata_Plate"].tolist() == ["1", "2"] * 4
        made = annotated.provenance(path)
        assert made["made_from"]["prepared"] == "abc"
        assert made["set"] in ("gan@9/b16", "intensity")


def test_what_columns_measure_is_exported_where_it_is_named(config, workdir):
    names = ["Image__Texture_Contrast_3_00_256__dna", "Nuclei__Count", "Nuclei__x"]
    rows = [{"column": i, "measurement": name} for i, name in enumerate(names)]
    directory = workdir / "profiles/simulated/intensity"
    sealed_json.write(directory / store.SUMMARY, {store.COLUMNS: rows})
    export.run(config, workdir)
    folder = workdir / "exports/simulated"
    var = anndata.read_h5ad(folder / "intensity.h5ad").var
    assert var["measurement"].tolist() == names
    assert "measurement" not in anndata.read_h5ad(folder / "gan@9_b8.h5ad").var


def test_what_is_there_is_not_written_again(config, workdir, capsys):
    config.export.sets = ("gan@9/b8",)
    export.run(config, workdir)
    path = workdir / "exports/simulated/gan@9_b8.h5ad"
    export.run(config, workdir)
    assert "is there: nothing to do" in capsys.readouterr().out
    directory = workdir / "profiles/simulated/gan@9"
    metadata = store.read_metadata(directory)[:4]
    new = {"b8": np.ones((4, 3)), "b16": np.ones((4, 3))}
    part = directory / "part-0.parquet"
    store.write_part(part, metadata, new)
    store.finish(directory)
    os.utime(part, (part.stat().st_mtime + 1,) * 2)  # written a second later
    export.run(config, workdir)
    assert (anndata.read_h5ad(path).X[:4] == 1).all()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_unknown_sets_and_no_profiles(config, workdir, tmp_path_factory):
    config.export.sets = ("gan@9/b9",)
    with pytest.raises(InputError, match="'gan@9/b9'.*did you mean 'gan@9/b8'"):
        export.run(config, workdir)
    assert not (workdir / "exports").exists()
    with pytest.raises(InputError, match="no profiles in .*--job=embed"):
        export.run(config, tmp_path_factory.mktemp("empty"))


def test_what_was_seen_of_each_record_goes_with_it(config, tmp_path):
    ids = [f"s{i}" for i in range(4)]
    metadata = pd.DataFrame({"Metadata_Record_ID": ids})
    kinds = [(True, "Treatment"), (False, ""), (None, None), (True, "")]
    trained_on = seen_table.make(metadata, Seen.from_kinds(kinds))
    folder = tmp_path / "profiles/simulated/gan@9"
    store.claim(folder, {"saw_images": True}, trained_on)
    store.write_part(folder / "part-0.parquet", metadata, {"b8": np.ones((4, 2))})
    store.finish(folder)
    export.run(config, tmp_path)
    obs = anndata.read_h5ad(tmp_path / "exports/simulated/gan@9_b8.h5ad").obs
    assert obs["seen_images"].tolist() == ["yes", "no", "unknown", "yes"]
    assert obs["seen_labels"].tolist() == ["Treatment", "", "unknown", ""]


@pytest.mark.parametrize("version", ("0.4", "0.5"))
def test_tables_are_written_beside_plates(config, tmp_path, capsys, version):
    raw, profiles = tmp_path / "raw", tmp_path / "profiles/my_screen/intensity"
    for plate in ("P1", "P2"):
        ome_writers.write_zarr(raw / f"{plate}.zarr", ome_writers.images(), version)
    config.data.update(name="own", source_dir=str(raw))
    config.screen.update(
        name="my_screen",
        metadata="",
        file="{plate}.zarr/{well}/{site}",
        channels=("dapi", "actin"),
    )
    config.screen.columns.update(plate="plate", well="well", site="site")
    config.export.beside_plates = True
    names = [f"{p}_{w}_{s}" for p in ("P1", "P2") for w, s in ome_writers.images()]
    names.reverse()
    features = np.arange(3.0 * len(names)).reshape(-1, 3)
    store.claim(profiles, {"prepared": "abc", "saw_images": False})
    metadata = pd.DataFrame({"Metadata_Record_ID": names})
    store.write_part(profiles / "part-0.parquet", metadata, {"intensity": features})
    store.finish(profiles)
    export.run(config, tmp_path)
    for plate in ("P1", "P2"):
        path = raw / f"{plate}.intensity.zarr"
        assert (path / ".zgroup").exists() == (version == "0.4")
        read = anndata.read_zarr(path)
        own = [name for name in names if name.startswith(plate)]
        assert read.obs_names.tolist() == own
        rows = [names.index(name) for name in own]
        np.testing.assert_array_equal(read.X, features[rows])
    assert len(raw_files.open_files(str(raw)).plates) == 2  # tables are no plates
    capsys.readouterr()
    export.run(config, tmp_path)
    assert capsys.readouterr().out.count("nothing to do") == 3
    config.data.source_dir = str(tmp_path / "other")
    ome_writers.write_tiffs(tmp_path / "other", ome_writers.images())
    config.screen.file = "{plate}/{well}_s{site}.tif"
    with pytest.raises(InputError, match="holds no OME-Zarr plate: leave it out"):
        export.run(config, tmp_path)
