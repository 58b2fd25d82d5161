"""A custom screen, described by `config.screen` only."""

import re
from collections.abc import Iterable, Sequence

import ml_collections

from gandl_jax import names
from gandl_jax.errors import InputError, nearest
from gandl_jax.raw import path_pattern
from gandl_jax.raw.filters import Filter
from gandl_jax.raw.found_records import SITE_ID
from gandl_jax.raw.ome_options import OmeOptions
from gandl_jax.raw.path_pattern import PathPattern
from gandl_jax.raw.screen import Screen

COLUMNS = {  # of config.screen.columns
    "site_id": "Metadata_Site_ID",
    "experiment": "Metadata_Experiment",
    "plate": "Metadata_Plate",
    "well": "Metadata_Well",
    "site": "Metadata_Site",
    "cell": "Metadata_Cell",
    "cell_type": "Metadata_Cell_Type",
    "condition": "Metadata_Condition",
    "treatment": "Metadata_Treatment",
    "concentration_um": "Metadata_Concentration_uM",
    "smiles": "Metadata_SMILES",
    "mechanism": "Metadata_Mechanism",
    "split": "Metadata_Split",
}
RESERVED = "Metadata_Role", "Metadata_Record_ID"  # computed, not read

_NAME = re.compile(r"[a-z][a-z0-9_]*")  # of folders, shards and TFDS's dataset
_CHANNEL = re.compile(r"[A-Za-z0-9][\w-]*")  # of pictures
_FIELD = re.compile(r"[A-Za-z_]\w*")  # of a regular expression's group
_FORMAT = re.compile(r"[:!]")  # begins a format behind a name in Python


def describe(options: ml_collections.ConfigDict) -> Screen:
    """Makes the spec that `config.screen` describes.

    Raises:
      InputError: names the first key that is wrong.
    """
    _check_names(options)
    _check_file(options)
    columns = _columns(options)
    return Screen(
        name=options.name,
        channels=tuple(options.channels),
        file=options.file,
        key=_key(options),
        columns=columns,
        response_0=read_filter("response_0", options.response_0),
        response_1=read_filter("response_1", options.response_1),
        treated=read_filter("treated", options.treated),
        metadata=options.metadata,
        channel_codes=tuple(map(names.clean, options.channel_codes)),
        ignored_files=tuple(options.ignored_files),
        wells_per_row=options.wells_per_row,
        filters_must_match=True,
        ome=OmeOptions(**options.ome),
    )


def _check_names(options: ml_collections.ConfigDict) -> None:
    if not _NAME.fullmatch(options.name):
        raise InputError(
            f"config.screen.name={options.name!r} should be a name of small letters, "
            "digits and _, such as my_screen"
        )
    if not options.channels:
        raise InputError(
            "config.screen.channels names no channel; name them in the order of the "
            "codes, pages or colours, such as ('dna', 'actin')"
        )
    for name in options.channels:
        if not _CHANNEL.fullmatch(name):
            raise InputError(
                f"config.screen.channels: {name!r} should be letters, digits, _ and -"
            )
    _check_once("channels", options.channels)


def _check_once(key: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"config.screen.{key} names {name!r} twice")


def _check_file(options: ml_collections.ConfigDict) -> None:
    """Checks the pattern of files, and the codes of the channels in it."""
    file, codes = options.file, tuple(options.channel_codes)
    pattern = _pattern(file)
    for field in pattern.fields if not options.metadata else ():
        if not _FIELD.fullmatch(field):
            raise InputError(
                f"config.screen.file={file!r}: the field {field!r} should be letters, "
                "digits and _, for without a table it becomes a column"
            )
    if field := pattern.touching():
        raise InputError(
            f"config.screen.file={file!r}: * and {{{field}}} touch, so that nobody can "
            "say where one ends: write what stands between them in all names"
        )
    if codes and not pattern.per_channel:
        raise InputError(
            f"config.screen.channel_codes is set, but config.screen.file={file!r} has "
            "no {channel} for them to stand in"
        )
    if codes and len(codes) != len(options.channels):
        raise InputError(
            f"config.screen.channel_codes has {len(codes)} codes for "
            f"{len(options.channels)} channels"
        )
    _check_once("channel_codes", codes)
    if options.wells_per_row < 0:
        raise InputError(
            f"config.screen.wells_per_row={options.wells_per_row} should be how many "
            "wells a row has, such as 12 or 24, or 0 where wells are no numbers"
        )


