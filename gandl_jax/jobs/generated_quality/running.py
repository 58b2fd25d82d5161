"""Run of the job `generated_quality`: judges checkpoints, oldest first."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import ml_collections
from etils import epath

from gandl_jax import checkpoint, compilation, parallel
from gandl_jax import config as configs
from gandl_jax.jobs.generated_quality import text
from gandl_jax.training import encoders, loop, opening, sources, training_records
from gandl_jax.training.generated_quality import judge, kept, measured

JOB = "generated_quality"


def run(config: ml_collections.ConfigDict, workdir: epath.Path) -> None:
    """Judges checkpoints and prints their rows; see `job.run`."""
    compilation.enable_cache()
    spaces, missing = measured.usable(config.generated_quality.spaces)
    for why in missing:
        _say(why)
    checkpoints = checkpoint.Checkpoints(workdir)
    steps = checkpoints.usable_steps(
        lambda step, why: _say(f"{step} is left out: {why}")
    )
    chosen = choose_steps(config.generated_quality.steps, steps)
    source = sources.read(checkpoints.notes(steps[-1]))
    method = opening.make_method(config, source)
    judge.check_method(config, method)
    records = training_records.open_records(config)
    on_bad = opening.bad_records_policy(config, records.dataset, workdir)
    judges = judge.Judge(
        config,
        workdir,
        method,
        records,
        lambda: loop.judged_batches(config, records, on_bad),
        spaces,
    )
    kept.drop_after(judges.folder, steps[-1])
    rows = [
        *itertools.chain(*_rows(config, method, source, checkpoints, judges, chosen))
    ]
    checkpoints.close()
    print("\n".join(["", text.records(records), *text.table(rows)]), flush=True)
    _say(f"wrote {judges.folder}")


def choose_steps(wanted: Sequence[str], steps: Sequence[int]) -> list[int]:
    """Returns the checkpoints to judge, oldest first.

    Args:
      wanted: "first", "last" or numbers; () is all.
      steps: of the checkpoints, oldest first.

    Raises:
      InputError: there is no checkpoint, or not a chosen one.
    """
    all_steps = tuple(map(str, steps))
    return encoders.choose_steps(wanted or all_steps, steps, "generated_quality.steps")


def _rows(
    config,
    method,
    source,
    checkpoints: checkpoint.Checkpoints,
    judges,
    steps: Sequence[int],
) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of each step."""
    architecture = sources.architecture(config, source)
    template = parallel.on_one_device(jax.eval_shape(method.init, jax.random.key(0)))
    for step in steps:
        checkpoints.check(step, architecture, configs.defaults(config))
        rows = judges.rows(step, checkpoints.restore(step, "train", template))
        _say(f"step {step:,} is judged")
        yield rows


def _say(sentence: str) -> None:
    print(f"{JOB} {sentence}", flush=True)
