"""Reports the progress of a training, its events, and whether its work is safe."""

import collections
import math
import statistics
from collections.abc import Sequence

from gandl_jax import checkpoint, events, json_lines
from gandl_jax import config as configs
from gandl_jax.jobs.doctor import speed
from gandl_jax.jobs.doctor.state import State
from gandl_jax.methods import metric_lines
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding, lasting, size
from gandl_jax.training import rollback

ENDS = ("started", "finished", "preempted", "interrupted", "failed")
SHOWN = 5  # keys or events, at most
# Silence is the longer of both: compiling prints nothing (ours).
SILENT_LINES, SILENT_S = 10, 300
ROOM = 2  # times the newest checkpoint's size: an old one is deleted only afterwards


def status(state: State) -> str:
    """Returns the status of a training in a word.

    It is "running", "finished" (the last step is saved), "extended" (it was finished,
    and the config asks for more now), "none" (nothing was begun), "preempted",
    "interrupted", "failed", "killed" (its end was not recorded), or "stopped" if there
    are no events.
    """
    if state.holder is not None:
        return "running"
    newest = state.saved.newest or 0
    if newest >= state.total or newest == events.early_end(state.events):
        return "finished"
    ends = [event["what"] for event in state.events if event["what"] in ENDS]
    if ends:
        return {"started": "killed", "finished": "extended"}.get(ends[-1], ends[-1])
    return "stopped" if state.lines or state.saved.steps else "none"


def experiment(state: State) -> Finding:
    """Describes the experiment of the workdir."""
    if state.config_trouble and state.step:
        remedy = "restore config.json; what is said here goes by this command's config"
        return Finding("experiment", BAD, state.config_trouble, remedy)
    if state.config_trouble:
        return Finding("experiment", NOTE, state.config_trouble)
    config, changes = state.config, len(state.record["history"] or ()) - 1
    sentence = (
        f"{config.name}: {config.method.name} on {config.data.name}, "
        f"{config.data.crop_px} px, batch {config.train.batch}, seed {config.seed}"
    )
    if devices := state.record["devices"]:
        sentence += f", on {devices}"
    if changes > 0:
        sentence += f"; config.json records {changes} later change"
        sentence += "s" if changes > 1 else ""
    return Finding("experiment", GOOD, sentence)


def given_config(state: State) -> Finding | None:
    """Compares the command's config with the workdir's."""
    if state.config_trouble:
        return None
    workdir_config, given = configs.plain(state.config), configs.plain(state.given)
    bound = configs.identity(state.given)
    changed = [
        key
        for key in workdir_config
        if workdir_config[key] != given[key] and key != "name"
    ]
    if refused := [key for key in changed if key in bound]:
        return Finding(
            "this command",
            NOTE,
            "its config is another experiment's "
            f"({_changes(refused, workdir_config, given)}): a training with it is "
            "refused here",
        )
    if changed:
        sentence = f"would change {_changes(changed, workdir_config, given)}"
        return Finding("this command", GOOD, sentence)
    return Finding("this command", GOOD, "its config is the workdir's")


def _changes(keys: Sequence[str], workdir_config: dict, given: dict) -> str:
    changes = [
        f"{key} from {workdir_config[key]!r} to {given[key]!r}" for key in keys[:SHOWN]
    ]
    more = len(keys) - SHOWN
    return ", ".join(changes) + (f" and {more} more" if more > 0 else "")


def training(state: State) -> Finding:
    """Reports the progress of the training, and what is left."""
    if state.config.embed.checkpoint:
        sentence = f"none: it embeds with {state.config.embed.checkpoint}'s encoder"
        return Finding("training", GOOD, sentence)
    found_status = status(state)
    if found_status == "none":
        return Finding("training", NOTE, "no training was begun here")
    share = min(1.0, state.step / state.total)
    sentence = (
        f"{share:.0%}, step {state.step:,} of {state.total:,} "
        f"({state.step * state.batch:,} of {state.total * state.batch:,} images)"
    )
    left = seconds_left(state)
    if math.isfinite(left):
        sentence += f"; {lasting(left)} left at the recent rate"
    if found_status == "running":
        return Finding("training", GOOD, f"{sentence}; {_held(state)}")
    if found_status == "finished":
        early = (state.saved.newest or 0) < state.total
        return Finding("training", GOOD, f"{sentence}; finished{' early' * early}")
    return _stopped(state, found_status, sentence)


