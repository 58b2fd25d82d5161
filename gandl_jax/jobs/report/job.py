"""The job `report`: one self-contained page about what an experiment found."""

import datetime
import string

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import __version__, csv_files, files
from gandl_jax.errors import InputError
from gandl_jax.jobs.report import page, sections
from gandl_jax.jobs.report.inputs import Inputs, read

PARTS = epath.Path(__file__).parent


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes `report/index.html` and the figures' numbers as `report/data/*.csv`.

    What is missing is said on the page with the command that makes it.

    Args:
      config: the experiment's config.
      workdir: the experiment's folder.

    Raises:
      InputError: a result of a former version is not built as results are.
    """
    inputs = read(config, workdir)
    body, numbers = _build(inputs)
    now = datetime.datetime.now(datetime.UTC)
    html = string.Template((PARTS / "report.html").read_text()).substitute(
        title=page.text(f"{inputs.name} - gandl_jax report"),
        style=(PARTS / "report.css").read_text(),
        script=(PARTS / "report.js").read_text(),
        body=body,
        footer=page.text(
            f"Made by gandl_jax {__version__} on {now:%Y-%m-%d %H:%M} UTC. The numbers "
            "behind the figures are CSV files in the folder data beside this page."
        ),
    )
    folder = epath.Path(workdir) / "report"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, tables in numbers.items():
        table = pd.concat(tables, ignore_index=True)
        csv_files.write(folder / "data" / f"{name}.csv", table)
    files.replace(folder / "index.html", html)
    print(f"report: {folder / 'index.html'}")


def _build(inputs: Inputs):
    """The page; results that carry no digest may be anything."""
    try:
        return sections.build(inputs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        if not inputs.unsealed:
            raise
        raise InputError(
            f"one of {', '.join(inputs.unsealed)} is not as results are, and carries "
            "no digest: run the job again that made it (evaluate, choose_features, "
            "compare_seeds)"
        ) from e
