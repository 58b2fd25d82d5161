"""Files of a page and of the numbers behind it: index.html and data/*.csv."""

import datetime
import string
from collections.abc import Mapping

import pandas as pd
from etils import epath

from gandl_jax import __version__, csv_files, files
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html

PARTS = epath.Path(__file__).parent


def write(
    folder: epath.Path, title: str, body: Html, numbers: Mapping[str, pd.DataFrame]
) -> None:
    """Writes a self-contained page.

    Args:
      folder: made if need be.
      title: of the page.
      body: its chapters.
      numbers: name to the table that becomes data/<name>.csv.
    """
    now = datetime.datetime.now(datetime.UTC)
    html = string.Template((PARTS / "report.html").read_text()).substitute(
        title=page.text(title),
        style=(PARTS / "report.css").read_text(),
        script=(PARTS / "report.js").read_text(),
        body=body,
        footer=page.text(
            f"Made by gandl_jax {__version__} on {now:%Y-%m-%d %H:%M} UTC. The numbers "
            "behind the figures are CSV files in the folder data beside this page."
        ),
    )
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, table in numbers.items():
        csv_files.write(folder / "data" / f"{name}.csv", table)
    files.replace(folder / "index.html", html)
