"""Chapters of the map of wells: plates, where there are any, and maps."""

from gandl_jax.jobs.report import maps, plates, wells
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.task_chapters import Chapter

PLACE = 20


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    if not screen.maps:
        return
    files.add(numbers, "wells", screen.name, wells.numbers(screen.maps.values()))
    on_plates = plates.section(screen.name, screen.wells)
    if on_plates:
        yield Chapter("plates", "Plates", on_plates)
    yield Chapter("map", "Maps", maps.section(screen.name, screen.maps))
