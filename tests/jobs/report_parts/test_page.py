"""The whole page: complete, self-contained, harmless, whatever there is and is not."""

import json
import re

import numpy as np
import pytest

from gandl_jax import pictures
from gandl_jax.jobs.report_parts import page

PAGE_OF = {  # figure on the page -> the CSV file with its numbers
    "training": "training",
    "scores": "scores",
    "wells": "wells",
    "curves": "dose_curves",
    "compounds": "dose_response",
    "retrieval": "retrieval",
}


@pytest.fixture
def full(tmp_path, rows, save):
    """A workdir with rows of all tasks, metrics and image grids."""
    floors = ("gan@0", "intensity", "plate", "position")
    for task in (
        "control_classification",
        "cell_model_classification",
        "label_classification",
        "batch_effects",
    ):
        those = [rows.score(task=task), *(rows.score(e, task=task) for e in floors)]
        those.append(rows.score(task=task, split="record"))
        save(task, those)
    save("dose_response", [rows.curve(rows.evil), rows.curve("b"), rows.curve("c")])
    save("well_map", [rows.well_map(), rows.well_map("intensity")])
    save("retrieval", [rows.found(), rows.found("gan@0")])
    save("other", [], skipped="the screen has no second cell model")
    lines = [
        {"step": step, "images": 32 * step, "seconds": 60.0, "d/loss": 1.0 + step}
        for step in (1, 2, 3)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    images = np.zeros((4, 8, 8, 2), np.float32)
    for step in (0, 3):
        pictures.write_grids(
            tmp_path / "images", step, ("nuclei", "ER"), images, images
        )
    return tmp_path


def test_page_is_whole_and_refers_to_nothing_outside(full, make):
    found = make()
    text = (full / "report" / "index.html").read_text()
    assert not re.search(r"https?:|//[a-z]+\.[a-z]", text), "no address"
    assert "@import" not in text and "url(" not in text.replace("url(#", "")
    for tag, key, value in found.attributes:
        if key == "src":
            assert value.startswith("data:image/png;base64,")
        if key == "href" and not value.startswith("#"):
            assert (full / "report" / value).exists(), "the numbers, beside the page"
        assert tag not in ("link", "iframe", "object", "embed", "base")
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    links = {v for tag, k, v in found.attributes if tag == "a" and k == "href"}
    anchors = {link[1:] for link in links if link.startswith("#")}
    assert len(anchors) > 8 and anchors <= set(ids)
    for name in found.values("data-map") + found.values("data-plates"):
        assert name in found.data
    images = sum(tag == "img" and key == "alt" for tag, key, _ in found.attributes)
    assert images == 4, "composite, two channels, the first composite"
    assert not list(full.rglob("*.partial"))


def test_names_are_harmless_everywhere(full, make, rows):
    found = make()
    text = (full / "report" / "index.html").read_text()
    assert "<script>alert" not in text
    # Two elements of data and the page's own script, no matter what names say.
    assert found.scripts == 3 and len(found.data) == 2
    assert rows.evil in found.text
    assert rows.evil in [c for table in found.tables for row in table for c in row]
    assert any(rows.evil in words for words in _strings(found.data))
    assert "</script" not in json.dumps(found.data).replace(
        json.dumps(rows.evil)[1:-1], ""
    )


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


@pytest.mark.parametrize("name", set(PAGE_OF.values()))
def test_every_figure_has_its_numbers(full, make, read_csv, name):
    linked = make().values("href")
    assert f"data/{name}.csv" in linked
    assert read_csv(name)


def test_no_chapter_is_missing(full, make):
    ids = set(make().values("id"))
    for name in ("answer", "curves", "plates", "map", "retrieval", "batch_effects"):
        assert f"{name}-simulated" in ids
    assert {"training", "images", "run", "limits", "skipped-simulated"} <= ids


def test_several_screens_have_chapters_of_their_own(full, make, rows, save, read_csv):
    save("control_classification", [rows.score(value=0.123)], dataset="second screen")
    found = make()
    assert {"answer-simulated", "answer-second-screen"} <= set(found.values("id"))
    assert "Controls: second screen" in found.text
    assert {row["dataset"] for row in read_csv("scores")} == {
        "simulated",
        "second screen",
    }


def test_skipped_tasks_and_warnings_are_told(full, make, save, rows):
    save("dose_response", [rows.curve()], warnings=["two spellings: 'A' and 'a'"])
    text = make().text
    assert "other was left out: the screen has no second cell model" in text
    assert text.count("two spellings: 'A' and 'a'") == 2  # in doubt, and in the list


def test_empty_workdir_says_what_makes_the_missing_parts(tmp_path, make, capsys):
    text = make().text
    start = "python -m gandl_jax.main --config=configs/demo.py:smoke"
    assert f"There are no scores yet. They are made by: {start}" in text
    assert f"--workdir={tmp_path} --job=all" in text
    assert f"report: {tmp_path / 'report' / 'index.html'}" in capsys.readouterr().out


def test_running_again_overwrites(make, save, rows):
    make()
    save("control_classification", [rows.score()])
    assert "There are no scores yet" not in make().text


@pytest.mark.parametrize("content", ["", "{", '{"rows": []}', '{"rows": null}'])
def test_torn_or_empty_task_file_is_no_traceback(tmp_path, make, save, content):
    save("dose_response", [])
    (tmp_path / "tasks" / "simulated" / "dose_response.json").write_text(content)
    text = make().text
    assert "There are no scores yet" in text
    assert ("cannot be read" in text) == (content in ("", "{"))


def test_open_and_endless_numbers():
    assert page.dose(0.0928) == "92.8\xa0nM"
    assert page.dose_interval(0.0928, 0.00446, 2.3004) == "4.46 to 2300"
    assert page.dose_interval(0.5, None, float("inf")) == "open to ∞"
    assert page.interval(0.5, None, 2.0, ".2g") == "0.5 <small>open to 2</small>"
    assert page.number(float("nan"), ".2f") == "–"
    assert page.number(-0.5, "+.2f") == "−0.50"


@pytest.mark.parametrize("count", [page.MAX_LINES, page.MAX_LINES + 1])
def test_long_tables_end_with_a_pointer_to_the_file(count):
    text = page.table(("n",), ([i] for i in range(count)), "numbers")
    assert text.count("<tr>") == 1 + page.MAX_LINES
    assert ("data/numbers.csv" in text) == (count > page.MAX_LINES)


@pytest.mark.parametrize("evil", ["</script><b>", "<!--", "&amp;", "\u2028", "]]>"])
def test_data_for_the_script_cannot_end_its_element(evil):
    text = page.data("d", {evil: [evil]})
    inside = text.removeprefix('<script type="application/json" id="d">')
    inside = inside.removesuffix("</script>")
    assert "<" not in inside and ">" not in inside
    assert json.loads(inside) == {evil: [evil]}
