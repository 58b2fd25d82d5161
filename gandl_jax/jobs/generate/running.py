"""Run of the job `generate`: it draws, selects, reports and writes."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import ml_collections
import numpy as np
from etils import epath

from gandl_jax import compilation, modules, parallel
from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs.generate import (
    copies,
    drawn_by,
    made_screen,
    real_images,
    tables,
    thumbnails,
    wanted,
)
from gandl_jax.jobs.generate.candidates import Candidates
from gandl_jax.jobs.generate.drawn_by import Generator
from gandl_jax.jobs.generate.made_screen import Kept
from gandl_jax.jobs.generate.real_images import RealImages
from gandl_jax.prepared import prepared, work_folder, write_shards
from gandl_jax.prepared.description import GENERATED
from gandl_jax.raw import screen
from gandl_jax.training import training_records
from gandl_jax.training.training_records import TrainingRecords

SELECTION = "jobs/generate/selection"
FOLDER = "generated"  # in the workdir


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Request for images: what draws them, and how many.

    Attributes:
      config: of the experiment.
      generator: that draws.
      records: that it was trained on.
      wanted_images: class to the number of wanted images.
      candidates: files that hold the candidates.
    """

    config: ml_collections.ConfigDict
    generator: Generator
    records: TrainingRecords
    wanted_images: Mapping[str, int]
    candidates: Candidates

    @property
    def column(self) -> str:
        """Label by which images are drawn."""
        return wanted.label_column(self.generator.source)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by their codes."""
        return self.generator.source.classes[self.column]

    @property
    def candidate_counts(self) -> dict[str, int]:
        """Number of candidates of each class."""
        per_image = self.config.generate.candidates
        return {
            name: int(np.ceil(per_image * count))
            for name, count in self.wanted_images.items()
        }

    @functools.cached_property
    def ranges(self) -> np.ndarray:
        """Levels [N, 2, C] that are -1 and +1, of the records of the screen."""
        records = self.records
        return records.dataset.ranges(records.channels, self.config.data.scaling)

    def plate_rows(self, code: int, numbers: np.ndarray) -> np.ndarray:
        """Returns [n] int, training records of the class, in turn, that give plates."""
        rows = self.records.rows.trained
        rows = rows[self.records.labels[self.column][rows] == code]
        return rows[numbers % len(rows)]

    def ends(self, code: int, numbers: np.ndarray) -> np.ndarray:
        """Returns [n, 2, C], levels that are -1 and +1, of candidates of a class."""
        return self.ranges[self.plate_rows(code, numbers)]

    def thumbnails(self, code: int, numbers: np.ndarray) -> np.ndarray:
        """[n, s, s, C] float32, of candidates of a class as they are written."""
        low, high = np.moveaxis(self.ends(code, numbers)[:, :, None, None], 1, 0)
        small = [
            thumbnails.make(
                ((self.candidates.levels(code, n) - low[i]) / (high[i] - low[i]))[None]
            )
            for i, n in enumerate(numbers.tolist())
        ]
        return np.concatenate(small) * 2 - 1


def run(config: ml_collections.ConfigDict, workdir: epath.Path) -> None:
    """Draws, selects and writes images; as of `job.run`."""
    compilation.enable_cache()
    generator = drawn_by.load(config, workdir)
    wanted_images = wanted.per_class(config, generator.source)
    folder = epath.Path(config.generate.dir or workdir / FOLDER / "prepared")
    made_from = _made_from(config, generator, wanted_images)
    with work_folder.claimed(folder):
        if _is_done(folder, made_from):
            print(f"generate  {folder} is there: nothing to do", flush=True)
        else:
            records = training_records.open_records(config)
            batch = config.generate.batch
            candidates = Candidates(folder / prepared.WORK / "candidates", batch)
            drawing = Drawing(config, generator, records, wanted_images, candidates)
            _generate(drawing, workdir, folder, made_from)
        if (folder / prepared.WORK).exists():
            (folder / prepared.WORK).rmtree()


def _made_from(
    config: ml_collections.ConfigDict,
    generator: Generator,
    wanted_images: Mapping[str, int],
) -> dict[str, Any]:
    """Collects all that the images depend on, and their origin, as plain data."""
    flat = configs.plain(config)
    return {
        "experiment": config.name,
        "method": {k: x for k, x in flat.items() if k.startswith("method.")},
        "step": generator.step,
        "checkpoint_sha256": generator.checkpoint_sha256,
        "trained_on_sha256": hashlib.sha256(generator.trained_on).hexdigest(),
        "label": wanted.label_column(generator.source),
        "scaling": config.data.scaling,
        "images": dict(wanted_images),
        **{key: flat[f"generate.{key}"] for key in ("candidates", "select", "seed")},
    }


def _is_done(folder: epath.Path, made_from: Mapping[str, Any]) -> bool:
    """Returns True if the same images exist, all of them.

    Raises:
      InputError: the folder holds other images, or other files.
    """
    before = write_shards.plan_before(folder)
    if before is None:
        return False
    former = before.get(GENERATED, {})
    changed = [key for key, value in made_from.items() if former.get(key) != value]
    if changed:
        raise InputError(
            f"{folder} (config.generate.dir) holds other images, of another "
            f"{', '.join(changed)}: choose another folder, or delete that one"
        )
    return prepared.is_complete(str(folder))


def _generate(
    drawing: Drawing,
    workdir: epath.Path,
    folder: epath.Path,
    made_from: Mapping[str, Any],
) -> None:
    config, spec = drawing.config, screen.load(drawing.config)
    made_screen.source_column(spec, drawing.column)  # refuses
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.generate.batch, len(devices), 1)
    select = modules.load(SELECTION, config.generate.select)
    features = drawing.generator.features(config, devices)
    real = real_images.measure(
        config, drawing.records, drawing.column, select, features
    )
    _draw(drawing, select, features, devices, made_from)
    kept, passing = _selected(drawing, real, select)
    _report(drawing, workdir / FOLDER, real, kept, passing)
    _write(drawing, workdir, folder, kept, made_from)


def _draw(
    drawing: Drawing,
    select: Any,
    features: Callable,
    devices: list,
    made_from: Mapping[str, Any],
) -> None:
    """Draws the missing candidates."""
    config, dataset = drawing.config, drawing.records.dataset
    irrelevant = ("images", "candidates")  # a candidate does not depend on them
    note = {key: value for key, value in made_from.items() if key not in irrelevant}
    drawing.candidates.begin(note | {"batch": config.generate.batch})
    draw = parallel.map_batch(drawing.generator.function(config), devices)
    drawing.candidates.draw(
        {
            drawing.classes.index(name): count
            for name, count in drawing.candidate_counts.items()
        },
        functools.partial(draw, drawing.generator.state),
        drawing.ends,
        select,
        features,
        dataset.bit_depth,
    )


def _selected(
    drawing: Drawing, real: RealImages, select: Any
) -> tuple[Kept, dict[str, int]]:
    """Selects the images that are kept; counts those that pass, by class.

    Raises:
      InputError: fewer pass than are wanted.
    """
    codes, passing = (
        {name: drawing.classes.index(name) for name in drawing.wanted_images},
        {},
    )
    for name, code in codes.items():
        of_class = real.measured[real.code == code]
        measured = drawing.candidates.measured(code, drawing.candidate_counts[name])
        passing[name] = select.passing(of_class, measured), of_class, measured
    counts = {name: len(numbers) for name, (numbers, _, _) in passing.items()}
    wanted.check_enough(
        drawing.config, drawing.wanted_images, drawing.candidate_counts, counts
    )
    code, number = [], []
    for name, (numbers, of_class, measured) in passing.items():
        chosen = numbers[
            select.chosen(of_class, measured[numbers], drawing.wanted_images[name])
        ]
        code += [codes[name]] * len(chosen)
        number += chosen.tolist()
    prefix = f"generated-{drawing.generator.checkpoint_sha256[:8]}"
    prefix += f"-{drawing.config.generate.seed}"
    names = [f"{prefix}-{c}-{n:06d}" for c, n in zip(code, number, strict=True)]
    return Kept(np.array(code), np.array(number), names), counts


def _report(
    drawing: Drawing,
    folder: epath.Path,
    real: RealImages,
    kept: Kept,
    passing: Mapping[str, int],
) -> None:
    """Writes counts, nearest training images and grids; prints their summary."""
    config, classes, dataset = drawing.config, drawing.classes, drawing.records.dataset
    training_counts = wanted.counts(drawing.generator.source)
    counts = tables.counts(
        training_counts, drawing.candidate_counts, passing, drawing.wanted_images
    )
    small_images = np.concatenate(
        [
            drawing.thumbnails(code, kept.number[kept.code == code])
            for code in dict.fromkeys(kept.code.tolist())
        ]
    )
    nearest = copies.find(
        small_images,
        real.thumbnails,
        real.record,
        flips=config.data.flips,
        rotations=config.data.rotations,
    )
    record_ids = dataset.table["Metadata_Record_ID"].to_numpy(str)
    near_table = tables.near_training(
        kept, classes, nearest, record_ids[real.record[nearest.image]]
    )
    tables.write(folder, counts, near_table)
    tables.write_grids(
        folder / tables.GRIDS,
        drawing.generator.step,
        drawing.records.channels,
        classes,
        real,
        kept,
        drawing.candidates,
        drawing.ends,
    )
    for line in tables.in_words(counts, near_table):
        print(f"generate  {line}", flush=True)


def _write(
    drawing: Drawing,
    workdir: epath.Path,
    folder: epath.Path,
    kept: Kept,
    made_from: Mapping[str, Any],
) -> None:
    """Writes the prepared screen."""
    config, dataset = drawing.config, drawing.records.dataset
    spec = made_screen.spec_for(screen.load(config), drawing.records.channels)
    plate_rows = None
    if config.data.scaling == "plate":
        pairs = zip(kept.code.tolist(), kept.number, strict=True)
        plate_rows = np.concatenate([drawing.plate_rows(c, n[None]) for c, n in pairs])
    metadata = made_screen.rows(
        dataset, spec, drawing.column, kept, drawing.classes, plate_rows
    )
    plan = made_screen.plan_of(
        dataset, metadata, made_from, drawing.records.channels, workdir
    )
    if (before := write_shards.plan_before(folder)) is not None:
        prepared.check_plan(folder, before, plan)
    counted = made_screen.counted_spec(spec, dataset)
    raw = made_screen.raw_of(
        counted,
        metadata,
        kept,
        drawing.candidates,
        config.data.crop_px,
        dataset.bit_depth,
    )
    made_screen.write(
        folder,
        spec,
        raw,
        plan,
        made_screen.levels_of(dataset, counted, metadata, drawing.records.channels),
        drawing.generator.trained_on,
        config.data.records_per_shard,
    )
