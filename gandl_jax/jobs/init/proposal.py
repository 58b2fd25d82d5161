"""The keys of a config that describe a screen, with what they were told by."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from gandl_jax.jobs.init import columns as column_roles
from gandl_jax.jobs.init import controls
from gandl_jax.jobs.init.patterns import Named
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
FEWEST_GROUPS = 3  # to be left out in turn


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A screen as init describes it.

    Attributes:
      settings: full key ("screen.file") to value.
      guesses: sentences on what was guessed.
      unknown: sentences on what could not be told.
    """

    settings: dict[str, Any]
    guesses: list[str]
    unknown: list[str]


def make(
    name: str, source_dir: str, named: Named, table: Table | None, size: ImageFormat
) -> Proposal:
    """Puts together what was found.

    Args:
      name: of the screen, small letters, digits and _.
      source_dir: its folder.
      named: what the names of its images say.
      table: its table, or None.
      size: the format of its images.
    """
    made = Proposal({}, [], [])
    made.settings.update(
        {
            "data.name": "own",
            "data.source_dir": source_dir,
            "data.dir": f"data/{name}",
            "screen.name": name,
            "screen.metadata": table.name if table else "",
            "screen.file": table.file if table else named.file,
        }
    )
    _add_sizes(made, size)
    codes = table.codes if table else named.codes
    _add_channels(made, codes, named.channels, size)
    if named.wells_per_row and not table:
        made.settings["screen.wells_per_row"] = named.wells_per_row
        made.guesses.append(
            f"wells are numbers along rows of {named.wells_per_row}, by the highest one"
        )
    if table:
        _add_columns(made, table)
    else:
        _add_fields(made, named)
    return made


def _add_sizes(made: Proposal, size: ImageFormat) -> None:
    side = min(size.height_px, size.width_px)
    if side >= WHOLE_PX:
        made.settings["data.crop_px"] = CROP_PX
        return
    made.settings.update({"data.crop_px": side, "model.input_px": CROP_PX})
    if side <= CROP_PX + CROP_PX // 2:
        made.settings["embed.orientations"] = 8
        made.guesses.append(
            "images are so small that each may be one cell: they are seen whole, and "
            "embedded in 8 orientations"
        )


def _add_channels(
    made: Proposal, codes: Sequence[str], labels: Sequence[str], size: ImageFormat
) -> None:
    names = [_channel(text) for text in codes or labels] or _planes(size)
    if len(set(names)) < len(names):
        names = _planes(size)
    made.settings["screen.channels"] = tuple(names)
    if codes and codes != tuple(str(i + 1) for i in range(len(codes))):
        made.settings["screen.channel_codes"] = tuple(codes)
    if any(name.startswith("channel_") for name in names):
        made.unknown.append("what the channels show: give them names in `channels`")
    nuclei = [name for name in names if NUCLEI.search(name)]
    if nuclei:
        made.settings["evaluate.nuclei"] = nuclei[0]
        made.guesses.append(f"nuclei are in the channel {nuclei[0]}, by its name")


def _channel(code: str) -> str:
    """A channel's name, from its code in the files' names or its label."""
    plain = re.sub(r"\W+", "_", code).strip("_").lower()
    return f"channel_{plain or 0}" if not plain or plain.isdecimal() else plain


def _planes(size: ImageFormat) -> list[str]:
    """Names of the channels of files that hold all."""
    if size.planes == 1:
        return ["channel_1"]
    if size.planes == 3 and size.bit_depth == 8:
        return list(COLOURS)
    return [f"channel_{i + 1}" for i in range(size.planes)]


