"""Shards written on Apache Beam: `shards.write` mapped over those that are unfinished.

A worker may write a shard that another one writes too, or die half-way: each attempt
has a folder of its own, and its files are renamed when they are whole.
"""

import contextlib
import dataclasses
import functools
import io
import json
import os
import shlex
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError, RunError
from gandl_jax.prepared import shard_counts, shards
from gandl_jax.prepared.description import shard_name
from gandl_jax.prepared.prepared import WORK
from gandl_jax.prepared.shards import Raw, Shard
from gandl_jax.raw.image_files import ImageFormat
from gandl_jax.raw.reduction import Reduction
from gandl_jax.raw.screen import Screen
from gandl_jax.raw.spellings import Spellings

POLL_SECONDS = 2.0  # between two looks at which shards are there


@dataclasses.dataclass(frozen=True)
class _Recipe:
    """What all workers need to know; small, for it is a part of the pipeline."""

    screen: Screen
    source_dir: str
    image_format: ImageFormat
    reduction: Reduction
    directory: str


def write(
    todo: Sequence[Shard],
    raw: Raw,
    directory: str,
    *,
    pipeline: Any,
    on_record: Callable[[int], Any],
) -> dict[str, str]:
    """Writes these shards; as `shard_workers.write`, with Beam in place of processes.

    Args:
      todo: shards from `shards.plan`.
      raw: what they were planned from; the workers reach its directory.
      directory: of the prepared screen; the workers reach it.
      pipeline: an empty one, as from `pipeline`.
      on_record: called with how many records more were written.

    Returns:
      Path of every image that does not decode to what is wrong with it.

    Raises:
      RunError: the pipeline failed, or the shards are not where they should be.
    """
    recipe = _Recipe(
        raw.screen,
        os.fspath(files.absolute(raw.source.source_dir)),
        raw.image_format,
        raw.reduction,
        os.fspath(files.absolute(directory)),
    )
    work = epath.Path(directory) / WORK
    work.mkdir(exist_ok=True)
    for shard in todo:
        _hand_out(shard, raw, directory)
    done = threading.Event()
    watch = threading.Thread(
        target=_watch, args=(todo, raw, directory, on_record, done)
    )
    watch.start()
    try:
        _run(pipeline, recipe, todo)
    finally:
        done.set()
        watch.join()
    bad = _bad(work)
    absent = shards.unfinished(todo, raw.screen.name, directory)
    if absent and not bad:
        raise RunError(
            f"Beam has ended, but {len(absent)} of {len(todo)} shards are not in "
            f"{directory}: do its workers reach that folder (config.data.dir)?"
        )
    work.rmtree()
    return bad


def _hand_out(shard: Shard, raw: Raw, directory: str) -> None:
    """Leaves a shard's records, and how their files are spelled, for its worker."""
    _, own = shards.alone(shard, raw)
    with files.replacing(_rows_path(directory, shard.number)) as file:
        own.metadata.to_parquet(file, index=False)
    spelled = json.dumps(own.source.spellings.folders)
    files.replace(_spellings_path(directory, shard.number), spelled)


def pipeline(options: str) -> Any:
    """An empty pipeline of Beam.

    Args:
      options: Beam's, as on a command line.

    Raises:
      InputError: Beam does not understand them.
    """
    import apache_beam  # an extra
    from apache_beam.options.pipeline_options import PipelineOptions

    said = io.StringIO()  # it prints how it is used, in a hundred lines
    try:
        with contextlib.redirect_stderr(said):
            parsed = PipelineOptions(shlex.split(options))
            parsed.get_all_options()
            return apache_beam.Pipeline(options=parsed)
    except (Exception, SystemExit) as error:  # whatever it says of a runner or option
        reason = said.getvalue().strip() or str(error)
        raise InputError(
            f"config.data.beam={options!r} is nothing that Beam understands: "
            f"{reason.splitlines()[-1]}"
        ) from error


def _run(pipeline: Any, recipe: _Recipe, todo: Sequence[Shard]) -> None:
    import apache_beam as beam

    numbers = [(shard.number, shard.count) for shard in todo]
    written = (
        pipeline
        | "Shards" >> beam.Create(numbers)
        | "Over the workers" >> beam.Reshuffle()
        | "Write" >> beam.Map(functools.partial(_write, recipe))
    )
    del written
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # whatever a runner raises
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise RunError(
            f"Beam failed: {reason[-1]}; the same command goes on"
        ) from error


def _write(recipe: _Recipe, place: tuple[int, int]) -> None:
    """Writes one shard in a folder of this attempt, then gives it its name."""
    number, count = place
    folder = epath.Path(recipe.directory)
    with files.reading(_rows_path(folder, number)) as file:
        rows = pd.read_parquet(file)
    spelled = Spellings(files.read_json(_spellings_path(folder, number)))
    source = recipe.screen.open_files(recipe.source_dir)  # archives: once in a process
    source = dataclasses.replace(source, spellings=spelled)
    raw = Raw(recipe.screen, source, rows, recipe.image_format, recipe.reduction)
    shard = Shard(number, count, np.arange(len(rows)))
    attempt = folder / WORK / uuid.uuid4().hex
    (attempt / "facts").mkdir(parents=True)
    try:
        shards.write(shard, raw, os.fspath(attempt), on_record=int)
    except shards.BadImages as error:
        files.replace(folder / WORK / f"{number:05}.json", json.dumps(error.images))
        return
    for path in _in_order(attempt, recipe.screen.name, shard):
        path.replace(folder / path.relative_to(attempt))


def _in_order(attempt: epath.Path, name: str, shard: Shard) -> Iterator[epath.Path]:
    """A shard's files: its facts come first, for it is finished by its own name."""
    yield shard_counts.path(attempt, shard.number)
    yield attempt / shard_name(name, shard.number, shard.count)


def _rows_path(directory: epath.PathLike, number: int) -> epath.Path:
    """Where the rows of the metadata that belong to a shard wait for its worker."""
    return epath.Path(directory) / WORK / f"{number:05}.parquet"


def _spellings_path(directory: epath.PathLike, number: int) -> epath.Path:
    return epath.Path(directory) / WORK / f"{number:05}.spellings"


def _watch(
    todo: Sequence[Shard],
    raw: Raw,
    directory: str,
    on_record: Callable[[int], Any],
    done: threading.Event,
) -> None:
    """Tells of the records of each shard that has come."""
    left = list(todo)
    while left:
        ended = done.wait(POLL_SECONDS)
        still = shards.unfinished(left, raw.screen.name, directory)
        count = sum(len(s.rows) for s in left) - sum(len(s.rows) for s in still)
        left = still
        if count:
            on_record(count)
        if ended:
            return


def _bad(work: epath.Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(work.glob("*.json")):
        found |= files.read_json(path)
    return found
