"""The job `channel_importance`: how much does each channel matter for a label?

Takes workdirs of one kind of classifier (config.compare.workdirs, patterns too; after a
sweep its runs): some that differ only in their seed, and some that also lack one
channel, as configs/sweeps/channels.py makes them. It compares three yardsticks, on
records whose labels no network learnt:

  weight     of the layer that mixes the channels, over seeds, if there is such a layer
  permuted   balanced accuracy lost when a channel comes from other records
  without    balanced accuracy lost by networks that were trained without it

and reports where they disagree, what each class and each treatment against controls
loses, and doubts.

Writes channel_importance/<dataset>/channels.json with tables beside it as CSV, and
index.html. Answers are kept as CSV in `kept`: a stopped run continues from there.
"""

from collections.abc import Sequence

import ml_collections
from etils import epath

from gandl_jax.errors import InputError
from gandl_jax.jobs.channel_importance import trainings
from gandl_jax.judging import entrants, task_results
from gandl_jax.raw import screen

JOB = "channels"  # of its lines
FOLDER = "channel_importance"
WORKDIR = "unclaimed"
OPTIONS = {
    "permutations": 5,  # of each channel (ours)
    # At most, that are judged, as balanced over classes as possible. 0 is all.
    "records": 2_000,
}
LOWEST = {"permutations": 1}
WRITTEN_BYTES = 64_000_000  # at most, except with very many classes (ours)


def check(
    config: ml_collections.ConfigDict, workdir: epath.Path, before: Sequence[str]
) -> None:
    """Refuses trainings that cannot be asked, before anything slow is imported.

    Args:
      config: data, compare and sweep are read.
      workdir: of the answer.
      before: jobs that run first, which may yet train.

    Raises:
      InputError: see `trainings.read`.
    """
    if not before:
        _read(config, workdir)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Answers the question; prints tables, and writes them and a page.

    Args:
      config: data, evaluate, compare, sweep and channel_importance are read.
      workdir: of the answer; those of the trainings are in config.compare.

    Raises:
      InputError: no free disk; trainings that cannot be asked; nothing was held out;
        channels that are constant or of different scales.
    """
    from gandl_jax import compilation, free_disk  # slow
    from gandl_jax.jobs.channel_importance import asking, outputs, text  # slow

    compilation.enable_cache()
    free_disk.require(workdir, WRITTEN_BYTES, "an answer about channels")
    workdir = epath.Path(workdir)
    folder = workdir / FOLDER / screen.load(config).name
    content, pictures = asking.answer(config, _read(config, workdir), folder)
    outputs.write(folder, content, pictures)
    print(text.summary(content), flush=True)
    task_results.say(JOB, f"wrote {folder / 'channels.json'}")


def _read(
    config: ml_collections.ConfigDict, workdir: epath.Path
) -> trainings.Trainings:
    """Reads the trainings whose networks are asked.

    Raises:
      InputError: there are none; or see `trainings.read`.
    """
    named = config.compare.workdirs
    if not named and config.sweep.source:
        named = [str(epath.Path(workdir) / name) for name in config.sweep.runs]
    if not named:
        raise InputError(
            "config.compare.workdirs is empty: name classifiers of several seeds, as "
            "in --config.compare.workdirs='runs/channels/demo/*', or make them by "
            "configs/sweeps/channels.py and --job=sweep,channel_importance"
        )
    dataset = screen.load(config).name
    return trainings.read(entrants.find(named), config.data.dir, dataset)
