"""Chapter of channel importance: bars, blended images, classes, and doubts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import files
from gandl_jax.figures import channels as plot
from gandl_jax.figures import style
from gandl_jax.jobs.channel_importance import text
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html

PLACE, NAME, LINK = 3, "channels", "Channels"
PICTURE = "channels.png"  # beside the result
SHOWN = 40  # classes of a heat map: those that lose most with any channel (ours)
KINDS = {  # of questions about a class: headline, and the share that is lost
    text.RECALL: (
        "Which channel tells a class from all others?",
        "share of its records that are named rightly",
    ),
    text.CONTROLS: (
        "Which channel shows that a treatment does anything?",
        "balanced accuracy against controls",
    ),
}
NOTES = {  # explanations of the yardsticks
    "weight": (
        "The weight is what the layer that mixes the channels gives each of them, as a "
        "share of all. It says how much of a channel the network takes, and is only as "
        "good as the network."
    ),
    "permuted": (
        "Permuted, a channel comes from other records: what the network then gets "
        "wrong it knew by that channel. Of two channels that show the same, either may "
        "be permuted at little cost."
    ),
    "without": (
        "Trained without a channel, another network makes what it can of the others: "
        "what it has less is what only that channel shows."
    ),
}
Content = Mapping[str, Any]


def section(dataset: str, contents: Mapping[str, Content], folder: epath.Path) -> Html:
    """Builds the chapter of a screen's channels; see `of_jobs`."""
    (content,) = contents.values()
    parts = [page.tag("p", _introduction(content))]
    for label in dict.fromkeys(row["label"] for row in content["rows"]):
        parts += _label(dataset, content, label)
    parts += _doubts(content)
    parts += _picture(content, folder)
    for kind in KINDS:
        parts += _classes(dataset, content, kind)
    parts.append(_facts(content))
    links = [page.data_link(csv) for csv in numbers(contents)]
    parts.append(page.tag("p", page.join(["Numbers:", *links]), class_="note"))
    return page.section(NAME, "Which channel matters?", *parts, of=dataset)


def numbers(contents: Mapping[str, Content]) -> dict[str, list[dict[str, Any]]]:
    """Returns all rows, lists in them as JSON; tables without rows are left out."""
    (content,) = contents.values()
    names = content["channels"]
    likeness = [
        {"channel": name, **dict(zip(names, values, strict=True))}
        for name, values in zip(names, content["correlation"], strict=True)
    ]
    rows_by_file = {
        "channels": content["rows"],
        "channels_classes": content["classes"],
        "channels_accuracy": content["accuracy"],
        "channels_agreement": content["agreement"],
        "channels_correlation": likeness,
    }
    return {csv: [*map(_flat, rows)] for csv, rows in rows_by_file.items() if rows}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: json.dumps(value) if isinstance(value, list | dict) else value
        for key, value in row.items()
    }


def _introduction(content: Content) -> str:
    return (
        f"Asked of {page.count(len(content['seeds']), 'network')} (seeds "
        f"{', '.join(map(str, content['seeds']))}) whose channels go in by "
        f"{content['channels_in']}, on {content['records']:,} records that were "
        f"{content['part']}. Intervals are 95 %: of weights over seeds, of accuracy "
        f"over {page.count(content['units'], content['unit'])}, drawn again, and "
        "over seeds."
    )


def _label(dataset: str, content: Content, label: str) -> Iterator[Html]:
    rows = [row for row in content["rows"] if row["label"] == label]
    (accuracy,) = (row for row in content["accuracy"] if row["label"] == label)
    yield page.tag("h3", label)
    yield page.tag("p", _accuracy(accuracy))
    yardsticks = [key for key in text.YARDSTICKS if rows[0][key] is not None]
    yardsticks = [
        key for key in yardsticks if all(row[key] is not None for row in rows)
    ]
    panels = {
        text.YARDSTICKS[key]: [_score(row, key) for row in rows] for key in yardsticks
    }
    names = [row["channel"] for row in rows]
    equal = {text.YARDSTICKS["weight"]: 1 / len(names)}
    caption = (
        "Bars are means, lines 95 % intervals, dots seeds; the dashed line is an equal "
        "share of the weights."
    )
    svg = style.to_svg(
        plot.bars(names, panels, equal),
        page.anchor(f"channels-{dataset}-{label}"),
        f"How much each channel matters for {label}",
    )
    yield page.figure(Html(svg), caption)
    yield page.items(NOTES[key] for key in yardsticks)
    yield page.table(text.HEADER, [_line(row) for row in rows], "channels")
    yield page.items(_agreement(content, label))


