"""Outputs of a training: features, scores, the report."""

from gandl_jax.errors import InputError
from gandl_jax.jobs.doctor import progress
from gandl_jax.jobs.doctor.state import State
from gandl_jax.methods import step_choice
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding


def features(state: State) -> list[Finding]:
    """Reports which feature sets are complete, and which are not."""
    complete = [
        f"{feature_set.dataset}/{feature_set.encoder}"
        for feature_set in state.profiles
        if feature_set.complete
    ]
    incomplete = [
        feature_set for feature_set in state.profiles if not feature_set.complete
    ]
    findings = []
    if complete:
        findings.append(Finding("embedded", GOOD, ", ".join(complete)))
    for feature_set in incomplete:
        parts = f"{feature_set.parts} part{'s' if feature_set.parts != 1 else ''}"
        name = f"{feature_set.dataset}/{feature_set.encoder}"
        sentence = f"{name} is not complete: {feature_set.trouble}, {parts}"
        remedy = "" if state.holder is not None else "embed again, which mends it"
        findings.append(Finding("half embedded", NOTE, sentence, remedy))
    return findings or [Finding("embedded", GOOD, "nothing yet")]


def scores(state: State) -> list[Finding]:
    """Reports what was evaluated, and whether there is a report."""
    if state.damaged_results:
        sentence = f"damaged: {', '.join(state.damaged_results)}"
        remedy = "run the job again that made them: it makes them anew"
        return [Finding("evaluated", BAD, sentence, remedy)]
    if not state.tasks:
        return [Finding("evaluated", GOOD, "nothing yet")]
    report = "" if state.has_report else "; there is no report yet"
    return [Finding("evaluated", GOOD, f"{', '.join(state.tasks)}{report}")]


def next_step(state: State) -> tuple[str, str]:
    """Returns the next step of the experiment: a sentence and its command."""
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
        sentence = "do not go on here as it is: the next trouble ends it at once"
        return sentence, ""
    if newest is None:
        sentence = "begin: prepare the screen, if that is not done, and train"
        return sentence, state.command("prepare,train")
    return f"go on from step {newest:,}", state.command("train")


def _is_embedded(state: State) -> bool:
    """Tells whether all features that the config asks for are complete."""
    complete = {
        feature_set.encoder for feature_set in state.profiles if feature_set.complete
    }
    if len(complete) < len(state.profiles) or not complete:
        return False
    config, saved = state.config, state.saved
    if config.embed.checkpoint:
        return True
    wanted, named = config.embed.steps, {"last": [saved.newest]}
    named["first"] = list(saved.steps[:1]) or [None]
    try:
        named |= step_choice.named(wanted, saved.steps, state.lines)
    except InputError:  # of which --job=embed says why
        return False
    steps = {step for name in wanted for step in named.get(name, [name])}
    return {f"{config.method.name}@{step}" for step in steps} <= complete
