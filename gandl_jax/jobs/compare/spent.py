"""What arms have cost: means over their seeds, as the workdirs kept them."""

from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax import costs
from gandl_jax.errors import InputError
from gandl_jax.judging.entrants import Entrant

Cost = Mapping[str, Any]
MEANS = ("seconds", "compile_seconds", "images", "steps", "step_seconds")
PEAKS = ("peak_host_bytes", "peak_device_bytes")


def of_arms(compared: Sequence[Entrant]) -> dict[str, Cost]:
    """Arm to its figures, as far as workdirs have them.

    Returns:
      "seconds", "compile_seconds", "images", "steps" and "step_seconds" (one step, with
      the wait for its images) as means over seeds; peaks of memory as the highest;
      "flops_per_step", "parameters", "width" and "device" of the first; "stopped", why
      trainings ended, where that was before their planned end.
    """
    found: dict[str, list[tuple[Entrant, Cost]]] = {}
    for one in compared:
        if own := _read(one):
            found.setdefault(one.arm, []).append((one, own))
    return {arm: _together(of_seeds) for arm, of_seeds in found.items()}


def _read(one: Entrant) -> Cost | None:
    try:
        return costs.read(one.folder)
    except InputError as error:
        print(f"compare   note: {error}", flush=True)
        return None


def _together(of_seeds: Sequence[tuple[Entrant, Cost]]) -> Cost:
    trainings = [cost["training"] for _, cost in of_seeds if "training" in cost]
    if not trainings:
        return {}
    flat = [t | _seconds(t) for t in trainings]
    first = trainings[0]
    made = {key: sum(t[key] for t in flat) / len(flat) for key in MEANS}
    made |= {key: _highest([t[key] for t in trainings]) for key in PEAKS}
    made |= {key: first[key] for key in ("flops_per_step", "device", "devices")}
    made["parameters"] = first["parameters"]["encoder"]
    made["width"] = _width(*of_seeds[0])
    made["stopped"] = "; ".join(
        dict.fromkeys(
            f"step {t['stopped']['step']:,}: {t['stopped']['why']}"
            for t in trainings
            if t["stopped"] and t["stopped"]["why"] != costs.PLANNED
        )
    )
    return made


def _seconds(training: Cost) -> dict[str, float]:
    """What a training took in all, and what one of its steps did."""
    parts, steps = training["seconds"], training["steps"]
    each = parts["steps"] / steps if steps else 0.0
    return {"seconds": sum(parts.values()), "step_seconds": each}


def _highest(values: Sequence[int | None]) -> int | None:
    return max((v for v in values if v is not None), default=None)


def _width(one: Entrant, cost: Cost) -> int | None:
    """The number of features of the headline set."""
    encoder, _, name = one.trained.partition("/")
    own = cost.get("embedding", {}).get(one.encoders[0].parent.name, {})
    return own.get(encoder, {}).get("widths", {}).get(name)


def memory_bytes(own: Cost) -> int | None:
    """The peak of a device where one tells, else of the host."""
    return own.get("peak_device_bytes") or own.get("peak_host_bytes")
