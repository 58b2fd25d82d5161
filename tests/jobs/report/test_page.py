"""The whole page: complete, self-contained, harmless, whatever there is and is not."""

import json
import re

import pytest

from gandl_jax import config as configs
from gandl_jax.jobs.report import job as report_job
from gandl_jax.jobs.report import page


def test_page_is_whole_and_refers_to_nothing_outside(full):
    text = (full.workdir / "report" / "index.html").read_text()
    assert not re.search(r"https?:|//[a-z]+\.[a-z]", text), "no address"
    assert "@import" not in text and "url(" not in text.replace("url(#", "")
    for tag, key, value in full.page.attributes:
        if key == "src":
            assert value.startswith("data:image/png;base64,")
        if key == "href" and not value.startswith("#"):
            assert (full.workdir / "report" / value).exists(), "the numbers beside it"
        assert tag not in ("link", "iframe", "object", "embed", "base")
    ids = full.page.values("id")
    assert len(ids) == len(set(ids))
    links = {v for tag, k, v in full.page.attributes if tag == "a" and k == "href"}
    anchors = {link[1:] for link in links if link.startswith("#")}
    assert len(anchors) > 8 and anchors <= set(ids)
    for name in full.page.values("data-map") + full.page.values("data-plates"):
        assert name in full.page.data
    images = [tag for tag, key, _ in full.page.attributes if key == "src"]
    assert len(images) == 4, "composite, two channels, the first composite"
    assert not list(full.workdir.rglob("*.partial"))


def test_names_are_harmless_everywhere(full, rows):
    text = (full.workdir / "report" / "index.html").read_text()
    assert "<script>alert" not in text
    # Two elements of data and the page's own script, no matter what names say.
    assert full.page.scripts == 3 and len(full.page.data) == 2
    assert rows.evil in full.page.text
    cells = [c for table in full.page.tables for row in table for c in row]
    assert rows.evil in cells
    assert any(rows.evil in words for words in _strings(full.page.data))


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


@pytest.mark.parametrize(
    "name",
    ["training", "scores", "wells", "dose_curves", "dose_response", "retrieval"],
)
def test_every_figure_has_its_numbers(full, name):
    assert f"data/{name}.csv" in full.page.values("href")
    file = full.workdir / "report" / "data" / f"{name}.csv"
    assert len(file.read_text().splitlines()) > 1


def test_no_chapter_is_missing(full):
    names = ("answer", "curves", "plates", "map", "retrieval", "batch_effects")
    chapters = {f"{name}-simulated" for name in (*names, "skipped")}
    ids = set(full.page.values("id"))
    assert chapters | {"training", "images", "run", "limits"} <= ids
    assert "other was left out: no second cell model" in full.page.text


def test_several_screens_have_chapters_of_their_own(make, rows, save, read_csv):
    names = ("simulated", "second screen")
    for name in names:
        save("control_classification", [rows.score()], dataset=name)
    found = make()
    assert {"answer-simulated", "answer-second-screen"} <= set(found.values("id"))
    assert "Controls: second screen" in found.text
    assert [row["dataset"] for row in read_csv("scores")] == sorted(names)


def test_warnings_are_told(make, save, rows):
    save("dose_response", [rows.curve()], warnings=["two spellings: 'A' and 'a'"])
    assert make().text.count("two spellings: 'A' and 'a'") == 2  # in doubt, and below


def test_long_names_are_cut_in_the_first_table_alone_and_told_in_full(rows, save, make):
    long = [
        f"N-[4-(3-chloro-4-fluorophenylamino)-7-methoxyquinazolin-6-yl] {k}"
        for k in "ab"
    ]
    save("dose_response", [rows.curve(name, group="g" * 70) for name in long])
    page = make()
    first = [line[0] for line in page.table("Compound")[1:]]
    assert len(set(first)) == 2 and all(len(name) <= 40 for name in first)
    assert all("…" in name for name in first)
    assert {*long, f"{'g' * 70}, HRCE-1"} <= {*page.values("title")}
    assert [line[0] for line in page.table("Treatment")[1:]] == long


def test_what_to_expect_of_pictures_stands_beside_them(full):
    text = full.page.text
    assert "This network has seen 96 images in 3 steps. Early pictures look" in text


def test_what_a_task_alone_left_out_is_told_in_its_chapter(make, save, rows):
    both = "two spellings: 'A' and 'a'"
    save("dose_response", [rows.curve()], warnings=[both])
    save("retrieval", [rows.found()], warnings=[both, "5 of 9 look for theirs"])
    text = make().text
    assert text.count(both) == 2 and text.count("5 of 9 look for theirs") == 1
    chapter = text.index("Do wells of one treatment find each other?")
    assert text.index("5 of 9 look for theirs") > chapter


def test_many_doubts_are_folded(make, save, rows):
    floors = ("untrained", "intensity", "plate", "position")
    worse = {floor: rows.gain(-0.2, -0.3, -0.1) for floor in floors}
    low = rows.score(value=0.5, differences=worse, plates=2)
    save("control_classification", [low, rows.score(split="record")])
    save("dose_response", [rows.curve(side_effect=0.7)], warnings=["w0", "w1"])
    text = (make().text).partition("What to doubt")[2]
    assert text.index("Training has made the features worse") < text.index(" more ")
    assert text.index(" more ") < text.index("w1")


@pytest.mark.parametrize(
    ("task", "what", "reason", "key"),
    [
        (
            "dose_response",
            "Which compounds rescue",
            "the screen has no column Metadata_Concentration_uM",
            "config.screen.columns.concentration_um",
        ),
        (
            "control_classification",
            "How surely the controls are told apart",
            "the screen has no wells of the control response_1",
            "config.screen.response_1",
        ),
    ],
)
@pytest.mark.parametrize("name", ["own", "simulated"])
def test_a_missing_answer_says_what_to_add(
    tmp_path, save, rows, task, what, reason, key, name
):
    save("cell_model_classification", [rows.score(label="cell type")])
    save(task, [], skipped=reason)
    config = configs.default()
    config.data.name = name
    config.screen.update(name="mine", channels=("a",), file="{site}_{channel}.tif")
    config.data.channels = ("a",) if name == "own" else ("nuclei",)
    report_job.run(config, tmp_path)
    text = (tmp_path / "report" / "index.html").read_text()
    start = text.index("In short")
    assert f"{what} is not answered: {reason}" in text[start:]
    assert text.index(f"{what} is not") < text.index("How sure?")
    assert (f"Set {key}" in text) == (name == "own")


def test_digests_are_not_printed(tmp_path, make):
    record = {"metadata_sha256": "0123456789abcdef" * 4, "device": "cpu"}
    (tmp_path / "config.json").write_text(json.dumps(record))
    text = make().text
    assert "sha256" not in text and "Device cpu" in text


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


def test_what_the_metrics_say_against_the_networks_is_told(tmp_path, make):
    """As the doctor does; the sign by which one should stop is drawn."""
    signs = [0.2, 0.45, 0.8] + [0.95] * 12
    lines = [
        {"step": i, "images": 32 * i, "d/real_sign": sign, "g/diversity": 0.5 / i}
        for i, sign in enumerate(signs, 1)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    page = make()
    assert "discriminator: it has won: its mean sign on real images" in page.text
    assert "diversity: the generator has collapsed" in page.text
    assert "R1: " not in page.text
    assert "Discriminator's mean sign on real images" in page.text