def _accuracy(row: Mapping[str, Any]) -> str:
    gain = row["over_intensity"]
    difference = page.number(gain["value"], "+.3f")
    return (
        f"The networks name {row['value']:.1%} of the records rightly (balanced; "
        f"{row['low']:.1%} to {row['high']:.1%}), plain intensities "
        f"{row['intensity']:.1%} (the difference is {difference}, "
        f"{page.span(gain['low'], gain['high'], '+.3f')}), guessing "
        f"{row['chance']:.1%}."
    )


def _score(row: Mapping[str, Any], key: str) -> plot.Score:
    value, low, high = (row[f"{key}{end}"] for end in ("", "_low", "_high"))
    return value, low, high, row[f"{key}_of_seeds"]


def _line(row: Mapping[str, Any]) -> list[Any]:
    cells = [
        page.interval(row[key], row[f"{key}_low"], row[f"{key}_high"], ".3f")
        for key in text.YARDSTICKS
    ]
    return [row["channel"], *cells]


def _agreement(content: Content, label: str) -> Iterator[str]:
    for row in content["agreement"]:
        if row["label"] == label:
            yield (
                f"Rank correlation of {row['one']} and {row['other']}: "
                f"{page.number(row['spearman'], '.2f')}, of {row['channels']} channels."
            )
    seeds = content["agreement_of_seeds"]
    if seeds and seeds["spearman"] is not None:
        yield (
            "Mean rank correlation of the weights of two seeds: "
            f"{page.number(seeds['spearman'], '.2f')}."
        )
    yield (
        f"Correlation of the pixels of {' and '.join(content['top'])}, the first two: "
        f"{page.number(text.top_correlation(content), '.2f')}."
    )


def _doubts(content: Content) -> Iterator[Html]:
    if content["warnings"]:
        yield page.tag("h3", "What a careful reader would hold against it")
        yield page.items(f"{warning}." for warning in content["warnings"])
    if content["left_out"]:
        yield page.remarks([f"{remark}." for remark in content["left_out"]])


def _picture(content: Content, folder: epath.Path) -> Iterator[Html]:
    path = folder / PICTURE
    if path.exists():
        names = ", ".join(content["channels"])
        blend = ", then their blend by the shares above"
        caption = (
            f"Judged records, one a line; from left to right {names}, as the networks "
            f"see them{'' if content['weights'] is None else blend}."
        )
        yield page.picture(files.read_bytes(path), caption, caption)


def _classes(dataset: str, content: Content, kind: str) -> Iterator[Html]:
    rows = [row for row in content["classes"] if row["kind"] == kind]
    title, share = KINDS[kind]
    if rows:
        yield page.tag("h3", title)
    for label in dict.fromkeys(row["label"] for row in rows):
        of_label = [row for row in rows if row["label"] == label]
        names, values, starred = _matrix(of_label, content["channels"])
        figure = plot.heat(names, content["channels"], values, starred, "lost")
        title_of_figure = (
            f"{label}: what is lost of the {share} when a channel is permuted"
        )
        anchor = page.anchor(f"channels-{dataset}-{label}-{kind}")
        svg = Html(style.to_svg(figure, anchor, title_of_figure))
        count = len({row["class"] for row in of_label})
        limited = f" The {SHOWN} of {count:,} that lose most." if count > SHOWN else ""
        yield page.figure(
            svg,
            f"{title_of_figure}. A star: it is not 0, corrected for all cells (Holm, 5 "
            f"%).{limited}",
        )


def _matrix(
    rows: Sequence[Mapping[str, Any]], channels: Sequence[str]
) -> tuple[list[str], np.ndarray, set[tuple[int, int]]]:
    """Returns classes, their losses per channel, and the cells that are not 0.

    Returns:
      [K] names, [K, C] losses, and (class, channel) positions of significant cells.
    """
    cells: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        cells.setdefault(row["class"], {})[row["channel"]] = row

    def largest_loss(name: str) -> float:
        return max(cell["value"] for cell in cells[name].values())

    chosen = sorted(cells, key=largest_loss, reverse=True)[:SHOWN]
    shown = [name for name in cells if name in chosen]
    values = np.array([[cells[n][c]["value"] for c in channels] for n in shown])
    starred = {
        (i, j)
        for i, name in enumerate(shown)
        for j, channel in enumerate(channels)
        if cells[name][channel]["p_corrected"] < text.SIGNIFICANT
    }
    return shown, values, starred


def _facts(content: Content) -> Html:
    return page.details(
        f"Trainings that were asked ({len(content['workdirs'])})",
        page.items(content["workdirs"]),
    )
