"""Generated images as a prepared screen, in the form of the one learnt from.

It has the columns, the channels and the name of that screen, so that its config opens
it (`--config.data.dir=... --config.data.source_dir=`), and its grey levels mean the
same: those that are -1 and +1 to networks are the training's.
"""

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath
from PIL import Image

from gandl_jax import files, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs.generate.candidates import Candidates
from gandl_jax.prepared import labelled, shards, work_folder, write_description
from gandl_jax.prepared.description import GENERATED, shard_name
from gandl_jax.prepared.prepared import (
    COUNTED,
    PLAN,
    PLATES,
    SOURCE,
    Prepared,
    plates,
    read_source_table,
)
from gandl_jax.progress import Progress
from gandl_jax.raw.image_files import ImageFormat
from gandl_jax.raw.screen import NAMING_COLUMNS, Screen, table
from gandl_jax.raw.spellings import Spellings
from gandl_jax.training import trained_on

ORDER_SEED = 0
WELL = "A01"


@dataclasses.dataclass(frozen=True)
class Kept:
    """Images that are kept, M of them.

    Attributes:
      code: [M] int, class of each.
      number: [M] int, of the candidate.
      name: [M] str, of the record.
    """

    code: np.ndarray
    number: np.ndarray
    name: list[str]


@dataclasses.dataclass(frozen=True)
class DrawnFiles:
    """Files of a raw screen's interface: PNGs of candidates' channels.

    Attributes:
      source_dir: name of the source in messages.
      candidates: that are kept.
      candidate_of: record to its class and number.
      spellings: of paths; none differs.
    """

    source_dir: str
    candidates: Candidates
    candidate_of: Mapping[str, tuple[int, int]]
    spellings: Spellings = dataclasses.field(default_factory=Spellings)

    def read_image(self, path: str, most_bytes: int) -> bytes:
        """Encodes the grey PNG of "<record>/<channel from 1>"."""
        del most_bytes
        record, _, channel = path.rpartition("/")
        pixels = self.candidates.levels(*self.candidate_of[record])[
            ..., int(channel) - 1
        ]
        png = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(png, "PNG", compress_level=1)
        return png.getvalue()


def spec_for(spec: Screen, channels: Sequence[str]) -> Screen:
    """Returns the screen's spec with a file for each channel."""
    return dataclasses.replace(
        spec,
        channels=tuple(channels),
        file="{" + spec.key[0] + "}/{channel}",
        channel_codes=(),
    )


def source_column(spec: Screen, column: str) -> str:
    """Returns the source's column that a label is read from.

    Raises:
      InputError: the label is derived from other columns.
    """
    source_name = spec.columns.get(f"Metadata_{column}")
    if source_name is None:
        raise InputError(
            f"config.data.label={column} is made of other columns of the screen, and "
            "generated images have none of these: train by another label"
        )
    return source_name


def rows(
    dataset: Prepared,
    spec: Screen,
    column: str,
    kept: Kept,
    classes: Sequence[str],
    plate_rows: np.ndarray | None,
) -> pd.DataFrame:
    """Makes the table of generated records, all columns str, blank unless known.

    Args:
      dataset: the screen that was learnt from.
      spec: of it.
      column: the label.
      kept: the images.
      classes: names of the codes.
      plate_rows: [M] int, rows of the screen's table whose plates records take; None if
        grey levels do not depend on plates.

    Raises:
      InputError: a former version prepared the screen, or its spec reads the label
        otherwise than it is written.
    """
    source = read_source_table(dataset)
    if source is None:
        raise InputError(
            f"{dataset.directory} was prepared by a former version, which kept no "
            "table: run --job=prepare again, with the raw screen there"
        )
    generated = pd.DataFrame("", index=range(len(kept.name)), columns=source.columns)
    for name, source_name in spec.columns.items():
        if name in NAMING_COLUMNS:  # all are of one well, which does not exist
            generated[source_name] = WELL if name == "Metadata_Well" else GENERATED
    if plate_rows is not None:
        for source_name in filter(None, labelled.plate_columns(spec)):
            generated[source_name] = source[source_name].to_numpy()[plate_rows]
    for source_name in spec.key:
        generated[source_name] = GENERATED
    generated[spec.key[0]] = kept.name
    labels = np.array(classes, object)[kept.code]
    generated[source_column(spec, column)] = labels
    labels_read = table(spec, generated)[f"Metadata_{column}"].to_numpy(object)
    if (labels_read != labels).any():
        raise InputError(
            f"the {column} {labels[labels_read != labels][0]!r} of a generated image "
            "would be read otherwise from the table of the screen: train by another "
            "label"
        )
    return generated


