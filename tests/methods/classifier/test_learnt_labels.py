"""A classifier of all records: each of its scores is marked, and none is an answer."""

import contextlib
import io
import json
import re
import types

import pytest

pytestmark = pytest.mark.slow
TRAINED, MARK = "classifier@5", "(labels seen)"
# All but the map of the wells, which has no score and takes half a minute.
TASKS = "control_classification,cell_model_classification,batch_effects,dose_response"


@pytest.fixture(scope="module")
def judged(run, tmp_path_factory):
    """Rows of all tasks, what evaluate prints, and the report, of true conditions."""
    folder, printed = tmp_path_factory.mktemp("learnt"), io.StringIO()
    jobs = "--job=prepare,train,embed,evaluate,report"
    tasks = f"--config.evaluate.tasks={TASKS}"
    with contextlib.redirect_stdout(printed):
        assert run(folder, jobs, tasks, method="classifier") == 0
    paths = [folder / f"tasks/simulated/{name}.json" for name in TASKS.split(",")]
    return types.SimpleNamespace(
        rows=[row for path in paths for row in json.loads(path.read_text())["rows"]],
        printed=printed.getvalue(),
        page=(folder / "report" / "index.html").read_text(),
    )


def test_every_row_of_it_is_marked_and_no_other(judged):
    assert {row["encoder"] for row in judged.rows if row["labels_seen"]} == {TRAINED}
    others = {row["encoder"] for row in judged.rows if not row["labels_seen"]}
    assert others == {"classifier@0", "intensity", "plate", "position"}
    tasks = {row["task"] for row in judged.rows if row["labels_seen"]}
    assert tasks == set(TASKS.split(","))


def test_every_score_of_it_that_is_printed_has_its_mark(judged):
    cells = list(printed_cells(judged.printed, f"trained ({TRAINED})"))
    assert len(cells) > 20 and all(cell.endswith(MARK) for cell in cells)
    gains = list(printed_cells(judged.printed, "trained - untrained"))
    assert len(gains) > 20 and all(cell.endswith(MARK) for cell in gains)
    for floor in ("untrained (classifier@0)", "intensity"):
        cells = list(printed_cells(judged.printed, floor))
        assert len(cells) > 20 and not any(MARK in cell for cell in cells)
    note = f"labels seen: {TRAINED} learnt labels of records that are judged"
    assert judged.printed.count(note) == len(TASKS.split(","))


def test_the_report_answers_nothing_by_it(judged):
    (section,) = re.findall('<section class="answer".*?</section>', judged.page, re.S)
    answer = re.sub("<[^>]*>", " ", section).partition("What to doubt")[0]
    assert "the network learnt labels of the records" in answer
    assert f"Not answered: {TRAINED} learnt labels of these wells" in answer
    assert not re.search(r"\d\s?%|\d\.\d", answer), "no score, of whatever network"


def printed_cells(text, title):
    """The cells of a column in all tables that have one, as their titles stand."""
    columns = None
    for line in text.splitlines():
        if title in line:
            start = line.index(title)
            after = re.search(r"  (?=\S)", line[start:])
            columns = slice(start, start + after.end() if after else None)
        elif not line.strip() or line.startswith("labels seen:"):
            columns = None
        elif columns and (cell := line[columns].strip()):
            yield cell
