"""Costs of arms: means over their seeds, as kept in the workdirs."""

from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax import costs
from gandl_jax.errors import InputError
from gandl_jax.judging.entrants import Entrant

Cost = Mapping[str, Any]
MEANS = ("seconds", "compile_seconds", "images", "steps", "step_seconds")
PEAKS = ("peak_host_bytes", "peak_device_bytes")


def mean_costs(compared: Sequence[Entrant]) -> dict[str, Cost]:
    """Returns arm to its costs, as far as workdirs have them.

    Returns:
      "seconds", "compile_seconds", "images", "steps" and "step_seconds" (one step, with
      the wait for its images) as means over seeds; peaks of memory as the highest;
      "flops_per_step", "parameters", "width" and "device" of the first; "stopped", why
      trainings ended before their planned end.
    """
    costs_of_arm: dict[str, list[tuple[Entrant, Cost]]] = {}
    for entrant in compared:
        if cost := _read(entrant):
            costs_of_arm.setdefault(entrant.arm, []).append((entrant, cost))
    return {arm: _over_seeds(seed_costs) for arm, seed_costs in costs_of_arm.items()}


def of_rows(
    cost: Mapping[str, Cost], contents: Sequence[Mapping[str, Any]]
) -> dict[str, Cost]:
    """Returns costs also by the names of arms that are judged in several ways.

    Args:
      cost: arm to its costs, as of `mean_costs`.
      contents: of each task, as the job writes them.
    """
    rows = [row for content in contents for row in content["rows"]]
    named = {row["arm"]: row["training"] for row in rows if "training" in row}
    return {**cost, **{arm: cost[own] for arm, own in named.items() if own in cost}}


def _read(entrant: Entrant) -> Cost | None:
    try:
        return costs.read(entrant.folder)
    except InputError as error:
        print(f"compare   note: {error}", flush=True)
        return None


def _over_seeds(seed_costs: Sequence[tuple[Entrant, Cost]]) -> Cost:
    trainings = [cost["training"] for _, cost in seed_costs if "training" in cost]
    if not trainings:
        return {}
    flat = [training | _seconds(training) for training in trainings]
    first = trainings[0]
    averaged = {
        key: sum(training[key] for training in flat) / len(flat) for key in MEANS
    }
    averaged |= {
        key: _highest([training[key] for training in trainings]) for key in PEAKS
    }
    averaged |= {key: first[key] for key in ("flops_per_step", "device", "devices")}
    averaged["parameters"] = first["parameters"]["encoder"]
    averaged["width"] = _width(*seed_costs[0])
    averaged["stopped"] = "; ".join(
        dict.fromkeys(
            f"step {training['stopped']['step']:,}: {training['stopped']['why']}"
            for training in trainings
            if training["stopped"] and training["stopped"]["why"] != costs.PLANNED
        )
    )
    return averaged


def _seconds(training: Cost) -> dict[str, float]:
    """Returns the seconds of a whole training, and of one of its steps."""
    seconds_of_stage, steps = training["seconds"], training["steps"]
    step_seconds = seconds_of_stage["steps"] / steps if steps else 0.0
    return {"seconds": sum(seconds_of_stage.values()), "step_seconds": step_seconds}


def _highest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _width(entrant: Entrant, cost: Cost) -> int | None:
    """Counts the features of the headline set."""
    encoder, _, name = entrant.trained.partition("/")
    embedding = cost.get("embedding", {}).get(entrant.encoders[0].parent.name, {})
    return embedding.get(encoder, {}).get("widths", {}).get(name)


def memory_bytes(cost: Cost) -> int | None:
    """Returns the peak of a device if known, else of the host."""
    return cost.get("peak_device_bytes") or cost.get("peak_host_bytes")
