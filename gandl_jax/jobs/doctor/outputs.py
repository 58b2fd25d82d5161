"""What was made of a training: features, scores, the report."""

from gandl_jax.jobs.doctor import progress
from gandl_jax.jobs.doctor.state import State
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding


def features(state: State) -> list[Finding]:
    """Which feature sets are complete, and which half made?"""
    whole = [f"{one.dataset}/{one.encoder}" for one in state.profiles if one.complete]
    half = [one for one in state.profiles if not one.complete]
    found = []
    if whole:
        found.append(Finding("embedded", GOOD, ", ".join(whole)))
    for one in half:
        parts = f"{one.parts} part{'s' if one.parts != 1 else ''}"
        words = f"{one.dataset}/{one.encoder} is not complete: {one.trouble}, {parts}"
        do = "" if state.holder is not None else "embed again, which mends it"
        found.append(Finding("half embedded", NOTE, words, do))
    return found or [Finding("embedded", GOOD, "nothing yet")]


def scores(state: State) -> list[Finding]:
    """What was evaluated, and is there a report?"""
    if state.damaged_results:
        words = f"damaged: {', '.join(state.damaged_results)}"
        do = "run the job again that made them: it makes them anew"
        return [Finding("evaluated", BAD, words, do)]
    if not state.tasks:
        return [Finding("evaluated", GOOD, "nothing yet")]
    report = "" if state.has_report else "; there is no report yet"
    return [Finding("evaluated", GOOD, f"{', '.join(state.tasks)}{report}")]


def next_step(state: State) -> tuple[str, str]:
    """What comes next in the course of an experiment: a sentence and its command."""
    if state.holder is not None:
        return "wait: a process works here; a second one would be refused", ""
    ended = state.config.embed.checkpoint or progress.status(state) == "finished"
    if not ended:
        return _train(state)
    if not _is_embedded(state):
        return "embed the screen with it", state.command("embed,evaluate,report")
    if not (state.tasks and state.has_report):
        return "evaluate and report", state.command("evaluate,report")
    return f"nothing is missing: open {state.workdir}/report/index.html", ""


def _train(state: State) -> tuple[str, str]:
    newest = state.saved.newest
    if newest is None and state.saved.trouble:
        return "restore a checkpoint from a copy, or train anew in a new --workdir", ""
    if progress.is_spent(state):
        words = "do not go on here as it is: the next trouble ends it at once"
        return words, ""
    if newest is None:
        words = "begin: prepare the screen, if that is not done, and train"
        return words, state.command("prepare,train")
    return f"go on from step {newest:,}", state.command("train")


def _is_embedded(state: State) -> bool:
    """Whether all features that the config asks for are complete."""
    whole = {one.encoder for one in state.profiles if one.complete}
    if len(whole) < len(state.profiles) or not whole:
        return False
    config, saved = state.config, state.saved
    if config.embed.checkpoint:
        return True
    named = {"first": next(iter(saved.steps), None), "last": saved.newest}
    steps = (named.get(step, step) for step in config.embed.steps)
    return {f"{config.method.name}@{step}" for step in steps} <= whole
