"""Rows as the tasks write them, a workdir of them, and the page read back."""

import csv
import functools
import html.parser
import json
import types

import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax import pictures
from gandl_jax.jobs.report import job as report_job
from gandl_jax.methods.contract import Pair

EVIL = "<script>alert(1)</script> & \"$x_{\" 'y' </script>"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(html.parser.HTMLParser):
    """Checks that tags are closed in order; keeps tables, text, data, attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tables, self.words, self.attributes = [], [], [], []
        self.data, self.scripts, self._id = {}, 0, None
        self.feed(text)
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts += 1
            self._id = dict(attrs).get("id")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            if self._id:
                self.data[self._id] = json.loads(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def table(self, header):
        """The rows of the first table whose first title is `header`."""
        return next(rows for rows in self.tables if rows[0][0] == header)

    def values(self, name):
        """All values of an attribute."""
        return [value for _, key, value in self.attributes if key == name]


def _set(encoder, features):
    features = features if "@" in encoder else encoder
    name = f"{encoder}/{features}" if "@" in encoder else encoder
    return {"set": name, "encoder": encoder, "features": features}


def score(encoder="gan@9", value=0.7, features="b8", **changes):
    split = changes.get("split", "plate")
    return {
        "task": "control_classification",
        **_set(encoder, features),
        "group": "HRCE",
        "split": split,
        "leaky": split == "record",
        "label": "control",
        "normalize": "standard",
        "metric": "balanced_accuracy",
        "value": value,
        "low": value - 0.0412,
        "high": value + 0.0521,
        "chance": 0.5,
        "differences": {},
        "records": 40,
        "wells": 20,
        "plates": 4,
        "folds": [value] * 4,
        "classes": ["response_0", "response_1"],
        "encoder_saw_test_images": encoder == "gan@9",
    } | changes


def gain(value, low, high, against="gan@0/b8"):
    return {"against": against, "value": value, "low": low, "high": high}


def curve(
    treatment="a", ec50=0.2, top=0.9, status="fitted", encoder="gan@9", **changes
):
    fit = dict.fromkeys(
        ("ec50_um", "ec50_low_um", "ec50_high_um", "slope", "r2_dose_means")
    )
    if status == "fitted":
        fit = {
            "ec50_um": ec50,
            "ec50_low_um": ec50 / 2,
            "ec50_high_um": ec50 * 3,
            "slope": 1.25,
            "r2_dose_means": 0.97,
        }
    points = [
        {"concentration_um": dose, "response": dose + well, "well": "B02", "plate": "1"}
        for dose in (0.1, 1.0, 10.0)
        for well in (0.0, 0.5)
    ]
    reached = top and top - 0.05
    return {
        "task": "dose_response",
        **_set(encoder, "b8"),
        "group": "HRCE",
        "experiment": "HRCE-1",
        "treatment": treatment,
        "bottom": 0.1,
        "top": top,
        "response_at_highest_dose": reached,
        "rescue": reached,
        "rescue_low": reached and reached - 0.11,
        "rescue_high": reached and reached + 0.12,
        "side_effect": 0.21,
        "side_effect_low": 0.13,
        "side_effect_high": 0.34,
        "ec50_bound": None,
        "p_effect": 0.001,
        "q_effect": 0.2 if status == "no effect" else 0.002,
        "r2": 0.83,
        "wells": 6,
        "status": status,
        "points": points,
        "controls": {
            "response_0": {"low": -0.1, "middle": 0.0, "high": 0.1, "wells": 9},
            "response_1": {"low": 0.9, "middle": 1.0, "high": 1.1, "wells": 9},
        },
        "warnings": [],
        **fit,
    } | changes


def well_map(encoder="gan@9", **changes):
    """Two plates of six wells: each control twice, two treated wells."""
    roles = ["response_0", "response_0", "response_1", "response_1"] + ["treated"] * 2
    columns = {
        "experiment": ["HRCE-1"] * 12,
        "plate": ["2"] * 6 + ["10"] * 6,
        "well": ["A01", "A02", "B01", "B02", "C03", "P24"] * 2,
        "row": [1, 1, 2, 2, 3, 16] * 2,
        "column": [1, 2, 1, 2, 3, 24] * 2,
        "cell_type": ["HRCE"] * 12,
        "role": roles * 2,
        "condition": (["Active"] * 2 + ["Mock"] * 2 + ["Active"] * 2) * 2,
        "treatment": (["", "", "", "", EVIL, "other"]) * 2,
        "concentration_um": ([None] * 4 + [0.05, 10.0]) * 2,
        "response": [-0.1, 0.1, 0.9, 1.1, 0.8, 0.2, 0.0, 0.6, 1.0, 0.4, 0.7, None],
        "side_effect": [0.1] * 11 + [None],
        "pca_1": [float(i) for i in range(12)],
        "pca_2": [float(i % 3) for i in range(12)],
        "umap_1": [float(-i) for i in range(11)] + [None],
        "umap_2": [float(i % 2) for i in range(11)] + [None],
    }
    columns |= changes
    return {
        "task": "well_map",
        **_set(encoder, "b8"),
        "encoder_saw_test_images": True,
        "explained": [0.5, 0.25],
        "wells": {name: values for name, values in columns.items() if values},
    }


def found(encoder="gan@9", value=0.3, **changes):
    return {
        "task": "retrieval",
        **_set(encoder, "b8"),
        "kind": "replicate",
        "group": "HRCE",
        "metric": "mAP",
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "chance": 0.05,
        "share_significant": 0.4,
        "differences": {},
        "queries": 120,
        "encoder_saw_test_images": True,
        "by_label": [{"label": EVIL, "map": 0.625, "q": 0.01}],
    } | changes


@pytest.fixture(scope="session")
def rows():
    """Builders of the rows of each task."""
    return types.SimpleNamespace(
        score=score,
        gain=gain,
        curve=curve,
        well_map=well_map,
        found=found,
        evil=EVIL,
        save=save_task,
        page_of=make_page,
    )


def save_task(workdir, name, rows, dataset="simulated", skipped=None, warnings=()):
    """Writes tasks/<dataset>/<task>.json as evaluate does."""
    folder = workdir / "tasks" / dataset
    folder.mkdir(parents=True, exist_ok=True)
    content = {"rows": rows, "skipped": skipped, "warnings": list(warnings)}
    (folder / f"{name}.json").write_text(json.dumps(content | {"inputs": {}}))


def make_page(workdir) -> Page:
    """Runs the job and reads its page."""
    config = configs.default()
    config.name = "demo-smoke"
    config.data.channels = ("nuclei", "ER")
    report_job.run(config, workdir)
    return Page((workdir / "report" / "index.html").read_text())


@pytest.fixture
def save(tmp_path):
    """Saves a task in the test's own workdir."""
    return functools.partial(save_task, tmp_path)


