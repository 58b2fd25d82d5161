"""Generated images as a prepared screen of the same form as the one learnt from.

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
    """The images that are kept, M of them.

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
    """Stands in for a raw screen's files: PNGs of candidates' channels.

    Attributes:
      source_dir: what a message calls the place.
      candidates: that are kept.
      places: record to its class and number.
      spellings: of paths, which are all as they are.
    """

    source_dir: str
    candidates: Candidates
    places: Mapping[str, tuple[int, int]]
    spellings: Spellings = dataclasses.field(default_factory=Spellings)

    def read_image(self, path: str, most_bytes: int) -> bytes:
        """A grey PNG of "<record>/<channel from 1>"."""
        del most_bytes
        record, _, channel = path.rpartition("/")
        pixels = self.candidates.levels(*self.places[record])[..., int(channel) - 1]
        png = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(png, "PNG", compress_level=1)
        return png.getvalue()


def spec_for(spec: Screen, channels: Sequence[str]) -> Screen:
    """The screen's spec with a file for each channel, whatever the source has."""
    return dataclasses.replace(
        spec,
        channels=tuple(channels),
        file="{" + spec.key[0] + "}/{channel}",
        channel_codes=(),
    )


def source_column(spec: Screen, column: str) -> str:
    """The source's column that a label is read from.

    Raises:
      InputError: the label is made of others.
    """
    named = spec.columns.get(f"Metadata_{column}")
    if named is None:
        raise InputError(
            f"config.data.label={column} is made of other columns of the screen, and "
            "generated images have none of these: train by another label"
        )
    return named


def rows(
    dataset: Prepared,
    spec: Screen,
    column: str,
    kept: Kept,
    classes: Sequence[str],
    like: np.ndarray | None,
) -> pd.DataFrame:
    """The table of generated records, all columns str, blank but for what is known.

    Args:
      dataset: the screen that was learnt from.
      spec: of it.
      column: the label.
      kept: the images.
      classes: names of the codes.
      like: [M] int, rows of the screen's table whose plate each record has; None where
        plates say nothing of grey levels.

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
    made = pd.DataFrame("", index=range(len(kept.name)), columns=source.columns)
    for name, own in spec.columns.items():
        if name in NAMING_COLUMNS:  # all are of one well that there is not
            made[own] = WELL if name == "Metadata_Well" else GENERATED
    if like is not None:
        for own in filter(None, labelled.plate_columns(spec)):
            made[own] = source[own].to_numpy()[like]
    for own in spec.key:
        made[own] = GENERATED
    made[spec.key[0]] = kept.name
    labels = np.array(classes, object)[kept.code]
    made[source_column(spec, column)] = labels
    read = table(spec, made)[f"Metadata_{column}"].to_numpy(object)
    if (read != labels).any():
        raise InputError(
            f"the {column} {labels[read != labels][0]!r} of a generated image would be "
            "read otherwise from the table of the screen: train by another label"
        )
    return made


def plan_of(
    dataset: Prepared,
    metadata: pd.DataFrame,
    made_from: Mapping[str, Any],
    channels: Sequence[str],
    workdir: epath.Path,
) -> dict[str, Any]:
    """What the folder is made from: the former screen's plan, of other records."""
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
    """The training's grey levels, of all its images and of plates that are named."""

    def ends(statistics):
        return {
            c: {end: statistics[c][end] for end in ("low", "high")} for c in channels
        }

    found = {write_description.WHOLE: ends(dataset.statistics)}
    known = dataset.description.get(PLATES, {})
    named = plates(table(spec, metadata))
    for plate in () if named is None else np.unique(named):
        if plate in known:
            found[plate] = ends(known[plate])
    return found


def write(
    folder: epath.Path,
    spec: Screen,
    raw: shards.Raw,
    plan: Mapping[str, Any],
    levels: Mapping[str, Any],
    seen: bytes,
    records_per_shard: int,
) -> None:
    """Writes what is missing of the shards, then the description.

    Args:
      folder: of the prepared screen.
      spec: of the screen.
      raw: of the generated records.
      plan: to be kept.
      levels: as of `levels_of`.
      seen: the table of records that the generator was trained on.
      records_per_shard: at most so many in each.
    """
    parts = shards.plan(
        raw.metadata, records_per_shard=records_per_shard, seed=ORDER_SEED
    )
    _clear_partial(folder)
    with work_folder.writing(folder):
        sealed_json.write(folder / PLAN, plan)
        (folder / "facts").mkdir(exist_ok=True)
        files.replace(folder / trained_on.FILE, seen)
        todo = shards.unfinished(parts, raw.screen.name, str(folder))
        line = Progress("write", sum(len(s.rows) for s in todo), "images")
        for shard in todo:
            file = shard_name(raw.screen.name, shard.number, shard.count)
            (folder / file).unlink(missing_ok=True)
            shards.write(shard, raw, str(folder), on_record=line.update)
        line.close()
    describing = write_description.Describing(
        spec, raw.metadata, parts, folder, plan, (), levels=levels
    )
    write_description.describe(describing, raw, skipped=0)


def _clear_partial(folder: epath.Path) -> None:
    """Removes half-written files of a run that was killed."""
    for place in (folder, folder / "facts"):
        for path in list(place.glob(".*.partial")) if place.exists() else ():
            path.unlink(missing_ok=True)


def raw_of(
    spec: Screen,
    metadata: pd.DataFrame,
    kept: Kept,
    candidates: Candidates,
    side_px: int,
    bit_depth: int,
) -> shards.Raw:
    """The kept candidates as a raw screen.

    Args:
      spec: by whose plates pixels are counted.
      metadata: [M] rows.
      kept: the images.
      candidates: that hold them.
      side_px: of the images.
      bit_depth: of their levels.
    """
    places = dict(
        zip(
            kept.name,
            zip(kept.code.tolist(), kept.number.tolist(), strict=True),
            strict=True,
        )
    )
    source = DrawnFiles("generated images", candidates, places)
    image_format = ImageFormat(side_px, side_px, bit_depth)
    return shards.Raw(spec, source, metadata, image_format)


def counted_spec(spec: Screen, dataset: Prepared) -> Screen:
    """The spec by whose plates pixels are counted, as in the screen learnt from."""
    plan = dataset.description["plan"]
    return labelled.as_counted(spec, plan.get(COUNTED, labelled.plate_columns(spec)))
