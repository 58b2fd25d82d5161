"""Proposal of a screen's config keys, with guesses and what is not known."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from gandl_jax.jobs.init import columns as column_roles
from gandl_jax.jobs.init import controls
from gandl_jax.jobs.init.patterns import NamePattern
from gandl_jax.jobs.init.tables import Table
from gandl_jax.raw.image_files import ImageFormat

CROP_PX = 64  # of a laptop's network (config.small)
WHOLE_PX = 128  # images of smaller sides are seen whole, scaled (as sets of cells are)
COLOURS = ("red", "green", "blue")
NUCLEI = re.compile(r"dapi|hoechst|dna|nucle|h2b", re.IGNORECASE)
GROUPS = re.compile(
    r"donor|patient|specimen|track|group|collage|montage|slide|batch|experiment",
    re.IGNORECASE,
)
FEWEST_GROUPS = 3  # for leaving one out in turn


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Screen as init describes it.

    Attributes:
      settings: full key ("screen.file") to value.
      guesses: sentences on guessed keys.
      unknown: sentences on keys that are not known.
    """

    settings: dict[str, Any]
    guesses: list[str]
    unknown: list[str]


def make(
    name: str,
    source_dir: str,
    pattern: NamePattern,
    table: Table | None,
    image_format: ImageFormat,
) -> Proposal:
    """Collects the keys of a config.

    Args:
      name: of the screen, small letters, digits and _.
      source_dir: its folder.
      pattern: of the names of its images.
      table: its table, or None.
      image_format: of its images.
    """
    proposal = Proposal({}, [], [])
    proposal.settings.update(
        {
            "data.name": "own",
            "data.source_dir": source_dir,
            "data.dir": f"data/{name}",
            "screen.name": name,
            "screen.metadata": table.name if table else "",
            "screen.file": table.file if table else pattern.file,
        }
    )
    _add_sizes(proposal, image_format)
    codes = table.codes if table else pattern.codes
    _add_channels(proposal, codes, pattern.channels, image_format)
    if pattern.wells_per_row and not table:
        proposal.settings["screen.wells_per_row"] = pattern.wells_per_row
        proposal.guesses.append(
            f"wells are numbers along rows of {pattern.wells_per_row}, by the highest "
            "one"
        )
    if table:
        _add_columns(proposal, table)
    else:
        _add_fields(proposal, pattern)
    return proposal


def _add_sizes(proposal: Proposal, image_format: ImageFormat) -> None:
    side = min(image_format.height_px, image_format.width_px)
    if side >= WHOLE_PX:
        proposal.settings["data.crop_px"] = CROP_PX
        return
    proposal.settings.update({"data.crop_px": side, "model.input_px": CROP_PX})
    if side <= CROP_PX + CROP_PX // 2:
        proposal.settings["embed.orientations"] = 8
        proposal.guesses.append(
            "images are so small that each may be one cell: they are seen whole, and "
            "embedded in 8 orientations"
        )


def _add_channels(
    proposal: Proposal,
    codes: Sequence[str],
    labels: Sequence[str],
    image_format: ImageFormat,
) -> None:
    names = [_channel(text) for text in codes or labels] or _planes(image_format)
    if len(set(names)) < len(names):
        names = _planes(image_format)
    proposal.settings["screen.channels"] = tuple(names)
    if codes and codes != tuple(str(i + 1) for i in range(len(codes))):
        proposal.settings["screen.channel_codes"] = tuple(codes)
    if any(name.startswith("channel_") for name in names):
        proposal.unknown.append("what the channels show: give them names in `channels`")
    nuclei = [name for name in names if NUCLEI.search(name)]
    if nuclei:
        proposal.settings["evaluate.nuclei"] = nuclei[0]
        proposal.guesses.append(f"nuclei are in the channel {nuclei[0]}, by its name")


def _channel(code: str) -> str:
    """Names a channel, by its code in the files' names or its label."""
    cleaned = re.sub(r"\W+", "_", code).strip("_").lower()
    return f"channel_{cleaned or 0}" if not cleaned or cleaned.isdecimal() else cleaned


def _planes(image_format: ImageFormat) -> list[str]:
    """Names the channels of files that hold all channels."""
    if image_format.planes == 1:
        return ["channel_1"]
    if image_format.planes == 3 and image_format.bit_depth == 8:
        return list(COLOURS)
    return [f"channel_{i + 1}" for i in range(image_format.planes)]


