"""The jobs on DEEMD: what of a screen it learns, embeds and judges."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.slow
SETTINGS = (
    "--config.model.tile_px=4",
    "--config.train.total_images=64",
    "--config.embed.steps=last",
    "--config.evaluate.tasks=efficacy",
)
JOBS = "--job=prepare,train,embed,evaluate,report"


@pytest.fixture(scope="module")
def workdir(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deemd")
    assert run(folder, JOBS, *SETTINGS, method="deemd") == 0
    return folder


def test_treated_wells_are_seen_without_a_label(workdir):
    found = pd.read_parquet(workdir / "trained_on.parquet")
    assert set(found["seen"]) == {"trained"} and len(found) == 108
    assert found["labels"].value_counts().to_dict() == {"Role,Condition": 72, "": 36}


def test_an_infection_is_one_probability(workdir):
    folder = workdir / "profiles/simulated/deemd@2"
    parts = pd.concat(map(pd.read_parquet, sorted(folder.glob("part-*.parquet"))))
    columns = [c for c in parts if c.startswith("infection__")]
    assert columns == ["infection__0"] and parts["infection__0"].between(0, 1).all()


def test_efficacy_is_judged_and_controls_alone_are_marked(workdir):
    path = workdir / "tasks/simulated/efficacy.json"
    rows = json.loads(path.read_text())["rows"]
    assert {row["set"] for row in rows} == {"deemd@2/infection", "intensity"}
    own = [row for row in rows if row["encoder"] == "deemd@2"]
    assert {row["role"] for row in own if row["labels_seen"]} == {
        "response_0",
        "response_1",
    }
    assert {row["role"] for row in own if not row["labels_seen"]} == {"treated"}
    page = (workdir / "report/index.html").read_text()
    assert "Which doses make infected wells look healthy?" in page


def test_a_screen_without_infected_controls_is_refused(run, tmp_path, capsys):
    values = "--config.data.label_values=response_1,treated"
    words = ("--job=prepare,train", *SETTINGS, "--config.data.label=Role", values)
    assert run(tmp_path, *words, method="deemd") == 2
    told = capsys.readouterr().err
    assert "deemd does not apply to config.data.label=Role" in told
    assert not (tmp_path / "checkpoints").exists()