def plan_of(
    dataset: Prepared,
    metadata: pd.DataFrame,
    made_from: Mapping[str, Any],
    channels: Sequence[str],
    workdir: epath.Path,
) -> dict[str, Any]:
    """Makes the folder's plan: the former screen's, with other records."""
    text = metadata.to_json(orient="split")
    return {
        **dataset.description["plan"],
        "channels": list(channels),
        SOURCE: str(files.absolute(workdir)),
        "records": len(metadata),
        "metadata_sha256": hashlib.sha256(text.encode()).hexdigest(),
        GENERATED: dict(made_from),
    }


def levels_of(
    dataset: Prepared, spec: Screen, metadata: pd.DataFrame, channels: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Returns the training's grey levels, of all its images and of named plates."""

    def ends(statistics):
        return {
            channel: {end: statistics[channel][end] for end in ("low", "high")}
            for channel in channels
        }

    levels = {write_description.WHOLE: ends(dataset.statistics)}
    plate_levels = dataset.description.get(PLATES, {})
    plate_names = plates(table(spec, metadata))
    for plate in () if plate_names is None else np.unique(plate_names):
        if plate in plate_levels:
            levels[plate] = ends(plate_levels[plate])
    return levels


def write(
    folder: epath.Path,
    spec: Screen,
    raw: shards.Raw,
    plan: Mapping[str, Any],
    levels: Mapping[str, Any],
    seen: bytes,
    records_per_shard: int,
) -> None:
    """Writes the missing shards, then the description.

    Args:
      folder: of the prepared screen.
      spec: of the screen.
      raw: of the generated records.
      plan: of the folder.
      levels: as of `levels_of`.
      seen: the table of records that the generator was trained on.
      records_per_shard: limit of records in a shard.
    """
    planned = shards.plan(
        raw.metadata, records_per_shard=records_per_shard, seed=ORDER_SEED
    )
    _clear_partial(folder)
    with work_folder.writing(folder):
        sealed_json.write(folder / PLAN, plan)
        (folder / "facts").mkdir(exist_ok=True)
        files.replace(folder / trained_on.FILE, seen)
        missing = shards.unfinished(planned, raw.screen.name, str(folder))
        line = Progress("write", sum(len(s.rows) for s in missing), "images")
        for shard in missing:
            file = shard_name(raw.screen.name, shard.number, shard.count)
            (folder / file).unlink(missing_ok=True)
            shards.write(shard, raw, str(folder), on_record=line.update)
        line.close()
    describing = write_description.Describing(
        spec, raw.metadata, planned, folder, plan, (), levels=levels
    )
    write_description.describe(describing, raw, skipped=0)


def _clear_partial(folder: epath.Path) -> None:
    """Removes half-written files of a run that was killed."""
    for directory in (folder, folder / "facts"):
        for path in list(directory.glob(".*.partial")) if directory.exists() else ():
            path.unlink(missing_ok=True)


def raw_of(
    spec: Screen,
    metadata: pd.DataFrame,
    kept: Kept,
    candidates: Candidates,
    side_px: int,
    bit_depth: int,
) -> shards.Raw:
    """Presents the kept candidates as a raw screen.

    Args:
      spec: by whose plates pixels are counted.
      metadata: [M] rows.
      kept: the images.
      candidates: that hold them.
      side_px: of the images.
      bit_depth: of their levels.
    """
    candidate_of = dict(
        zip(
            kept.name,
            zip(kept.code.tolist(), kept.number.tolist(), strict=True),
            strict=True,
        )
    )
    source = DrawnFiles("generated images", candidates, candidate_of)
    image_format = ImageFormat(side_px, side_px, bit_depth)
    return shards.Raw(spec, source, metadata, image_format)


def counted_spec(spec: Screen, dataset: Prepared) -> Screen:
    """Returns the spec by whose plates pixels are counted, as in the source screen."""
    plan = dataset.description["plan"]
    return labelled.as_counted(spec, plan.get(COUNTED, labelled.plate_columns(spec)))
