"""How far a training is, what befell it, and whether its work is safe."""

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
SILENT_LINES, SILENT_S = 10, 300  # the greater is silence: compiling is silent (ours)
ROOM = 2  # of the newest checkpoint's size: it is written before an old one goes


def status(state: State) -> str:
    """Whether a training runs or why it does not, in a word.

    It is "running", "finished" (the last step is saved), "extended" (it was finished,
    and the config asks for more now), "none" (nothing was begun), "preempted",
    "interrupted", "failed", "killed" (it said nothing at its end), or "stopped" where
    no events tell.
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
    """Whose workdir is it?"""
    if state.config_trouble and state.step:
        do = "restore config.json; what is said here goes by this command's config"
        return Finding("experiment", BAD, state.config_trouble, do)
    if state.config_trouble:
        return Finding("experiment", NOTE, state.config_trouble)
    config, changes = state.config, len(state.record["history"] or ()) - 1
    words = (
        f"{config.name}: {config.method.name} on {config.data.name}, "
        f"{config.data.crop_px} px, batch {config.train.batch}, seed {config.seed}"
    )
    if devices := state.record["devices"]:
        words += f", on {devices}"
    if changes > 0:
        words += f"; config.json records {changes} later change"
        words += "s" if changes > 1 else ""
    return Finding("experiment", GOOD, words)


def given_config(state: State) -> Finding | None:
    """Is the command's config the workdir's?"""
    if state.config_trouble:
        return None
    own, given = configs.plain(state.config), configs.plain(state.given)
    bound = configs.identity(state.given)
    other = [key for key in own if own[key] != given[key] and key != "name"]
    if refused := [key for key in other if key in bound]:
        return Finding(
            "this command",
            NOTE,
            f"its config is another experiment's ({_changes(refused, own, given)}): a "
            "training with it is refused here",
        )
    if other:
        words = f"would change {_changes(other, own, given)}"
        return Finding("this command", GOOD, words)
    return Finding("this command", GOOD, "its config is the workdir's")


def _changes(keys: Sequence[str], own: dict, given: dict) -> str:
    words = [f"{key} from {own[key]!r} to {given[key]!r}" for key in keys[:SHOWN]]
    more = len(keys) - SHOWN
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def training(state: State) -> Finding:
    """How far is it, and what is left?"""
    if state.config.embed.checkpoint:
        words = f"none: it embeds with {state.config.embed.checkpoint}'s encoder"
        return Finding("training", GOOD, words)
    found = status(state)
    if found == "none":
        return Finding("training", NOTE, "no training was begun here")
    share = min(1.0, state.step / state.total)
    words = (
        f"{share:.0%}, step {state.step:,} of {state.total:,} "
        f"({state.step * state.batch:,} of {state.total * state.batch:,} images)"
    )
    left = seconds_left(state)
    if math.isfinite(left):
        words += f"; {lasting(left)} left at the recent rate"
    if found == "running":
        return Finding("training", GOOD, f"{words}; {_held(state)}")
    if found == "finished":
        early = (state.saved.newest or 0) < state.total
        return Finding("training", GOOD, f"{words}; finished{' early' * early}")
    return _stopped(state, found, words)


def _stopped(state: State, found: str, words: str) -> Finding:
    if found == "failed":
        do = "mend what it failed at before it goes on"
        return Finding("training", BAD, f"{words}; it failed: {_why(state, found)}", do)
    if found == "preempted":
        why = _why(state, found)
        return Finding("training", NOTE, f"{words}; it {why}")
    told = {
        "killed": "it was killed: it said nothing at its end",
        "interrupted": "it was stopped by hand",
        "extended": "it finished, and the config asks for more now",
        "stopped": "nobody works on it",
    }
    return Finding("training", NOTE, f"{words}; {told[found]}")


def _why(state: State, what: str) -> str:
    """Why the last event of a name came."""
    return str([e.get("why") for e in state.events if e["what"] == what][-1])


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
    """By the median of the recent rates; nan where none is known or nothing left."""
    rates = speed.rates(state.lines, starts(state))
    if not rates or state.step >= state.total:
        return math.nan
    rate = statistics.median(rate for _, rate in rates[-metric_lines.FEWEST :])
    return (state.total - state.step) * state.batch / rate if rate > 0 else math.nan


def starts(state: State) -> list[int]:
    """The steps at which runs started."""
    found = [event.get("step") for event in state.events if event["what"] == "started"]
    return [step for step in found if isinstance(step, int)]


def silence(state: State) -> Finding | None:
    """Does a training that runs still say something?"""
    if status(state) != "running" or not state.lines:
        return None
    seconds = [value for _, value in metric_lines.points(state.lines, "seconds")]
    pairs = zip(seconds, seconds[1:], strict=False)
    usual = statistics.median([b - a for a, b in pairs] or [0.0])
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


def befell(state: State, most: int) -> list[Finding]:
    """How often was it started, and how often rolled back?

    Args:
      state: of the workdir.
      most: `config.train.rollbacks`.
    """
    told_of = [event["what"] for event in state.events if event["what"] in ENDS]
    count = told_of.count("started")
    if not count:
        return []
    told = [f"{told_of.count(x)} {x}" for x in ENDS[1:] if x in told_of]
    trains = state.holder is not None and told_of[-1] == "started"  # or embeds alone
    unsaid = count - (len(told_of) - count) - trains
    told += [f"{unsaid} killed"] if unsaid > 0 else []
    words = f"{count}" + (f": {', '.join(told)}" if told else "")
    return [Finding("starts", GOOD, words), *rollbacks(state.events, most)]


def rollbacks(events: Sequence[dict], most: int) -> list[Finding]:
    """Did its numbers go bad?

    Args:
      events: of the workdir.
      most: `config.train.rollbacks`.
    """
    found = [event for event in events if event["what"] == "rolled_back"]
    if not found:
        return [Finding("rollbacks", GOOD, f"none (at most {most})")]
    each = collections.Counter(
        f"from step {event.get('step')} to {event.get('to')}, {event.get('why')}"
        for event in found[-SHOWN:]
    )
    told = [f"{n} times {words}" if n > 1 else words for words, n in each.items()]
    words = f"{len(found)} (at most {most}): {'; '.join(told)}"
    do = "look into rollbacks/: a report and the batch of each"
    if len(found) < most:
        return [Finding("rollbacks", NOTE, words, do)]
    do += "; where the batches are sound, train anew with a lower learning rate"
    return [Finding("rollbacks", BAD, f"used up, {words}", do)]


def is_spent(state: State) -> bool:
    """Whether it failed because it had gone back often enough."""
    return status(state) == "failed" and rollback.LIMIT in _why(state, "failed")


def checkpoints(state: State) -> list[Finding]:
    """From where does it go on, and what is damaged?"""
    saved, found = state.saved, []
    if state.config.embed.checkpoint and not saved.steps:
        return []  # what embeds with another experiment's encoder saves nothing
    if saved.newest is not None:
        ahead = max(0, state.step - saved.newest)
        words = (
            f"step {saved.newest:,} ({saved.newest * state.batch:,} images), whole, "
            f"written {lasting(state.now - saved.date)} ago, {size(saved.bytes)}"
        )
        words += f"; {ahead:,} steps came after it" if ahead else ""
        words += f"; kept: {', '.join(map(str, saved.steps))}"
        found.append(Finding("last good one", GOOD, words))
    elif saved.trouble:
        found.append(Finding("last good one", BAD, f"none: {saved.trouble}"))
    else:
        found.append(Finding("last good one", NOTE, "none: nothing was saved yet"))
    for step, why in saved.passed_over:
        found.append(_passed_over(state, step, why))
    if saved.aside:
        words = (
            f"{', '.join(saved.aside)} in {checkpoint.ASIDE}/: they were passed over"
        )
        do = f"delete {checkpoint.ASIDE}/ when it is no longer wanted"
        found.append(Finding("set aside", NOTE, words, do))
    return found


def _passed_over(state: State, step: int, why: str) -> Finding:
    if why == "it was never finished":
        now = "it is being written" if state.holder is not None else why
        return Finding("unfinished", GOOD, f"step {step:,}: {now}; it counts for none")
    do = "the same command passes it over and goes on from the last good one"
    return Finding("damaged", BAD, f"step {step:,}: {why}", do)


def disk(state: State) -> list[Finding]:
    """Is there room for the next checkpoint?"""
    if state.disk is None:
        return []
    free, needed = state.disk.free_bytes, ROOM * state.saved.bytes
    words = f"{size(free)} free"
    if not state.disk.writable:
        do = "make it writable, or copy the workdir to where it is"
        return [Finding("disk", BAD, f"{state.workdir} cannot be written", do)]
    if free < needed:
        do = "free the disk before anything else: what is not saved is lost"
        words += f", and a checkpoint takes {size(state.saved.bytes)}"
        return [Finding("disk", BAD, words, do)]
    return [Finding("disk", GOOD, words)]


def lines(state: State) -> list[Finding]:
    """Are all lines of metrics and events as they were written?

    A run that was killed may leave half of the last one.
    """
    found = [
        Finding(name, GOOD, "its last line was cut off as it was written: left out")
        for name in state.cut_off
    ]
    do = "restore that file from a copy, or go on without those lines"
    return found + [
        Finding(name, NOTE, f"{json_lines.describe_damage(numbers)} and left out", do)
        for name, numbers in state.damaged_lines.items()
    ]
