"""Rows of several seeds as aligned text, as pairs and as lines of CSV."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.profiles.feature_set import step
from gandl_jax.tasks import marks, score_table
from gandl_jax.tasks.choice import CHOSEN
from gandl_jax.tasks.classification import WELLS
from gandl_jax.tasks.score_table import aligned

Row = Mapping[str, Any]


def pairs(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Trained and untrained, side by side, by features; what was chosen comes first.

    Args:
      rows: of one task, as of `seeds.Comparison`.
    """
    found = {(row["set"], *_place(row)): row for row in rows}
    trained = [row for row in rows if "untrained" in row["differences"]]
    names = [CHOSEN, *dict.fromkeys(row["features"] for row in trained)]
    for row in sorted(trained, key=lambda row: names.index(row["features"])):
        against = row["differences"]["untrained"]["against"]
        yield row, found[(against, *_place(row))]


def text(rows: Sequence[Row]) -> str:
    """The scores by wells, with intervals and the differences of each seed.

    Args:
      rows: of one task, at least one pair.
    """
    lines = [
        [
            row["group"],
            score_table.split(row),
            row["counted"],
            row["features"],
            str(step(row["encoder"])),
            marks.told(_interval(row, ".3f"), row),
            marks.told(_interval(base, ".3f"), base),
            marks.told(_interval(row["differences"]["untrained"], "+.3f"), row),
            " ".join(f"{v:+.3f}" for v in row["differences"]["untrained"]["of_seeds"]),
        ]
        for row, base in pairs(rows)
        if row["metric"] == WELLS
    ]
    seeds = ", ".join(map(str, rows[0]["seeds"]))
    header = ["cell model", "split", "counted", "features", "step"]
    header += ["trained", "untrained", "trained - untrained", f"seeds {seeds}"]
    title = (
        f"{rows[0]['label']} classification by wells: balanced accuracy, mean over "
        f"seeds [95 % interval over {units(rows)}]"
    )
    return "\n".join([title, *aligned([header, *lines])])


def units(rows: Sequence[Row]) -> str:
    """What the intervals of some rows draw again, in words: "treatments, wells"."""
    return ", ".join(sorted({f"{row['unit']}s" for row in rows}))


def flat(row: Row) -> dict[str, Any]:
    """A row as one line of CSV, with columns of their own for every seed.

    Args:
      row: as of `seeds.Comparison`.
    """
    nested = ("folds", "classes", "differences", "seeds", "of_seeds")
    plain = {key: value for key, value in row.items() if key not in nested}
    plain |= _of_seeds("seed", row["seeds"], row)
    gain = row["differences"].get("untrained")
    if gain:
        said = {k: v for k, v in gain.items() if k != "of_seeds"}
        plain |= {f"minus_untrained_{key}": value for key, value in said.items()}
        plain |= _of_seeds("minus_untrained_seed", row["seeds"], gain)
    return plain


def _of_seeds(prefix: str, seeds: Sequence[int], of: Row) -> dict[str, float]:
    values = zip(seeds, of["of_seeds"], strict=True)
    return {f"{prefix}_{seed}": value for seed, value in values}


def _place(row: Row) -> tuple[str, ...]:
    return row["group"], row["split"], row["metric"]


def _interval(of: Row, pattern: str) -> str:
    value, low, high = (format(of[key], pattern) for key in ("value", "low", "high"))
    return f"{value} [{low} {high}]"