def _stopped(state: State, found_status: str, sentence: str) -> Finding:
    if found_status == "failed":
        remedy = "mend what it failed at before it goes on"
        return Finding(
            "training",
            BAD,
            f"{sentence}; it failed: {_why(state, found_status)}",
            remedy,
        )
    if found_status == "preempted":
        reason = _why(state, found_status)
        return Finding("training", NOTE, f"{sentence}; it {reason}")
    ending = {
        "killed": "it was killed: it said nothing at its end",
        "interrupted": "it was stopped by hand",
        "extended": "it finished, and the config asks for more now",
        "stopped": "nobody works on it",
    }
    return Finding("training", NOTE, f"{sentence}; {ending[found_status]}")


def _why(state: State, name: str) -> str:
    """Returns the reason of the last event of a name."""
    return str(
        [event.get("why") for event in state.events if event["what"] == name][-1]
    )


def _held(state: State) -> str:
    holder = state.holder
    if not holder:
        return "a process works here and has not said which"
    jobs = [word for word in str(holder.get("command")).split() if "-job" in word]
    return (
        f"process {holder.get('pid')} on {holder.get('host')} works here since "
        f"{holder.get('since')} ({' '.join(jobs) or '--job=train'})"
    )


def seconds_left(state: State) -> float:
    """Estimates the seconds left from the median of recent rates; nan if unknown."""
    rates = speed.rates(state.lines, starts(state))
    if not rates or state.step >= state.total:
        return math.nan
    rate = statistics.median(rate for _, rate in rates[-metric_lines.FEWEST :])
    return (state.total - state.step) * state.batch / rate if rate > 0 else math.nan


def starts(state: State) -> list[int]:
    """Lists the steps at which runs started."""
    steps = [event.get("step") for event in state.events if event["what"] == "started"]
    return [step for step in steps if isinstance(step, int)]


def silence(state: State) -> Finding | None:
    """Warns if a running training has logged nothing for long."""
    if status(state) != "running" or not state.lines:
        return None
    seconds = [value for _, value in metric_lines.points(state.lines, "seconds")]
    pairs = zip(seconds, seconds[1:], strict=False)
    usual = statistics.median([later - earlier for earlier, later in pairs] or [0.0])
    silent = state.now - state.last_line
    limit = max(SILENT_S, SILENT_LINES * usual)
    if state.step >= state.total or silent <= limit:
        return None
    return Finding(
        "last line",
        NOTE,
        f"{lasting(silent)} ago, and one comes every {lasting(usual)}: it may hang, "
        "compile, or run another job",
        "look at what it prints",
    )


def starts_and_rollbacks(state: State, most: int) -> list[Finding]:
    """Counts starts, ends and rollbacks.

    Args:
      state: of the workdir.
      most: `config.train.rollbacks`.
    """
    ends = [event["what"] for event in state.events if event["what"] in ENDS]
    count = ends.count("started")
    if not count:
        return []
    counts = [f"{ends.count(end)} {end}" for end in ENDS[1:] if end in ends]
    trains = state.holder is not None and ends[-1] == "started"  # else it only embeds
    unrecorded = count - (len(ends) - count) - trains
    counts += [f"{unrecorded} killed"] if unrecorded > 0 else []
    sentence = f"{count}" + (f": {', '.join(counts)}" if counts else "")
    return [Finding("starts", GOOD, sentence), *rollbacks(state.events, most)]


