"""What is said of training, and of encoders that were not trained here."""

import json

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import sealed_json
from gandl_jax.jobs.report import inputs
from gandl_jax.profiles import store


@pytest.fixture
def embed(tmp_path):
    """Writes complete profiles."""

    def embed(name, **made_from):
        metadata = pd.DataFrame(
            {
                "Metadata_Record_ID": ["a", "b", "c", "d"],
                "Metadata_Experiment": "E",
                "Metadata_Plate": ["1", "1", "1", "2"],
                "Metadata_Well": ["A01", "A01", "A02", "A01"],
            }
        )
        folder = tmp_path / "profiles" / "simulated" / name
        store.claim(folder, made_from)
        store.write_part(folder / "part-00000.parquet", metadata, {"b8": np.eye(4)})
        return folder

    return embed


def test_training_is_told_from_its_metrics(tmp_path, make, read_csv):
    lines = [
        {"step": step, "images": 32 * step, "seconds": 60.0, "d/loss": 1.0 + step}
        for step in (1, 2, 2, 3)
    ]
    lines[2]["d/loss"] = 7.5  # step 2 again, after a resume
    text = "\n".join(map(json.dumps, lines)) + '\n{"step": 4, "ima'
    (tmp_path / "metrics.jsonl").write_text(text)
    text = make().text
    assert "96 images seen in training" in text and "96 in 3 steps" in text
    assert [float(row["d/loss"]) for row in read_csv("training")] == [2.0, 7.5, 4.0]


def test_where_nothing_was_trained_nobody_asks_for_it(embed, make, save, rows):
    store.finish(embed("intensity"))
    save("control_classification", [rows.score("intensity")])
    text = make().text
    assert "metrics" not in text and "image grids" not in text


def test_what_a_method_says_of_its_encoder_is_a_chapter(embed, make, read_csv):
    for name, rows in (("gan@0", []), ("gan@9", [{"layer": "b8", "sparse": 0.12345}])):
        folder = embed(name, saw_images=False)
        store.finish(folder)
        sealed_json.write(folder / "summary.json", {"Code <use>": rows})
    found = make()
    assert found.table("layer") == [["layer", "sparse"], ["b8", "0.1235"]]
    assert "gan@9: Code <use>" in found.text and "gan@0: Code" not in found.text
    (row,) = read_csv("summaries")
    assert row == {
        "dataset": "simulated",
        "encoder": "gan@9",
        "table": "Code <use>",
        "layer": "b8",
        "sparse": "0.12345",
    }


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 3}', '{"a": [{"b": [1]}]}'])
def test_a_summary_that_is_none_is_told(embed, make, content):
    folder = embed("gan@9", saw_images=False)
    store.finish(folder)
    assert "encoders-simulated" not in make().values("id")
    (folder / "summary.json").write_text(content)
    found = make()
    assert "summary.json is no" in found.text
    assert "encoders-simulated" not in found.values("id")


def test_an_imported_table_says_where_it_came_from(embed, make):
    store.finish(embed("embeddings", file="a/embeddings.csv", saw_images=None))
    text = make().text
    assert "embeddings was imported from a/embeddings.csv" in text
    assert "metrics" not in text


def test_an_encoder_of_another_experiment_says_so(embed, make):
    other = {"experiment": "rxrx19a", "dataset": "rxrx19a", "prepared": "1"}
    store.finish(embed("gan@9", encoder=other, saw_images=False))
    text = make().text
    assert (
        "gan@9 comes from the experiment rxrx19a, which was trained on the screen "
        "rxrx19a; it has never seen simulated."
    ) in text
    assert "network trained on rxrx19a only, without these images" in text
    assert "metrics" not in text


def test_an_encoder_of_a_file_says_so(embed, make, save, rows):
    other = {"file": "ffhq.npz", "weights_sha256": "1", "channels": [0]}
    store.finish(embed("gan@ffhq", encoder=other, saw_images=None))
    store.finish(embed("gan@0", saw_images=False))
    row = rows.score("gan@ffhq", encoder_saw_test_images=None)
    save("control_classification", [row, rows.score("gan@0")])
    text = make().text
    assert (
        "gan@ffhq is the network in ffhq.npz, trained elsewhere: whether it has seen "
        "simulated is not known here."
    ) in text
    assert "told apart by the trained network" in text
    assert "zero-shot" not in text and "metrics" not in text


def test_what_training_started_from_is_not_called_untrained(
    tmp_path, embed, make, save, rows
):
    line = {"step": 9, "images": 9, "seconds": 1.0, "d/loss": 1.0}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    start = {"from": "a/ffhq.npz", "sha256": "1", "trained_on": None}
    (tmp_path / "config.json").write_text(json.dumps({"start": start}))
    for name in ("gan@0", "gan@9", "gan@start"):
        store.finish(embed(name))
    save("control_classification", [rows.score(e) for e in ("gan@9", "gan@start")])
    page = make()
    assert (
        "Training did not start from random networks but from a/ffhq.npz: gan@start is "
        "the network as it was given, gan@0 the same network untrained."
    ) in page.text
    (titles,) = [table[0] for table in page.tables if "trained" in table[0]][:1]
    assert "gan@start" in titles and "untrained" not in titles


def test_a_network_without_its_metrics_is_missed(embed, make):
    store.finish(embed("gan@9"))
    assert "There are no metrics yet" in make().text


@pytest.mark.parametrize("job", ["--job=prepare,train", "--job embed", ""])
def test_commands_are_the_one_typed_with_another_job(tmp_path, make, job):
    typed = f"--config=c.py {job} --workdir=w --config.seed=3"
    (tmp_path / "config.json").write_text(json.dumps({"command": typed}))
    text = make().text
    program = "python -m gandl_jax.main --config=c.py"
    assert f"{program} --workdir=w --config.seed=3 --job=embed,evaluate" in (
        text.replace("  ", " ")
    )
    assert f"Command {' '.join(f'{program} {job} --workdir=w'.split())}" in text


@pytest.mark.parametrize(
    ("columns", "counts"),
    [
        (("Well",), {"record": 3, "well": 2}),
        (("Plate",), {"record": 3, "plate": 2}),
        (("Plate", "Well"), {"record": 3, "well": 3, "plate": 2}),
        ((), {"record": 3}),
    ],
)
def test_wells_and_plates_are_counted_without_experiments(tmp_path, columns, counts):
    every = {"Well": ["A01", "A01", "A02"], "Plate": ["1", "2", "2"]}
    metadata = pd.DataFrame({"Metadata_Record_ID": ["a", "b", "c"]})
    for name in columns:
        metadata[f"Metadata_{name}"] = every[name]
    folder = tmp_path / "profiles" / "mine" / "gan@9"
    store.write_part(folder / "part-00000.parquet", metadata, {"b8": np.eye(3)})
    store.finish(folder)
    assert inputs.read(configs.default(), tmp_path).counts == {"mine": counts}


def test_what_was_embedded_is_counted_once_it_is_complete(embed, make):
    folder = embed("gan@0")
    assert "Embedded" not in make().text
    store.finish(folder)
    text = make().text
    assert "Embedded of simulated 4 records, 3 wells, 2 plates" in text
    assert "Normalisation standard Splits record, plate" in text
