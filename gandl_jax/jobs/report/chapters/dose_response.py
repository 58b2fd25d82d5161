"""Chapter of dose response: curves, and rescue against side effect."""

from gandl_jax.jobs.report import compounds, curves, page
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.task_chapters import Chapter

PLACE = 10
MISSED = "Which compounds rescue"
NESTED = ("points", "controls", "warnings")  # do not fit into one line of CSV


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    if not screen.curves:
        return
    flat = [
        {key: value for key, value in row.items() if key not in NESTED}
        | {"doubts": "; ".join(row.get("doubts", ()))}
        for row in screen.rows["dose_response"]
    ]
    files.add(numbers, "dose_response", screen.name, flat)
    plots, points = curves.panels(screen.drawn, f"curve-{screen.name}")
    files.add(numbers, "dose_curves", screen.name, points)
    scatter = compounds.figure(screen.drawn, f"compounds-{screen.name}")
    content = page.join(filter(None, [scatter, plots]))
    role = next(iter(screen.curves))
    section = curves.section(screen.name, role, screen.drawn, content)
    yield Chapter("curves", "Doses", section)
