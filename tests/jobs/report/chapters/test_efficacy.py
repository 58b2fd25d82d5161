"""The chapter of efficacy: a curve for each compound, the most effective first."""

import re
import types

import pytest

from gandl_jax.jobs.report.chapters import efficacy


def row(encoder, treatment, dose, median, upper, **others):
    made = {
        "task": "efficacy",
        "set": f"{encoder}/infection",
        "encoder": encoder,
        "features": "penultimate",
        "told_by": "the encoder",
        "group": "HRCE",
        "experiment": "HRCE-1",
        "role": "treated" if treatment else "response_0",
        "treatment": treatment,
        "concentration_um": dose,
        "wells": 2,
        "median": median,
        "upper": upper,
        "bound": None if upper is None else "shared scatter",
        "effective": None if upper is None else upper < 0.5,
        "why_not": "" if median is not None else "the controls are not told apart",
        "points": [] if median is None else [median, median],
        "warnings": [],
        "labels_seen": False,
    }
    return made | others


@pytest.fixture
def rows():
    return [
        row("deemd@9", "inert <b>", 0.1, 0.8, 0.9),
        row("deemd@9", "rescuer", 0.1, 0.7, 0.8),
        row("deemd@9", "rescuer", 1.0, 0.2, 0.3),
        row("deemd@9", "", None, 0.8, 0.85, labels_seen=True),
        row("deemd@0", "rescuer", 1.0, None, None),
    ]


def made(rows):
    """The chapter, and the numbers that it adds."""
    numbers = {}
    screen = types.SimpleNamespace(name="screen", rows={"efficacy": rows})
    (chapter,) = efficacy.chapters(screen, numbers)
    return chapter, numbers


def test_a_curve_for_each_compound_the_most_effective_first(rows):
    chapter, numbers = made(rows)
    titles = re.findall(r"<figcaption>\s*(.*?)\s*</figcaption>", chapter.content, re.S)
    assert len(titles) == 2 and titles[0].startswith("rescuer in HRCE")
    assert "effective at 1" in titles[0] and "no dose is effective" in titles[1]
    assert "inert &lt;b&gt;" in titles[1] and "inert <b>" not in chapter.content
    assert "deemd@0, HRCE: the controls are not told apart." in chapter.content
    assert chapter.content.count("labels seen") == 1, "the control's row alone"
    assert len(numbers) == 1


def test_where_nothing_is_told_there_is_no_curve_but_the_reason():
    chapter, _ = made([row("deemd@9", "rescuer", 1.0, None, None)])
    assert "<svg" not in chapter.content
    assert "there is none" in chapter.content and "not told apart" in chapter.content
