"""Chapter of clustering: are there clusters, and are they more than the plates'?"""

from collections.abc import Iterator, Sequence
from typing import Any

from gandl_jax.figures import clusters as figures
from gandl_jax.figures import style
from gandl_jax.jobs.report import encoder_roles, page, scores
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.tasks import clustering as task
from gandl_jax.tasks import marks

PLACE = 74
KEYS = ("group", "split")
REMARKS = True
NESTED = ("map", "by_size")
WORDS = (
    "Images are mapped by UMAP and clustered by HDBSCAN; of several minimum sizes of a "
    "cluster the one with the highest silhouette (noise counts 0) is told. Any map has "
    "clumps: clusters are called where it lies above 95 % of Gaussian clouds of the "
    "same spread. The score is how far it lies above the clouds' mean, times what "
    "plates have no share in, and 0 where no clusters are called: what clusters by "
    "plate is no finding. Shares are adjusted mutual information, 0 by chance and 1 "
    "for the same; halves agree by the adjusted Rand index of clusters that random "
    "halves of the images have by themselves. In small print the 95 % interval over "
    "resampled wells, of these clusters."
)
LEGEND = (
    (style.BLUE, "●", "a colour for each cluster"),
    (figures.NOISE, "●", "noise, in no cluster"),
    (style.INK, "┄", "95 % of Gaussian clouds lie below"),
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    rows, table = screen.rows["clustering"], screen.tables.get("clustering")
    if table:
        files.add(numbers, "clustering", screen.name, lines(rows))
        section = page.section(
            "clustering",
            "Do images of one cell model form clusters?",
            page.tag("p", WORDS),
            page.tag("div", page.join(_figures(table, screen.name)), class_="pair"),
            page.legend(LEGEND),
            _table(table),
            page.details("Each minimum size", _by_size(table)),
            page.remarks(screen.remarks.get("clustering", ())),
            page.tag(
                "p",
                page.join(["Numbers:", page.data_link("clustering")]),
                class_="note",
            ),
            of=screen.name,
        )
        yield Chapter("clustering", "Clusters", section)


def lines(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns all scores, and those of each minimum size, one a line."""
    flat_rows = []
    for row in rows:
        plain = scores.flat(row)
        flat_rows.append({k: v for k, v in plain.items() if k not in NESTED})
        keys = ("task", "set", "encoder", "features", "group", "split", marks.LABELS)
        shared = {key: row[key] for key in keys if key in row}
        flat_rows += [shared | of_size for of_size in row["by_size"]]
    return flat_rows


def _figures(table: Table, name: str) -> Iterator[Html]:
    """Draws a map of each cell model, by what stands first."""
    for number, (score_key, by_role) in enumerate(table.items()):
        row = encoder_roles.main(by_role)
        drawn = figures.draw(
            positions=(row["map"]["x"], row["map"]["y"]),
            labels=row["map"]["cluster"],
            sizes=[of_size["min_size"] for of_size in row["by_size"]],
            silhouettes=[of_size["silhouette"] for of_size in row["by_size"]],
            least=row["gaussian_95"],
        )
        caption = f"{score_key[0]}, {row['set']}: {_verdict(row)}"
        anchor = page.anchor(f"clusters-{name}-{number}")
        svg = Html(style.to_svg(drawn, anchor, f"Clusters on a map of {caption}"))
        yield page.figure(svg, scores.marked(caption, row))


def _verdict(row: Row) -> str:
    if not row["called"]:
        return "no clusters are called"
    counted = f"{page.count(row['clusters'], 'cluster')}"
    if row["plate_share"] >= max(0.5, row["label_share"] or 0):
        return f"{counted}, which follow the plates"
    return counted


def _table(table: Table) -> Html:
    label = encoder_roles.main(next(iter(table.values())))["label"]
    header = ("Cells", "Features", "Score", "Clusters", "Of at least", "Noise",
              "Silhouette", "Clouds' 95 %", "Calinski-Harabasz", "Davies-Bouldin",
              "Halves agree", "Share of plates", f"Share of {label}")  # fmt: skip
    return page.table(header, _lines(table), "clustering")


def _lines(table: Table) -> Iterator[tuple[object, ...]]:
    for score_key, by_role in table.items():
        for role, row in by_role.items():
            yield (
                score_key[0],
                role,
                scores.cell(role, by_role),
                task.count_text(row),
                row["min_size"],
                f"{row['noise']:.0%}",
                page.number(row["silhouette"], ".3f"),
                page.number(row["gaussian_95"], ".3f"),
                page.number(row["calinski_harabasz"], ".3g"),
                page.number(row["davies_bouldin"], ".2f"),
                page.number(row["consistency"], ".2f"),
                page.number(row["plate_share"], ".2f"),
                page.number(row["label_share"], ".2f"),
            )


def _by_size(table: Table) -> Html:
    header = ("Cells", "Features", "Of at least", "Clusters", "Noise", "Silhouette",
              "Calinski-Harabasz", "Davies-Bouldin")  # fmt: skip
    return page.table(
        header,
        (
            (
                score_key[0],
                role,
                of_size["min_size"],
                of_size["clusters"],
                f"{of_size['noise']:.0%}",
                page.number(of_size["silhouette"], ".3f"),
                page.number(of_size["calinski_harabasz"], ".3g"),
                page.number(of_size["davies_bouldin"], ".2f"),
            )
            for score_key, by_role in table.items()
            for role, row in by_role.items()
            for of_size in row["by_size"]
        ),
        "clustering",
    )