def rollbacks(events: Sequence[dict], most: int) -> list[Finding]:
    """Reports rollbacks because of bad numbers.

    Args:
      events: of the workdir.
      most: `config.train.rollbacks`.
    """
    rolled_back = [event for event in events if event["what"] == "rolled_back"]
    if not rolled_back:
        return [Finding("rollbacks", GOOD, f"none (at most {most})")]
    counts = collections.Counter(
        f"from step {event.get('step')} to {event.get('to')}, {event.get('why')}"
        for event in rolled_back[-SHOWN:]
    )
    descriptions = [
        f"{count} times {description}" if count > 1 else description
        for description, count in counts.items()
    ]
    description = f"{len(rolled_back)} (at most {most}): {'; '.join(descriptions)}"
    remedy = "look into rollbacks/: a report and the batch of each"
    if len(rolled_back) < most:
        return [Finding("rollbacks", NOTE, description, remedy)]
    remedy += "; where the batches are sound, train anew with a lower learning rate"
    return [Finding("rollbacks", BAD, f"used up, {description}", remedy)]


def is_spent(state: State) -> bool:
    """Tells whether the training failed because it had used up its rollbacks."""
    return status(state) == "failed" and rollback.LIMIT in _why(state, "failed")


def checkpoints(state: State) -> list[Finding]:
    """Reports the checkpoint from which training continues, and damaged ones."""
    saved, findings = state.saved, []
    if state.config.embed.checkpoint and not saved.steps:
        return []  # it embeds with another experiment's encoder and saves nothing
    if saved.newest is not None:
        unsaved = max(0, state.step - saved.newest)
        sentence = (
            f"step {saved.newest:,} ({saved.newest * state.batch:,} images), whole, "
            f"written {lasting(state.now - saved.date)} ago, {size(saved.bytes)}"
        )
        sentence += f"; {unsaved:,} steps came after it" if unsaved else ""
        sentence += f"; kept: {', '.join(map(str, saved.steps))}"
        findings.append(Finding("last good one", GOOD, sentence))
    elif saved.trouble:
        findings.append(Finding("last good one", BAD, f"none: {saved.trouble}"))
    else:
        findings.append(Finding("last good one", NOTE, "none: nothing was saved yet"))
    for step, reason in saved.passed_over:
        findings.append(_passed_over(state, step, reason))
    if saved.aside:
        sentence = (
            f"{', '.join(saved.aside)} in {checkpoint.ASIDE}/: they were passed over"
        )
        remedy = f"delete {checkpoint.ASIDE}/ when it is no longer wanted"
        findings.append(Finding("set aside", NOTE, sentence, remedy))
    return findings


def _passed_over(state: State, step: int, reason: str) -> Finding:
    if reason == "it was never finished":
        progress = "it is being written" if state.holder is not None else reason
        return Finding(
            "unfinished", GOOD, f"step {step:,}: {progress}; it counts for none"
        )
    remedy = "the same command passes it over and goes on from the last good one"
    return Finding("damaged", BAD, f"step {step:,}: {reason}", remedy)


def disk(state: State) -> list[Finding]:
    """Checks that there is room for the next checkpoint."""
    if state.disk is None:
        return []
    free, needed = state.disk.free_bytes, ROOM * state.saved.bytes
    sentence = f"{size(free)} free"
    if not state.disk.writable:
        remedy = "make it writable, or copy the workdir to where it is"
        return [Finding("disk", BAD, f"{state.workdir} cannot be written", remedy)]
    if free < needed:
        remedy = "free the disk before anything else: what is not saved is lost"
        sentence += f", and a checkpoint takes {size(state.saved.bytes)}"
        return [Finding("disk", BAD, sentence, remedy)]
    return [Finding("disk", GOOD, sentence)]


def lines(state: State) -> list[Finding]:
    """Checks that all lines of metrics and events are as they were written.

    A killed run may leave half of the last line.
    """
    findings = [
        Finding(name, GOOD, "its last line was cut off as it was written: left out")
        for name in state.cut_off
    ]
    remedy = "restore that file from a copy, or go on without those lines"
    return findings + [
        Finding(
            name, NOTE, f"{json_lines.describe_damage(numbers)} and left out", remedy
        )
        for name, numbers in state.damaged_lines.items()
    ]
