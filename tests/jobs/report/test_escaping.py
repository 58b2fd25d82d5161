"""HTML in any name that the report shows is text, wherever the name is from."""

import json
import re
import types

import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles import store

PLACES = ("command", "plate", "well", "treatment", "cell model", "experiment")
PLACES += ("condition", "dataset", "encoder", "set", "warning", "skipped", "task")
PLACES += ("class", "label", "curve", "record", "what", "config value", "channel")
NOT_SHOWN = "class", "label", "well", "config value"


def evil(place):
    """Ends an attribute, an element and a script, and begins others."""
    number = PLACES.index(place)
    return f"\"'><evil{number} onload=x>$x_{{&amp;</script></style></title></svg>"


@pytest.fixture(scope="module")
def crafted(tmp_path_factory, rows):
    """A workdir with such a name in every place, and its page."""
    workdir = tmp_path_factory.mktemp("crafted")
    group, dataset = evil("cell model"), "simulated"
    names = {"group": group, "warnings": [evil("warning")]}
    scored = rows.score(**names, classes=[evil("class")], label=evil("label"))
    others = [rows.score("gan@0", **names), rows.score(features=evil("set"), **names)]
    rows.save(
        workdir, "control_classification", [scored, *others], warnings=[evil("warning")]
    )
    rows.save(workdir, "cell_model_classification", [], skipped=evil("skipped"))
    rows.save(workdir, evil("task").replace("/", "-"), [], skipped="x")
    rows.save(
        workdir, "batch_effects", [scored], dataset=evil("dataset").replace("/", "-")
    )
    curves = [rows.curve(evil("curve"), group=group, experiment=evil("experiment"))]
    rows.save(workdir, "dose_response", curves)
    columns = {"plate": evil("plate"), "cell_type": group, "well": evil("well")}
    columns |= {"treatment": evil("treatment"), "condition": evil("condition")}
    columns |= {"experiment": evil("experiment")}
    wells = rows.well_map(**{name: [text] * 12 for name, text in columns.items()})
    rows.save(workdir, "well_map", [wells])
    rows.save(workdir, "retrieval", [rows.found(group=group)])
    folder = workdir / "profiles" / dataset / evil("encoder").replace("/", "-")
    one = pd.DataFrame({"Metadata_Record_ID": ["a"], "Metadata_Plate": [evil("plate")]})
    store.claim(folder, {"saw_images": None, "channels": [evil("channel")]})
    store.write_part(folder / "part-00000.parquet", one, {"b8": np.ones((1, 2))})
    store.finish(folder)
    changed = {"train.batch": [1, evil("config value")]}
    record = {"command": evil("command"), "config": {"data.dir": evil("config value")}}
    record |= {"versions": {"jax": "1"}, "history": [{"date": "x", "changed": changed}]}
    (workdir / "config.json").write_text(json.dumps(record))
    bad = pd.DataFrame({"shard": ["s"], "record": ["0"], "name": [evil("record")]})
    bad.assign(what=evil("what")).to_csv(workdir / "bad_records.csv", index=False)
    page = rows.page_of(workdir)
    return types.SimpleNamespace(
        page=page, text=(workdir / "report/index.html").read_text()
    )


def test_the_page_is_whole_and_its_only_script_is_ours(crafted):
    tags = {tag for tag, _, _ in crafted.page.attributes}
    assert not {tag for tag in tags if tag.startswith("evil")}
    assert not [key for _, key, _ in crafted.page.attributes if key.startswith("on")]
    plain = crafted.page.scripts - len(crafted.page.data)
    assert plain == 1 and crafted.text.count("<style>") == 1


@pytest.mark.parametrize("place", PLACES)
def test_html_in_a_name_is_text(crafted, place):
    number = PLACES.index(place)
    assert f"<evil{number}" not in crafted.text
    if place not in NOT_SHOWN:
        assert re.search(rf"(&lt;|\\u003c)evil{number} ", crafted.text), "not shown"
