"""The report's chapter "What was run"."""

from collections.abc import Mapping
from typing import Any

from gandl_jax import config as configs
from gandl_jax.jobs.report_parts import page
from gandl_jax.jobs.report_parts.inputs import Inputs
from gandl_jax.jobs.report_parts.page import Html

SETTINGS = {  # name on the page -> key of the flat config
    "Seed": "seed",
    "Batch": "train.batch",
    "Learning rate": "method.learning_rate",
    "R1 weight": "method.r1_weight",
}


def section(inputs: Inputs) -> Html:
    """The chapter of facts: the config, the data, the history, the machine."""
    config, record = inputs.config, inputs.record
    last = inputs.metrics[-1] if inputs.metrics else {"images": 0, "step": 0}
    pairs = [
        ("Config", inputs.name),
        ("Screen", config.data.name),
        ("Channels", ", ".join(inputs.channels)),
        ("Resolution", f"{config.data.crop_px} px crops"),
        ("Method", config.method.name),
        *_settings(inputs),
        *_embedded(inputs),
        ("Images seen", f"{last['images']:,}"),
        ("Steps", f"{last['step']:,}"),
    ]
    if inputs.typed:
        pairs.insert(0, ("Command", page.tag("code", inputs.typed)))
    if last.get("seconds"):
        pairs.append(("Training time", f"{last['seconds'] / 60:.1f} min"))
    history = record.get("history") or []
    if history:
        pairs.append(("Started", history[0]["date"]))
    for change in history[1:]:
        pairs.append((f"Changed {change['date']}", _changes(change["changed"])))
    for key, value in record.items():
        if key not in ("config", "history", "command"):
            pairs.append((key.capitalize(), _plain(value)))
    return page.section("run", "What was run", page.facts(pairs))


def _settings(inputs: Inputs) -> list[tuple[str, str]]:
    flat = configs.plain(inputs.config)
    return [(name, str(flat[key])) for name, key in SETTINGS.items() if key in flat]


def _embedded(inputs: Inputs) -> list[tuple[str, str]]:
    return [
        (f"Embedded of {dataset}", ", ".join(f"{k} {n:,}" for k, n in counts.items()))
        for dataset, counts in inputs.counts.items()
    ]


def _changes(changed: Mapping[str, Any]) -> str:
    words = ", ".join(
        f"{key} from {old} to {new}" for key, (old, new) in changed.items()
    )
    return words or "versions of libraries"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
