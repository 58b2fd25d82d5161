"""Rows of one screen, sorted for the page: what is shown first, what beside it."""

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
    """Rows of one screen.

    Attributes:
      name: of the dataset.
      features: the set of the networks' features that is shown.
      rows: task -> its rows.
      tables: task -> its rows side by side; tasks without rows are left out.
      curves: role -> ranked rows of dose response; the first role's are drawn.
      maps: role -> wells; the first role's are on the plates.
      warnings: of the tasks, sentences.
      remarks: task -> what it alone left out, for its chapter; no warnings.
      skipped: task -> why it has no rows.
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
        """Curves that are shown."""
        return next(iter(self.curves.values()), [])

    @property
    def answering(self) -> dict[str, list[Row]]:
        """Curves that may answer: not those of wells whose labels were learnt."""
        kept = {
            role: [row for row in rows if not marks.learnt(row)]
            for role, rows in self.curves.items()
        }
        return {role: rows for role, rows in kept.items() if rows}

    @property
    def wells(self) -> Wells | None:
        """Wells that are shown."""
        return next(iter(self.maps.values()), None)

    @property
    def controls(self) -> Table:
        """Scores of control classification side by side."""
        return self.tables.get("control_classification", {})

    @property
    def judged(self) -> Table:
        """Scores of the first classification that answers, the controls' if any."""
        for task, chapter in task_chapters.drawn().items():
            if task in self.tables and hasattr(chapter, "ANSWERS"):
                return self.tables[task]
        return {}

    @property
    def batch(self) -> Table:
        """Scores of batch effects side by side."""
        return self.tables.get("batch_effects", {})


def sort(name: str, tasks: Mapping[str, Mapping[str, Any]], features: str) -> Screen:
    """Sorts the results of the tasks of one screen.

    Args:
      name: of the dataset.
      tasks: task -> {"rows", "skipped", "warnings"}.
      features: the set that the config shows first.
    """
    rows = {task: content["rows"] for task, content in tasks.items()}
    chapters = task_chapters.drawn()
    compared_rows = [
        row
        for task, rows_of_task in rows.items()
        for row in rows_of_task
        if task in chapters or {"encoder", "features"} <= row.keys()
    ]
    names = encoder_roles.roles(row["encoder"] for row in compared_rows)
    features = encoder_roles.shown(compared_rows, features)
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
    aside = {remark for of_task in remarks.values() for remark in of_task}
    warnings = [w for content in tasks.values() for w in content["warnings"]]
    return Screen(
        name=name,
        features=features,
        rows=rows,
        tables={task: _fair_first(table) for task, table in tables.items() if table},
        curves=_curves(rows.get("dose_response", ()), names, features),
        maps=wells.read(rows.get("well_map", ()), names, features),
        warnings=[w for w in dict.fromkeys(warnings) if w not in aside],
        remarks=remarks,
        skipped={t: c["skipped"] for t, c in tasks.items() if c["skipped"]},
    )


def _only_of(task: str, tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns a task's own remarks, without what every task says of the screen."""
    others = [c["warnings"] for name, c in tasks.items() if name != task]
    return [w for w in tasks[task]["warnings"] if not any(w in o for o in others)]


def _fair_first(table: Table) -> Table:
    """Sorts leaky scores last, and those whose labels were learnt."""
    leaks = {
        score_key: any(
            row.get("leaky") or marks.learnt(row) for row in by_role.values()
        )
        for score_key, by_role in table.items()
    }
    return {score_key: table[score_key] for score_key in sorted(table, key=leaks.get)}


def _curves(rows, names: Mapping[str, str], features: str) -> dict[str, list[Row]]:
    by_role: dict[str, list[Row]] = {}
    for row in rows:
        role = encoder_roles.role_of(row, names, features)
        if role:
            by_role.setdefault(role, []).append(row)
    return {
        role: curve_effects.rank(by_role[role]) for role in names if role in by_role
    }
