"""Tables of several seeds: aligned text, pairs, and lines of CSV."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.profiles.feature_set import step
from gandl_jax.tasks import marks, score_table
from gandl_jax.tasks.choice import CHOSEN
from gandl_jax.tasks.classification import WELLS
from gandl_jax.tasks.score_table import aligned, with_interval

Row = Mapping[str, Any]


def pairs(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Yields pairs of trained and untrained rows, by features, chosen sets first.

    Args:
      rows: of one task, as from `seeds.Comparison`.
    """
    row_by_key = {(row["set"], *_question(row)): row for row in rows}
    trained = [row for row in rows if "untrained" in row["differences"]]
    names = [CHOSEN, *dict.fromkeys(row["features"] for row in trained)]
    for row in sorted(trained, key=lambda row: names.index(row["features"])):
        against = row["differences"]["untrained"]["against"]
        yield row, row_by_key[(against, *_question(row))]


def text(rows: Sequence[Row]) -> str:
    """Writes the scores, with intervals and the differences of each seed.

    They are by wells, or by sites, the same where no well has two.

    Args:
      rows: of one task, at least one pair.
    """
    by_wells = {_question(row)[:2] for row in rows if row["metric"] == WELLS}
    lines = [
        [
            row["group"],
            score_table.split(row),
            row["counted"],
            row["features"],
            str(step(row["encoder"])),
            marks.marked(with_interval(row, ".3f"), row),
            marks.marked(with_interval(base, ".3f"), base),
            marks.marked(with_interval(row["differences"]["untrained"], "+.3f"), row),
            " ".join(f"{v:+z.3f}" for v in row["differences"]["untrained"]["of_seeds"]),
        ]
        for row, base in pairs(rows)
        if row["metric"] == WELLS or _question(row)[:2] not in by_wells
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
    """Names the bootstrap units of some rows: "treatments, wells"."""
    return ", ".join(sorted({f"{row['unit']}s" for row in rows}))


def flat(row: Row) -> dict[str, Any]:
    """Returns a row as one line of CSV, with columns for every seed.

    Args:
      row: as from `seeds.Comparison`.
    """
    nested = ("folds", "classes", "differences", "seeds", "of_seeds")
    plain = {key: value for key, value in row.items() if key not in nested}
    plain |= _seed_columns("seed", row["seeds"], row)
    gain = row["differences"].get("untrained")
    if gain:
        numbers = {k: v for k, v in gain.items() if k != "of_seeds"}
        plain |= {f"minus_untrained_{key}": value for key, value in numbers.items()}
        plain |= _seed_columns("minus_untrained_seed", row["seeds"], gain)
    return plain


def _seed_columns(prefix: str, seeds: Sequence[int], row: Row) -> dict[str, float]:
    values = zip(seeds, row["of_seeds"], strict=True)
    return {f"{prefix}_{seed}": value for seed, value in values}


def _question(row: Row) -> tuple[str, ...]:
    return row["group"], row["split"], row["metric"]
