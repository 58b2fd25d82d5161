"""One screen's rows, sorted for the page: what is shown first, what beside it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gandl_jax.jobs.report import encoder_roles, task_chapters, wells
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.wells import Wells
from gandl_jax.judging import curve_effects
from gandl_jax.tasks import marks


@dataclasses.dataclass(frozen=True)
class Screen:
    """One screen's rows.

    Attributes:
      name: of the dataset.
      features: the set of the networks' features that is shown.
      rows: task -> its rows.
      tables: task -> its rows side by side; those without rows are left out.
      curves: role -> ranked rows of dose response; the first role's are drawn.
      maps: role -> wells; the first role's are on the plates.
      warnings: what the tasks have found.
      remarks: task -> what it alone left out, told in its chapter, not a warning.
      skipped: task -> why there is nothing of it.
    """

    name: str
    features: str
    rows: Mapping[str, list[Row]]
    tables: Mapping[str, Table]
    curves: Mapping[str, list[Row]]
    maps: Mapping[str, Wells]
    warnings: list[str]
    remarks: Mapping[str, list[str]]
    skipped: Mapping[str, str]

    @property
    def drawn(self) -> list[Row]:
        """The curves that are shown."""
        return next(iter(self.curves.values()), [])

    @property
    def answering(self) -> dict[str, list[Row]]:
        """The curves that may be shown: not those whose wells' labels were learnt."""
        kept = {
            role: [row for row in rows if not marks.learnt(row)]
            for role, rows in self.curves.items()
        }
        return {role: rows for role, rows in kept.items() if rows}

    @property
    def wells(self) -> Wells | None:
        """The wells that are shown."""
        return next(iter(self.maps.values()), None)

    @property
    def controls(self) -> Table:
        """Control classification side by side."""
        return self.tables.get("control_classification", {})

    @property
    def judged(self) -> Table:
        """The classification that the answer is about: the controls' where it is."""
        for task, chapter in task_chapters.drawn().items():
            if task in self.tables and hasattr(chapter, "ANSWERS"):
                return self.tables[task]
        return {}

    @property
    def batch(self) -> Table:
        """Batch effects side by side."""
        return self.tables.get("batch_effects", {})


def sort(name: str, tasks: Mapping[str, Mapping[str, Any]], features: str) -> Screen:
    """Sorts what the tasks left of one screen.

    Args:
      name: of the dataset.
      tasks: task -> {"rows", "skipped", "warnings"}.
      features: the set that the config shows first.
    """
    rows = {task: content["rows"] for task, content in tasks.items()}
    chapters = task_chapters.drawn()
    everything = [
        row
        for task, those in rows.items()
        for row in those
        if task in chapters or {"encoder", "features"} <= row.keys()
    ]
    names = encoder_roles.roles(row["encoder"] for row in everything)
    features = encoder_roles.shown(everything, features)
    tables = {
        task: encoder_roles.side_by_side(rows[task], names, features, chapter.KEYS)
        for task, chapter in chapters.items()
        if rows.get(task) and hasattr(chapter, "KEYS")
    }
    remarks = {
        task: _only_of(task, tasks)
        for task, chapter in chapters.items()
        if task in tasks and hasattr(chapter, "REMARKS")
    }
    aside = {words for those in remarks.values() for words in those}
    found = [w for content in tasks.values() for w in content["warnings"]]
    return Screen(
        name=name,
        features=features,
        rows=rows,
        tables={task: _fair_first(table) for task, table in tables.items() if table},
        curves=_curves(rows.get("dose_response", ()), names, features),
        maps=wells.read(rows.get("well_map", ()), names, features),
        warnings=[words for words in dict.fromkeys(found) if words not in aside],
        remarks=remarks,
        skipped={t: c["skipped"] for t, c in tasks.items() if c["skipped"]},
    )


def _only_of(task: str, tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A task's own words: what is true of the whole screen, every task says."""
    others = [c["warnings"] for name, c in tasks.items() if name != task]
    return [w for w in tasks[task]["warnings"] if not any(w in o for o in others)]


def _fair_first(table: Table) -> Table:
    """What leaks comes last, and what was learnt with its labels."""
    leaks = {
        place: any(row.get("leaky") or marks.learnt(row) for row in those.values())
        for place, those in table.items()
    }
    return {place: table[place] for place in sorted(table, key=leaks.get)}


def _curves(rows, names: Mapping[str, str], features: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        role = encoder_roles.role_of(row, names, features)
        if role:
            found.setdefault(role, []).append(row)
    return {role: curve_effects.rank(found[role]) for role in names if role in found}