def _add_fields(proposal: Proposal, pattern: NamePattern) -> None:
    """Adds the columns that the files' names give, if there is no table."""
    fields = [field for field in pattern.values if field != "channel"]
    columns = {
        f: f for f in fields if f in ("experiment", "plate", "well", "site", "cell")
    }
    for role, field in columns.items():
        proposal.settings[f"screen.columns.{role}"] = field
    extra = [f for f in fields if f not in columns and f != "image"]
    if "well" not in pattern.values and "plate" in columns:
        proposal.guesses.append(
            "folders are taken for plates: if they are classes, put the field into "
            "`more_columns` and label by it"
        )
    if extra:
        proposal.settings["screen.more_columns"] = tuple(extra)
    proposal.unknown.append(
        "treatments, doses and controls: there is no table; train and embed work, "
        "scores need one row per site in a metadata.csv"
    )
    plates = len(pattern.values.get("plate", ()))
    proposal.settings["evaluate.splits"] = _splits(plates, "well" in pattern.values)


def _add_columns(proposal: Proposal, table: Table) -> None:
    rows, roles = table.rows, column_roles.roles(table.rows)
    key = column_roles.key(rows, roles, table.paths)
    for role, column in roles.items():
        proposal.settings[f"screen.columns.{role}"] = column
    _add_key(proposal, key, roles)
    _add_dose(proposal, rows, roles)
    _add_controls(proposal, rows, roles)
    taken = {*roles.values(), table.paths}
    extra = column_roles.extra(rows, taken)
    if extra:
        proposal.settings["screen.more_columns"] = tuple(extra)
    plates = rows[roles["plate"]].nunique() if "plate" in roles else 0
    proposal.settings["evaluate.splits"] = _splits(plates, "well" in roles)
    _add_label(proposal, rows, extra, plates)


def _add_key(proposal: Proposal, key: Sequence[str], roles: dict[str, str]) -> None:
    usual = tuple(roles[role] for role in ("site_id", "cell") if role in roles)
    if key and key == usual:
        return
    if "site_id" not in roles:
        proposal.settings["screen.columns.site_id"] = ""
    proposal.settings["screen.key"] = tuple(key)
    if not key:
        proposal.unknown.append(
            "which columns together name a row: set `key`; prepare refuses rows that "
            "have one name"
        )


def _add_dose(proposal: Proposal, rows: pd.DataFrame, roles: dict[str, str]) -> None:
    column = roles.get("concentration_um")
    if not column:
        proposal.unknown.append("doses: no column of numbers is called so")
        return
    if column_roles.has_other_unit(column):
        proposal.unknown.append(
            f"the unit of the doses, as {column} says another than micromolar: set "
            "config.data.dose_unit"
        )
    elif "um" not in column_roles.plain(column):
        proposal.guesses.append(f"doses in {column} are micromolar")


def _add_controls(
    proposal: Proposal, rows: pd.DataFrame, roles: dict[str, str]
) -> None:
    filters = controls.guess(rows, roles)
    for key, text in filters._asdict().items():
        proposal.settings[f"screen.{key}"] = text
    if any(filters):
        clauses = " and ".join(
            f"{k} is {v!r}" for k, v in filters._asdict().items() if v
        )
        proposal.guesses.append(f"{clauses}, by names alone")
    lacking = [key for key, text in filters._asdict().items() if not text]
    if lacking:
        proposal.unknown.append(
            f"{' and '.join(lacking)}: no value looks like it; dose response needs both"
        )


def _splits(plates: int, has_wells: bool) -> tuple[str, ...]:
    if plates > 1:
        return ("record", "plate")
    return ("record", "row") if has_wells else ("record",)


def _add_label(
    proposal: Proposal, rows: pd.DataFrame, extra: Sequence[str], plates: int
) -> None:
    """Adds the column of classes as the label, if a column is named so."""
    column = column_roles.label(extra)
    if not column:
        return
    groups = [
        name
        for name in extra
        if GROUPS.search(name) and rows[name].nunique() >= FEWEST_GROUPS
    ]
    unit = _lower_case(groups[0]) if groups else "record"
    if plates >= FEWEST_GROUPS and not groups:
        unit = "plate"
    proposal.settings["evaluate.label_classification.label"] = _title_case(column)
    proposal.settings["evaluate.label_classification.splits"] = (unit,)
    held_out = f"whole groups of {unit} left out" if unit != "record" else "at random"
    proposal.guesses.append(f"{column} is what is to be told, judged with {held_out}")


def _title_case(column: str) -> str:
    """Writes a column's name as `Metadata_*` columns do."""
    words = re.split(r"\W+|_", column)
    return "_".join(word[:1].upper() + word[1:] for word in words if word)


def _lower_case(column: str) -> str:
    return _title_case(column).lower()
