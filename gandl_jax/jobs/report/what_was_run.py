"""Chapter of the report "What was run"."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.inputs import Inputs
from gandl_jax.jobs.report.page import Html
from gandl_jax.raw import screen
from gandl_jax.reading import labelling

TRAINED = {  # name on the page -> key of the flat config
    "Method": "method.name",
    "Crops (px)": "data.crop_px",
    "Seed": "seed",
    "Batch": "train.batch",
    "Learning rate": "method.learning_rate",
}
EVALUATED = {
    "Features shown first": "evaluate.features",
    "Normalisation": "evaluate.normalize",
    "Splits": "evaluate.splits",
    "Intervals resample": "evaluate.bootstrap_unit",
}

# In `config.json`: shown elsewhere, or for the jobs alone.
KEPT_APART = "config", "history", "command", "start", labelling.WRITTEN

_HASH = re.compile(r"[0-9a-f]{32,}")


def section(inputs: Inputs) -> Html:
    """Builds the chapter of facts: config, data, history, machine."""
    pairs = [("Command", page.tag("code", inputs.typed))] if inputs.typed else []
    pairs += [
        ("Config", inputs.name),
        ("Screen", screen.load(inputs.config).name),
        *_embedded(inputs),
        *_trained(inputs),
        *_settings(inputs, EVALUATED),
        *_within(inputs),
        *_normalized(inputs),
        *_labelled(inputs),
        *_history(inputs.record),
    ]
    return page.section("run", "What was run", page.facts(pairs))


def _embedded(inputs: Inputs) -> Iterator[tuple[str, str]]:
    if inputs.channels:
        yield "Channels", ", ".join(inputs.channels)
    for dataset, counts in inputs.counts.items():
        counted = ", ".join(page.count(number, unit) for unit, number in counts.items())
        yield f"Embedded of {dataset}", counted
    for line in inputs.bad_records.itertuples():
        position = f"record {line.record} of {line.shard}"
        yield "Passed over", f"{line.name}, {position}: {line.what}"
    for sentence in inputs.damaged:
        yield "Damaged", sentence
    for dataset, encoders in inputs.encoders.items():
        yield f"Features of {dataset}", ", ".join(encoders)


def _trained(inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Yields facts of the training in this workdir, or where the encoder is from."""
    if inputs.config.embed.checkpoint:
        yield "Encoder taken from", inputs.config.embed.checkpoint
    if start := inputs.record.get("start"):
        yield "Training started from", start["from"]
    if inputs.metrics:
        last = inputs.metrics[-1]
        if held_out := inputs.config.train.hold_out:
            yield "Held out of training", held_out
        yield from _settings(inputs, TRAINED | _facts_of_method(inputs))
        yield "Images seen", f"{last['images']:,} in {last['step']:,} steps"
        if last.get("seconds"):
            yield "Training time", f"{last['seconds'] / 60:.1f} min"


def _facts_of_method(inputs: Inputs) -> Mapping[str, str]:
    """Returns what the method names among the facts of a training."""
    panels = modules.part("methods", inputs.config.method.name, "panels")
    return panels.FACTS if panels else {}


def _labelled(inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Yields where the controls and labels of the scores are from."""
    for dataset, tasks in inputs.tasks.items():
        descriptions = {
            _labels(task["labels"]) for task in tasks.values() if task["labels"]
        }
        for description in sorted(descriptions):
            yield f"Labels of {dataset}", description


def _labels(labels: Mapping[str, Any]) -> str:
    """Describes where a result's labels are from."""
    if labels["from"] == "profiles":
        return "those of when the features were written; no prepared screen was there"
    settings = [
        f"{key.removeprefix('screen.')} {_plain(value)}"
        for key, value in labels.items()
        if key.startswith("screen.") and value
    ]
    return "; ".join(settings) or "as the program describes this screen"


def _history(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    history = record.get("history") or []
    if history:
        yield "Started", history[0]["date"]
    for change in history[1:]:
        yield f"Changed {change['date']}", _changes(change["changed"])
    for key, value in record.items():
        if key not in KEPT_APART and not _is_hash(value):
            yield key.capitalize(), _plain(value)


def _settings(inputs: Inputs, keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    flat = configs.plain(inputs.config)
    for name, key in keys.items():
        yield name, _plain(flat[key])


def _within(inputs: Inputs) -> Iterator[tuple[str, str]]:
    if within := inputs.config.evaluate.within:
        yield "Judged records", within


def _normalized(inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Yields tasks whose normalisation is not the one that all share."""
    shared = inputs.config.evaluate.normalize
    for task in modules.names("tasks", "run"):
        of_task = configs.task_options(inputs.config, task)["normalize"]
        if of_task != shared:
            yield f"Normalisation, {task.replace('_', ' ')}", of_task


def _changes(changed: Mapping[str, Any]) -> str:
    changes = ", ".join(
        f"{key} from {' to '.join(map(str, values))}" for key, values in changed.items()
    )
    return changes or "versions of libraries"


def _is_hash(value: Any) -> bool:
    """Returns True for digests, which jobs compare and readers do not need."""
    return isinstance(value, str) and bool(_HASH.fullmatch(value))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