def _add_fields(made: Proposal, named: Named) -> None:
    """The columns that the files' names give, where there is no table."""
    own = [field for field in named.values if field != "channel"]
    known = {f: f for f in own if f in ("experiment", "plate", "well", "site", "cell")}
    for role, field in known.items():
        made.settings[f"screen.columns.{role}"] = field
    more = [f for f in own if f not in known and f != "image"]
    if "well" not in named.values and "plate" in known:
        made.guesses.append(
            "folders are taken for plates: if they are classes, put the field into "
            "`more_columns` and label by it"
        )
    if more:
        made.settings["screen.more_columns"] = tuple(more)
    made.unknown.append(
        "treatments, doses and controls: there is no table; train and embed work, "
        "scores need one row per site in a metadata.csv"
    )
    plates = len(named.values.get("plate", ()))
    made.settings["evaluate.splits"] = _splits(plates, "well" in named.values)


def _add_columns(made: Proposal, table: Table) -> None:
    rows, roles = table.rows, column_roles.roles(table.rows)
    key = column_roles.key(rows, roles, table.paths)
    for role, column in roles.items():
        made.settings[f"screen.columns.{role}"] = column
    _add_key(made, key, roles)
    _add_dose(made, rows, roles)
    _add_controls(made, rows, roles)
    taken = {*roles.values(), table.paths}
    more = column_roles.more(rows, taken)
    if more:
        made.settings["screen.more_columns"] = tuple(more)
    plates = rows[roles["plate"]].nunique() if "plate" in roles else 0
    made.settings["evaluate.splits"] = _splits(plates, "well" in roles)
    _add_label(made, rows, more, plates)


def _add_key(made: Proposal, key: Sequence[str], roles: dict[str, str]) -> None:
    usual = tuple(roles[r] for r in ("site_id", "cell") if r in roles)
    if key and key == usual:
        return
    if "site_id" not in roles:
        made.settings["screen.columns.site_id"] = ""
    made.settings["screen.key"] = tuple(key)
    if not key:
        made.unknown.append(
            "which columns together name a row: set `key`; prepare refuses rows that "
            "have one name"
        )


def _add_dose(made: Proposal, rows: pd.DataFrame, roles: dict[str, str]) -> None:
    column = roles.get("concentration_um")
    if not column:
        made.unknown.append("doses: no column of numbers is called so")
        return
    if column_roles.other_unit(column):
        made.unknown.append(
            f"doses should be micromolar, and {column} says otherwise: convert it"
        )
    elif "um" not in column_roles.plain(column):
        made.guesses.append(f"doses in {column} are micromolar")


def _add_controls(made: Proposal, rows: pd.DataFrame, roles: dict[str, str]) -> None:
    found = controls.guess(rows, roles)
    for key, text in found._asdict().items():
        made.settings[f"screen.{key}"] = text
    if any(found):
        told = " and ".join(f"{k} is {v!r}" for k, v in found._asdict().items() if v)
        made.guesses.append(f"{told}, by names alone")
    lacking = [key for key, text in found._asdict().items() if not text]
    if lacking:
        made.unknown.append(
            f"{' and '.join(lacking)}: no value looks like it; dose response needs both"
        )


def _splits(plates: int, has_wells: bool) -> tuple[str, ...]:
    if plates > 1:
        return ("record", "plate")
    return ("record", "row") if has_wells else ("record",)


def _add_label(
    made: Proposal, rows: pd.DataFrame, more: Sequence[str], plates: int
) -> None:
    """What classes are told by, where a column is called so."""
    column = column_roles.label(more)
    if not column:
        return
    groups = [
        c for c in more if GROUPS.search(c) and rows[c].nunique() >= FEWEST_GROUPS
    ]
    unit = _small(groups[0]) if groups else "record"
    if plates >= FEWEST_GROUPS and not groups:
        unit = "plate"
    made.settings["evaluate.label_classification.label"] = _capitals(column)
    made.settings["evaluate.label_classification.splits"] = (unit,)
    apart = f"whole groups of {unit} left out" if unit != "record" else "at random"
    made.guesses.append(f"{column} is what is to be told, judged with {apart}")


def _capitals(column: str) -> str:
    """A column's name as `Metadata_*` has it."""
    words = re.split(r"\W+|_", column)
    return "_".join(word[:1].upper() + word[1:] for word in words if word)


def _small(column: str) -> str:
    return _capitals(column).lower()
