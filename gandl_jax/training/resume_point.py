"""The checkpoint that a training goes on from."""

from collections.abc import Callable, Sequence

from etils import epath

from gandl_jax import checkpoint, events
from gandl_jax.methods.contract import Check
from gandl_jax.training import looks, recorder
from gandl_jax.training.soundness import Trouble


def newest(saved: checkpoint.Checkpoints, workdir: epath.Path) -> int | None:
    """The newest checkpoint that is whole, or None; tells which are passed over."""
    return next(saved.whole(_teller(workdir)), None)


def newest_sound(
    saved: checkpoint.Checkpoints,
    workdir: epath.Path,
    trouble: Trouble,
    checks: Sequence[Check],
) -> int | None:
    """The newest whole checkpoint that had not yet what a training has gone wrong by.

    Where all that have learnt had it, the one that had most of the trouble's metric.

    Args:
      saved: the checkpoints.
      workdir: of the experiment.
      trouble: says of which metric a checkpoint should have had how much.
      checks: of the method, which know former versions' notes.
    """
    pass_over, step, less = _teller(workdir), None, {}
    for step in saved.whole(pass_over):
        notes = recorder.read_notes(saved, step)
        found = looks.found_at(notes, checks).get(trouble.metric)
        if found is None or found >= trouble.least:
            break
        less[step] = found
    # Step 0, which nobody looked at, has learnt nothing.
    if less and (step == 0 or step in less):
        step = max(less, key=less.get)
    for other in filter(lambda other: other > step, less):
        pass_over(other, f"its {trouble.metric} was {less[other]:.3g} already")
    return step


def _teller(workdir: epath.Path) -> Callable[[int, str], None]:
    def pass_over(step: int, why: str) -> None:
        print(f"train     checkpoint {step} is passed over: {why}", flush=True)
        events.add(workdir, "passed_over", step=step, why=why)

    return pass_over