def _pattern(file: str) -> PathPattern:
    """Parses the pattern of files.

    Raises:
      InputError: it is no pattern.
    """
    try:
        pattern = path_pattern.parse(file)
    except ValueError as error:
        raise InputError(f"config.screen.file={file!r}: {error}") from error
    if not pattern.fields:
        raise InputError(
            f"config.screen.file={file!r} should say where a record's images are, such "
            "as '{plate}/{well}_s{site}_{channel}.tif', or '{file}' for a column of "
            "paths"
        )
    for field in pattern.fields:
        if not field or _FORMAT.search(field):
            raise InputError(
                f"config.screen.file={file!r}: write a column's name alone in its "
                "braces; its text is used as it is"
            )
    return pattern


def _columns(options: ml_collections.ConfigDict) -> dict[str, str]:
    """Returns {`Metadata_*` name: the source's column}."""
    named = {name: names.clean(options.columns[key]) for key, name in COLUMNS.items()}
    named = {name: column for name, column in named.items() if column}
    for column in map(names.clean, options.more_columns):
        name = "Metadata_" + _capitals(column)
        for other in (*named, *RESERVED):
            if name.casefold() == other.casefold():
                raise InputError(
                    f"config.screen.more_columns: {column!r} would be {other}, which "
                    "there is already; rename it in the table"
                )
        named[name] = column
    if not options.metadata:
        _check_found(options.file, named.values())
    return named


def _check_found(file: str, columns: Iterable[str]) -> None:
    """Refuses a column that the files' names, the only source, do not have."""
    fields = {*path_pattern.parse(file).columns(()), SITE_ID}
    for column in columns:
        if column not in fields:
            raise InputError(
                f"config.screen names the column {column!r}, but without a table "
                "there are only the fields of config.screen.file; "
                f"{nearest(column, fields)}"
            )


def _capitals(column: str) -> str:
    """Writes a column's name as in `Metadata_*`: "cell line" is Cell_Line."""
    parts = re.split(r"\W+|_", column)
    return "_".join(part[:1].upper() + part[1:] for part in parts if part)


def _key(options: ml_collections.ConfigDict) -> tuple[str, ...]:
    if options.key:
        return tuple(map(names.clean, options.key))
    if not options.columns.site_id:
        raise InputError(
            "nothing names a record: set config.screen.columns.site_id, or "
            "config.screen.key to the columns that together do"
        )
    cell = options.columns.cell
    return tuple(
        names.clean(column) for column in (options.columns.site_id, cell) if column
    )


def read_filter(key: str, text: str) -> Filter | None:
    """Parses a filter of the config: "column=value|value; column=value".

    Args:
      key: of `config.screen`, for the message.
      text: an empty value is a blank; an empty text is no filter.

    Returns:
      {column: its allowed values}, or None.

    Raises:
      InputError: it is malformed, or names a column twice.
    """
    if not text.strip():
        return None
    rule: dict[str, tuple[str, ...]] = {}
    for condition in text.split(";"):
        column, equals, values = condition.partition("=")
        column = names.clean(column)
        if not equals or not column or column in rule:
            raise InputError(
                f"config.screen.{key}={text!r} should be of the form "
                "'column=value|value; column=value', each column once"
            )
        rule[column] = tuple(map(names.clean, values.split("|")))
    return rule


def SCREEN(config: ml_collections.ConfigDict) -> Screen:
    """Makes the spec of a config."""
    return describe(config.screen)
