"""The sets of single cells that have a part to choose by and a part to report on."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config_files
from gandl_jax import main as program
from gandl_jax.errors import InputError
from gandl_jax.raw import screen
from gandl_jax.tasks import marks

# Of each set the column of its groups, and the cells of each class that are for
# choosing, counted once: another rule would deal other cells.
GROUPS = {
    "hep2_cells": "specimen_est",
    "mitocheck_nuclei": "plate",
    "malaria_cells": "patient",
    "tcell_activation": "donor",
    "mitosis_stages": "track_est",
    "granulopoiesis_stages": None,
    "jurkat_stages": None,
}
CHOOSING = {
    "hep2_cells": (693, 200, 586, 604, 672, 580),
    "mitocheck_nuclei": (
        *(6, 22, 62, 107, 11, 7, 3, 48, 162, 24, 19, 68, 65, 163, 69, 15),
    ),
    "malaria_cells": (2723, 3076),
    "tcell_activation": (48, 127),
    "mitosis_stages": (34, 8, 54, 19, 25, 28, 17, 26),
    "granulopoiesis_stages": (128, 255, 225, 367, 366),
    "jurkat_stages": (4, 200, 200, 15, 135, 200, 6),
}


def config_of(name, request, options=""):
    folder = request.config.rootpath.parent / "configs"
    return config_files.load(f"{folder}/{name}.py:{options}")


def raw_table(folder: pathlib.Path) -> pd.DataFrame:
    """A set's table, read by pandas alone."""
    return pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)


@pytest.mark.real_data
@pytest.mark.parametrize("name", GROUPS)
def test_parts_are_whole_groups_with_every_class(name, shared, request):
    source, group = shared / "data" / name, GROUPS[name]
    raw, spec = raw_table(source), screen.load(config_of(name, request))
    found = screen.table(spec, screen.read_metadata(spec, str(source)))
    assert found["Metadata_Class"].tolist() == raw["class"].tolist()
    raw["part"] = found["Metadata_Part"]
    of = raw[group] if group else raw["file"]
    assert (raw.groupby(of)["part"].nunique() == 1).all()
    dealt = raw.groupby(of)["part"].first().eq("choosing")
    assert abs(dealt.sum() - len(dealt) / 3) <= 2, "a third of the groups, to rounding"
    counts = raw[raw["part"] == "choosing"]["class"].value_counts().sort_index()
    assert tuple(counts) == CHOOSING[name]
    rest = raw["class"].value_counts().sort_index() - counts
    assert (rest > 0).all() and list(counts.index) == sorted(set(raw["class"]))


