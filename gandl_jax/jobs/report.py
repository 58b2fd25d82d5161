"""The job `report`: one self-contained page about what an experiment found."""

import csv
import datetime
import io
import string
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import __version__, files
from gandl_jax.jobs.report_parts import page, sections
from gandl_jax.jobs.report_parts.inputs import read

TEMPLATE = epath.Path(__file__).parent / "report_parts" / "report.html"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes `report/index.html` and the figures' numbers as `report/data/*.csv`.

    What is missing is said on the page with the command that makes it.

    Args:
      config: the experiment's config.
      workdir: the experiment's folder.
    """
    inputs = read(config, workdir)
    body, numbers = sections.build(inputs)
    now = datetime.datetime.now(datetime.UTC)
    html = string.Template(TEMPLATE.read_text()).substitute(
        title=page.text(f"{inputs.name} - gandl_jax report"),
        body=body,
        footer=page.text(
            f"Made by gandl_jax {__version__} on {now:%Y-%m-%d %H:%M} UTC. The numbers "
            "behind the figures are CSV files in the folder data beside this page."
        ),
    )
    folder = epath.Path(workdir) / "report"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, rows in numbers.items():
        files.replace(folder / "data" / f"{name}.csv", as_csv(rows))
    files.replace(folder / "index.html", html)
    print(f"report: {folder / 'index.html'}")


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Writes rows as CSV; the columns are all keys in the order they first appear."""
    rows = list(rows)
    columns = dict.fromkeys(key for row in rows for key in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