@pytest.fixture
def make(tmp_path):
    """Makes the page of the test's own workdir."""
    return functools.partial(make_page, tmp_path)


@pytest.fixture
def read_csv(tmp_path):
    """Reads report/data/<name>.csv."""

    def read(name):
        with (tmp_path / "report" / "data" / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture(scope="session")
def full(tmp_path_factory):
    """A workdir with rows of all tasks, metrics and image grids, and its page."""
    workdir = tmp_path_factory.mktemp("full")
    for task in (
        "control_classification",
        "cell_model_classification",
        "label_classification",
        "batch_effects",
    ):
        floors = ("gan@0", "intensity", "plate", "position")
        those = [score(task=task), *(score(e, task=task) for e in floors)]
        save_task(workdir, task, [*those, score(task=task, split="record")])
    save_task(workdir, "dose_response", [curve(EVIL), curve("b"), curve("c")])
    save_task(workdir, "well_map", [well_map(), well_map("intensity")])
    save_task(workdir, "retrieval", [found(), found("gan@0")])
    save_task(workdir, "other", [], skipped="no second cell model")
    lines = [
        {"step": step, "images": 32 * step, "seconds": 60.0, "d/loss": 1.0 + step}
        for step in (1, 2, 3)
    ]
    (workdir / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    images = np.zeros((4, 8, 8, 2), np.float32)
    for step in (0, 3):
        pair = Pair("real", images, "generated", images)
        pictures.write_grids(workdir / "images", step, ("nuclei", "ER"), pair)
    return types.SimpleNamespace(workdir=workdir, page=make_page(workdir))