@pytest.mark.parametrize("name", GROUPS)
def test_a_folder_that_is_not_there_or_another(name, tmp_path, request):
    spec = screen.load(config_of(name, request))
    where = spec.source.split(",")[0]
    for folder, told in (
        (tmp_path / "nowhere", "does not exist; set config.data.source_dir"),
        (tmp_path, "there is no metadata.csv in"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            screen.read_metadata(spec, str(folder))
        assert where in str(caught.value)
    (tmp_path / "metadata.csv").write_text("site_id,plate\n1,A\n")
    with pytest.raises(InputError, match="lacks the columns .*class") as caught:
        screen.read_metadata(spec, str(tmp_path))
    assert where in str(caught.value)


def test_what_their_configs_share(request):
    for name in GROUPS:
        config = config_of(name, request)
        spec = screen.load(config)
        columns = {c.removeprefix("Metadata_").lower(): c for c in spec.columns}
        group = config.evaluate.bootstrap_unit
        assert spec.columns.get(columns.get(group)) == GROUPS[name]
        assert spec.parts.group == columns.get(group, "")
        assert config.evaluate.label_classification.splits == (group,)
        assert config.train.hold_out == "part:reporting"
        assert spec.limits.endswith(".") and not config.data.label
        taught = config_of(name, request, "method=classifier,smoke")
        assert taught.data.label == "Class" and taught.model.input_px == 16
        assert taught.data.crop_px == config.data.crop_px


def few(source: pathlib.Path, folder: pathlib.Path, name: str, most: int):
    """The first cells of each class and group; of rare classes' groups all."""
    table = raw_table(source)
    by = ["class"] + [GROUPS[name]] * bool(GROUPS[name])
    table = table.groupby(by).head(most)
    for file in table["file"]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes((source / file).read_bytes())
    table.to_csv(folder / "metadata.csv", index=False)
    return table


def run(request, name, method, folder, *more) -> int:
    root = request.config.rootpath.parent
    return program.main(
        [
            f"--config={root}/configs/{name}.py:smoke,method={method}",
            f"--workdir={folder}/w",
            f"--config.data.source_dir={folder}/raw",
            f"--config.data.dir={folder}/prepared",
            "--config.data.workers=1",
            "--config.train.devices=1",
            *more,
        ]
    )


def check_chain(request, shared, folder, name, method, most):
    """Prepares few cells, trains, embeds and judges; who saw what, and scores of it."""
    table = few(shared / "data" / name, folder / "raw", name, most)
    jobs = "--job=prepare,train,embed,evaluate"
    few_steps = (
        "--config.evaluate.tasks=label_classification",
        "--config.evaluate.max_folds=3",
        "--config.train.total_images=64",
    )
    assert run(request, name, method, folder, jobs, *few_steps) == 0
    profiles = folder / f"w/profiles/{name}/{method}@2"
    seen = pd.read_parquet(profiles / "_trained_on.parquet").set_index("record_id")
    part = pd.read_parquet(profiles).set_index("Metadata_Record_ID")["Metadata_Part"]
    assert sorted(part.index) == sorted(table["id" if "id" in table else "file"])
    is_seen = seen["seen_images"].reindex(part.index)
    assert is_seen.tolist() == (part == "choosing").tolist() and is_seen.nunique() == 2
    result = folder / f"w/tasks/{name}/label_classification.json"
    check_rows(json.loads(result.read_text())["rows"], request, name, method, table)


def check_choosing(request, folder, name, method):
    """Recipes can be chosen without a record of the part for reporting."""
    within = ("--config.evaluate.within=part:choosing", "--config.evaluate.max_folds=3")
    tasks = "--config.evaluate.tasks=label_classification"
    assert run(request, name, method, folder, "--job=evaluate", tasks, *within) == 0
    result = folder / f"w/tasks/{name}/label_classification.json"
    content = json.loads(result.read_text())
    part = pd.read_parquet(folder / f"w/profiles/{name}/{method}@2")["Metadata_Part"]
    count = (part == "choosing").sum()
    words = f"{count:,} of {len(part):,} records are judged, those of part:choosing"
    assert any(words in line for line in content["warnings"])
    assert content["rows"] and "held_out" not in {r["split"] for r in content["rows"]}
    assert all(sum(row["by_class"].values()) <= count for row in content["rows"])


def check_rows(rows, request, name, method, table):
    group = config_of(name, request).evaluate.bootstrap_unit
    assert {row["split"] for row in rows} == {group, "held_out"}
    assert {row["unit"] for row in rows} == {group}
    assert all(np.isfinite(row["value"]) for row in rows)
    for row in rows:
        own = row["encoder"] == f"{method}@2" and method == "classifier"
        assert marks.learnt(row) == (own and row["split"] == group)
        assert row["leaky"] == (row["split"] == "record")
        if row["split"] == "held_out":
            assert row["by_class"] == table["class"].value_counts().to_dict()


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name, most", [("tcell_activation", 8), ("mitocheck_nuclei", 1)]
)
def test_the_chain_on_few_cells(name, most, request, shared, tmp_path):
    check_chain(request, shared, tmp_path, name, "autoencoder", most)


OTHERS = [
    (name, method)
    for name in ("hep2_cells", "mitocheck_nuclei")
    for method in ("gan", "classifier")
]


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    "name, method", [*((n, "autoencoder") for n in GROUPS), *OTHERS]
)
def test_the_chain(name, method, request, shared, tmp_path):
    check_chain(request, shared, tmp_path, name, method, 5 if GROUPS[name] else 100)
    assert run(request, name, method, tmp_path, "--job=report") == 0
    page = (tmp_path / "w/report/index.html").read_text()
    limits = screen.load(config_of(name, request)).limits
    assert page.count(limits.replace("'", "&#x27;")) == 2  # doubts, and limits
    if name != "tcell_activation":  # of which one donor is for choosing
        check_choosing(request, tmp_path, name, method)


@pytest.mark.real_data
def test_an_image_that_is_cut_short_is_named(request, shared, tmp_path, capsys):
    name = "mitosis_stages"
    table = few(shared / "data" / name, tmp_path / "raw", name, 1)
    broken = tmp_path / "raw" / table["file"].iloc[3]
    broken.write_bytes(broken.read_bytes()[:200])
    assert run(request, name, "autoencoder", tmp_path, "--job=prepare") == 2
    assert broken.name in capsys.readouterr().err
    assert not (tmp_path / "prepared/screen.json").exists()
