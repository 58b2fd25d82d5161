"""The job `report`: one self-contained page about what an experiment found."""

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import workdir_faults
from gandl_jax.errors import InputError
from gandl_jax.jobs.report import page_file, sections
from gandl_jax.jobs.report.inputs import Inputs, read


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes `report/index.html` and the figures' numbers as `report/data/*.csv`.

    For what is missing the page gives the command that makes it.

    Args:
      config: the experiment's config.
      workdir: the experiment's folder.

    Raises:
      InputError: a result of a former version is not built as results are.
    """
    inputs = read(config, workdir)
    body, numbers = _build(inputs)
    folder = epath.Path(workdir) / "report"
    tables = {
        name: pd.concat(parts, ignore_index=True) for name, parts in numbers.items()
    }
    page_file.write(folder, f"{inputs.name} - gandl_jax report", body, tables)
    print(f"report: {folder / 'index.html'}")


def _build(inputs: Inputs):
    """Builds the page; a result without a digest may be of any form."""
    try:
        return sections.build(inputs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        if not inputs.unsealed:
            raise
        raise InputError(
            f"one of {', '.join(inputs.unsealed)} is not as results are, and carries "
            "no digest: run the job again that made it "
            f"({', '.join(workdir_faults.RESULTS.values())})"
        ) from e
