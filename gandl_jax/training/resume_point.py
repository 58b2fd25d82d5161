"""The checkpoint that a training resumes from."""

from collections.abc import Callable, Sequence

from etils import epath

from gandl_jax import checkpoint, events
from gandl_jax.methods.contract import Check
from gandl_jax.training import looks, recorder
from gandl_jax.training.soundness import Trouble


def newest(saved: checkpoint.Checkpoints, workdir: epath.Path) -> int | None:
    """Returns the newest whole checkpoint, or None; reports those passed over."""
    return next(saved.whole(_teller(workdir)), None)


def newest_sound(
    saved: checkpoint.Checkpoints,
    workdir: epath.Path,
    trouble: Trouble,
    checks: Sequence[Check],
) -> int | None:
    """Returns the newest whole checkpoint before the trouble showed.

    If it shows in all trained ones, the one with most of the trouble's metric.

    Args:
      saved: the checkpoints.
      workdir: of the experiment.
      trouble: with the metric and its least value in a sound checkpoint.
      checks: of the method, which read former versions' notes.
    """
    pass_over, step, too_low = _teller(workdir), None, {}
    for step in saved.whole(pass_over):
        notes = recorder.read_notes(saved, step)
        value = looks.found_at(notes, checks).get(trouble.metric)
        if value is None or value >= trouble.least:
            break
        too_low[step] = value
    # Step 0, which has no looks, has learnt nothing.
    if too_low and (step == 0 or step in too_low):
        step = max(too_low, key=too_low.get)
    for passed_step in filter(lambda passed_step: passed_step > step, too_low):
        pass_over(
            passed_step, f"its {trouble.metric} was {too_low[passed_step]:.3g} already"
        )
    return step


def _teller(workdir: epath.Path) -> Callable[[int, str], None]:
    def pass_over(step: int, why: str) -> None:
        print(f"train     checkpoint {step} is passed over: {why}", flush=True)
        events.add(workdir, "passed_over", step=step, why=why)

    return pass_over
