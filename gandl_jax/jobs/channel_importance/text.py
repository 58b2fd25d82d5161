"""Text of an answer on channels, for a terminal."""

from collections.abc import Mapping
from typing import Any

from gandl_jax.tasks.score_table import aligned

RECALL, CONTROLS = "recall", "against controls"  # kinds of questions about a class
SIGNIFICANT = 0.05  # of p-values after Holm's correction
Content = Mapping[str, Any]
YARDSTICKS = {  # key of a row to its name
    "weight": "weight of the layer",
    "permuted": "accuracy lost when permuted",
    "without": "accuracy lost when trained without",
}
HEADER = ("Channel", *(title.capitalize() for title in YARDSTICKS.values()))


def summary(content: Content) -> str:
    """Writes the tables, what was left out, and doubts."""
    lines = ["", _title(content)]
    for label in dict.fromkeys(row["label"] for row in content["rows"]):
        lines += ["", *_label_lines(content, label)]
    lines += [f"  not told: {sentence}." for sentence in content["left_out"]]
    lines += [f"  doubt: {sentence}." for sentence in content["warnings"]]
    return "\n".join(lines)


def _title(content: Content) -> str:
    return (
        f"Which channel matters? {content['records']:,} records {content['part']}, "
        f"seeds {', '.join(map(str, content['seeds']))}, channels in by "
        f"{content['channels_in']}"
    )


def _label_lines(content: Content, label: str) -> list[str]:
    rows = [row for row in content["rows"] if row["label"] == label]
    (accuracy,) = (row for row in content["accuracy"] if row["label"] == label)
    cells = [[row["channel"], *(cell(row, key) for key in YARDSTICKS)] for row in rows]
    first, second = content["top"]
    lines = [
        f"{label}: balanced accuracy {_interval(accuracy, '')}, intensities "
        f"{accuracy['intensity']:.3f}, guessing {accuracy['chance']:.3f}",
        *(f"  {line}" for line in aligned([list(HEADER), *cells])),
        f"  {first} and {second}, first, have a correlation of pixels of "
        f"{top_correlation(content):.2f}",
    ]
    for row in content["agreement"]:
        if row["label"] == label:
            rank = "none" if row["spearman"] is None else f"{row['spearman']:.2f}"
            lines.append(
                f"  rank correlation of {row['one']} and {row['other']}: {rank}, of "
                f"{row['channels']} channels"
            )
    return lines


def top_correlation(content: Content) -> float:
    """Returns the pixel correlation of the two channels that matter most."""
    names = list(content["channels"])
    first, second = map(names.index, content["top"])
    return content["correlation"][first][second]


def cell(row: Mapping[str, Any], key: str) -> str:
    """Writes a number with its interval: "0.31 (0.25 to 0.38)"; "" for none."""
    return "" if row[key] is None else _interval(row, key)


def _interval(row: Mapping[str, Any], key: str) -> str:
    names = (key, f"{key}_low", f"{key}_high") if key else ("value", "low", "high")
    value, low, high = (row[name] for name in names)
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
