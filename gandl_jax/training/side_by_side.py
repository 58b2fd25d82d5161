"""Groups of training records for a method's hook `side_by_side`."""

from typing import Any

from gandl_jax.errors import InputError, Skip
from gandl_jax.profiles import groups
from gandl_jax.reading.side_by_side import SideBySide
from gandl_jax.training.training_records import TrainingRecords


def group_records(method: Any, records: TrainingRecords) -> SideBySide | None:
    """Groups the training records as a method asks; None if any order will do.

    Args:
      method: as in `methods/contract.py`.
      records: of the experiment; only those that are trained on are grouped.

    Raises:
      InputError: the screen lacks the unit, or some training records do.
    """
    request = getattr(method, "side_by_side", None)
    if request is None:
        return None
    unit, count = request
    assert count >= 1 and method.unit % count == 0, (
        f"side_by_side has {count} records of one {unit} together, of {method.unit} "
        "samples (Method.unit) that stay on one device: make unit a multiple of it"
    )
    if count == 1:
        return None
    if records.shown is not None:
        raise InputError(
            f"the method takes {count} records of one {unit} side by side, which says "
            "how often a record comes: leave config.data.extra and "
            "config.data.oversample out"
        )
    table = records.dataset.table.iloc[records.rows.trained]
    try:
        return SideBySide(groups.groups(table, unit, key="config.method"), count)
    except (InputError, Skip) as error:
        raise InputError(
            f"the method takes {count} records of one {unit} side by side: {error}"
        ) from error
