"""Writes an answer: its content, a page with tables beside it, and a picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import pictures
from gandl_jax.jobs.channel_importance.asking import Pictures
from gandl_jax.jobs.report import page, page_file
from gandl_jax.jobs.report.job_chapters import channel_importance as chapter
from gandl_jax.judging import task_results

FILE = "channels.json"


def write(folder: epath.Path, content: Mapping[str, Any], shown: Pictures) -> None:
    """Writes channels.json, channels.png, index.html and data/*.csv.

    Args:
      folder: channel_importance/<dataset>.
      content: of the answer.
      shown: pictures of records.
    """
    plain = task_results.plain(content)
    columns = dict(zip(content["channels"], np.moveaxis(shown.channels, 1, 0),
                       strict=True))  # fmt: skip
    if shown.blended is not None:
        columns["blended"] = shown.blended
    folder.mkdir(parents=True, exist_ok=True)
    pictures.write_columns(folder / chapter.PICTURE, columns)
    task_results.write(folder / FILE, plain)
    contents = {"channels": plain}
    tables = {
        csv: pd.DataFrame(rows) for csv, rows in chapter.numbers(contents).items()
    }
    title = page.tag("h1", f"Channels of {folder.name}")
    body = page.join([title, chapter.section(folder.name, contents, folder)])
    page_file.write(folder, f"{folder.name}: channels - gandl_jax", body, tables)
