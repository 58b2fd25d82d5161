"""The chapter of channels from a result as the job writes it."""

import numpy as np
import pytest

from gandl_jax.jobs.channel_importance import text
from gandl_jax.jobs.report import of_jobs
from gandl_jax.jobs.report.job_chapters import channel_importance as chapter

CHANNELS = ["dna", "actin <b>"]


def channel(name, weight, permuted, without):
    row = {"label": "Treatment", "channel": name, "spread": 2.0}
    for key, value in (
        ("weight", weight),
        ("permuted", permuted),
        ("without", without),
    ):
        ends = None if value is None else value - 0.1, None if value is None else 0.9
        row |= {key: value, f"{key}_low": ends[0], f"{key}_high": ends[1]}
        row[f"{key}_of_seeds"] = [] if value is None else [value, value]
    return row


def cell(name, kind, column, value, p):
    return {"label": "Treatment", "class": name, "kind": kind, "channel": column,
            "records": 5, "score": 0.8, "value": value, "low": value - 0.1,
            "high": value + 0.1, "p": p, "p_corrected": p}  # fmt: skip


@pytest.fixture
def content():
    gain = {"value": 0.2, "low": 0.1, "high": 0.3, "p": 0.01}
    return {
        "channels": CHANNELS,
        "channels_in": "blend",
        "seeds": [0, 1],
        "records": 20,
        "part": "held out of training",
        "unit": "well",
        "units": 10,
        "rows": [channel(CHANNELS[0], 0.7, 0.3, None),
                 channel(CHANNELS[1], 0.3, 0.1, 0.05)],
        "accuracy": [{"label": "Treatment", "value": 0.8, "low": 0.7, "high": 0.9,
                      "chance": 0.5, "intensity": 0.6, "over_intensity": gain}],
        "agreement": [{"label": "Treatment", "one": "weight of the layer",
                       "other": "accuracy lost when permuted", "spearman": None,
                       "same_first": True, "channels": 2}],
        "agreement_of_seeds": {"spearman": None, "first": [2, 0]},
        "classes": [cell(name, kind, column, value, p)
                    for name, value, p in (("drug", 0.3, 0.01), ("toxin", -0.1, 0.5))
                    for column in CHANNELS
                    for kind in (text.RECALL, text.CONTROLS)],
        "correlation": [[1.0, 0.25], [0.25, 1.0]],
        "top": CHANNELS,
        "weights": {"mean": [0.7, 0.3]},
        "warnings": ["Seeds <disagree>"],
        "left_out": ["No training without dna was named"],
        "workdirs": ["runs/a", "runs/b"],
    }  # fmt: skip


def test_the_chapter_tells_all_of_it_and_escapes_names(content, tmp_path):
    (tmp_path / chapter.PICTURE).write_bytes(b"PNG")
    page = chapter.section("demo", {"channels": content}, tmp_path)
    assert 'id="channels-demo"' in page and "data:image/png;base64,UE5H" in page
    assert "Seeds &lt;disagree&gt;." in page and "<b>" not in page
    assert "name 80.0% of the records rightly" in page
    assert (
        "plain intensities 60.0% (the difference is +0.200, +0.100 to +0.300)" in page
    )
    assert "accuracy over 10 wells" in page and "runs/b" in page
    # No panel of what is not known of every channel.
    assert "accuracy lost when trained without</text>" not in page
    assert page.count("<svg") == 3  # bars, and two heat maps
    assert "actin &lt;b&gt;, the first two: 0.25" in page


def test_cells_are_placed_by_class_and_channel_and_starred_by_their_p(content):
    rows = [row for row in content["classes"] if row["kind"] == text.RECALL]
    names, values, starred = chapter._matrix(rows, CHANNELS)
    assert names == ["drug", "toxin"] and starred == {(0, 0), (0, 1)}
    np.testing.assert_array_equal(values, [[0.3, 0.3], [-0.1, -0.1]])


def test_of_many_classes_those_are_drawn_that_lose_most():
    rows = [cell(f"t{i}", text.RECALL, name, i / 100, 1.0)
            for i in range(60) for name in CHANNELS]  # fmt: skip
    names, values, _ = chapter._matrix(rows, CHANNELS)
    assert names == [f"t{i}" for i in range(20, 60)] and values.shape == (40, 2)


def test_tables_are_told_by_the_page_s_names_and_linked(content, tmp_path):
    numbers = {}
    results = {"channel_importance": {"demo": {"channels": content}}}
    (page,) = of_jobs.chapters(results, str(tmp_path), numbers)
    for name, (table,) in numbers.items():
        assert f"data/{name}.csv" in page and set(table["dataset"]) == {"demo"}
    assert numbers["channels"][0]["weight_of_seeds"][0] == "[0.7, 0.7]"
    likeness = numbers["channels_correlation"][0]
    assert likeness["dna"].tolist() == [1.0, 0.25]


def test_jobs_are_linked_in_their_order_and_only_with_rows(content):
    results = {job: {"demo": {"x": {"rows": []}}} for job in of_jobs.known()}
    assert list(of_jobs.known()) == [
        "choose_features",
        "compare_seeds",
        "channel_importance",
        "generated_quality",
    ]
    results["channel_importance"]["demo"]["x"] = content
    results["channel_importance"]["other"] = {"x": content}
    assert list(of_jobs.links(results)) == [
        ("#channels-demo", "Channels: demo"),
        ("#channels-other", "Channels: other"),
    ]
